// Photos come in by drop, click, paste or camera; Generate makes each a job of its own.
import * as api from './api.js';
import { Card, compact } from './card.js';
import * as choice from './choice.js';
import { $, announce, calm, clone, say } from './dom.js';
import * as preset from './preset.js';
import * as scene from './scene.js';
import { many, t } from './words.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif', 'image/tiff', 'image/gif'];
// Uploads at once: more would only make each slower.
const AT_ONCE = 2;

let photos = [];
const waiting = [];
let running = 0;

const input = () => $('photo');

function hint(text, bad = false) {
  say($('hint'), text);
  $('hint').classList.toggle('is-bad', bad);
}

// Why a file can't be a photo, or null. The server decides; this only spares an upload.
function fault(file) {
  const name = file.name || t('jobs.untitled');
  if (file.size === 0) return t('make.hint.empty', { name });
  if (file.type && !TYPES.includes(file.type)) return t('make.hint.kind', { name });
  if (file.size > Number(input().dataset.bytesMax)) return t('make.hint.large', { name });
  return null;
}

export function add(files) {
  const most = Number(input().dataset.countMax);
  let trouble = '';
  for (const file of files) {
    if (photos.length >= most) {
      trouble = t('make.hint.count', { n: most });
      break;
    }
    const why = fault(file);
    if (why) trouble = why;
    else photos.push({ file, url: URL.createObjectURL(file) });
  }
  draw();
  hint(trouble || (photos.length ? many('make.added', photos.length) : $('hint').dataset.usual), Boolean(trouble));
}

function remove(photo) {
  URL.revokeObjectURL(photo.url);
  photos = photos.filter((other) => other !== photo);
  draw();
  hint(photos.length ? many('make.added', photos.length) : $('hint').dataset.usual);
  input().focus();
}

function tile(photo) {
  const item = clone('photo-tile');
  const image = item.querySelector('img');
  // Few browsers show HEIC and TIFF; the name stands for the picture there.
  image.addEventListener('error', () => { image.hidden = true; }, { once: true });
  choice.offer(item, photo);
  image.src = photo.url;
  say(item.querySelector('.photo__name'), photo.file.name || t('jobs.untitled'));
  const button = item.querySelector('.photo__remove');
  button.setAttribute('aria-label', t('make.photo.remove', { name: photo.file.name }));
  button.addEventListener('click', () => remove(photo));
  return item;
}

function draw() {
  const list = $('photos');
  list.replaceChildren(...photos.map(tile));
  list.dataset.count = photos.length;
  list.hidden = photos.length === 0;
  $('drop').classList.toggle('has-photos', photos.length > 0);
  say($('drop-pick'), photos.length ? t('make.drop.more') : t('make.drop.choose'));
  say($('generate'), photos.length > 1 ? t('make.generate.many', { n: photos.length }) : t('make.generate'));
}

function wish() {
  return {
    preset: $('preset').value,
    prompt: $('prompt').value.trim(),
    identifier: $('identifier').value.trim(),
    num_images: $('composer').elements.num_images.value,
    ...scene.wish(),
  };
}

function generate(event) {
  event.preventDefault();
  const words = $('prompt').value.trim();
  const wordsWillDo = words && $('composer').dataset.words === 'yes';
  if (photos.length === 0 && !wordsWillDo) {
    hint(t(words ? 'make.hint.words' : 'make.hint.none'), true);
    input().focus();
    return;
  }
  if (scene.lacksPicture()) {
    hint(t('scene.picture.none'), true);
    $('scene-picture').focus();
    return;
  }
  // Words alone are one job.
  const all = photos.length > 0 ? photos : [{ file: null, url: '', name: words.slice(0, 80) }];
  const [fields, alone] = [wish(), all.length === 1];
  photos = [];
  draw();
  hint($('hint').dataset.usual);
  const cards = all.map((photo) => begin(photo, fields, alone));
  cards[0].element.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'start' });
  cards[0].element.focus({ preventScroll: true });
  announce(t('stage.uploading'));
}

function begin(photo, fields, alone) {
  const card = new Card();
  $('jobs').hidden = false;
  compact([...$('job-list').children]);
  $('job-list').prepend(card.element);
  const start = () => {
    card.begin(photo.file ?? photo, photo.url, fields.preset);
    waiting.push({ card, photo, fields: { ...fields, ...choice.fields(photo) }, alone });
    next();
  };
  card.again = () => {
    card.stop();
    card.step = -1;
    card.since = Date.now();
    delete card.element.dataset.id;
    start();
  };
  card.abort = () => {
    const at = waiting.findIndex((one) => one.card === card);
    if (at >= 0) waiting.splice(at, 1);
    card.fail({ code: 'canceled', message: '' });
  };
  start();
  return card;
}

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    running += 1;
    send(waiting.shift()).finally(() => {
      running -= 1;
      next();
    });
  }
}

async function send({ card, photo, fields, alone }) {
  const upload = api.generate(fields, photo.file, (part) => card.uploading(part));
  card.abort = upload.stop;
  card.uploading(0);
  try {
    const job = await upload.done;
    if (alone) history.pushState({ job: job.jobId }, '', `/jobs/${encodeURIComponent(job.jobId)}`);
    card.accepted(job.jobId);
  } catch (error) {
    card.fail(error);
  }
}

function watchDrops() {
  const over = $('over');
  let depth = 0;
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const shown = (on) => {
    over.hidden = !on;
    $('drop').classList.toggle('is-over', on);
  };
  addEventListener('dragenter', (event) => {
    if (carriesFiles(event)) shown((depth += 1) > 0);
  });
  addEventListener('dragleave', (event) => {
    if (carriesFiles(event)) shown((depth = Math.max(0, depth - 1)) > 0);
  });
  addEventListener('dragover', (event) => carriesFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    shown(false);
    add(event.dataTransfer.files);
  });
}

export function start() {
  preset.start();
  scene.start();
  input().multiple = true;
  input().required = false;
  // Emptied, so that the same file can be chosen again.
  input().addEventListener('change', () => {
    add([...input().files]);
    input().value = '';
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) add(files);
  });
  $('composer').addEventListener('submit', generate);
  watchDrops();
}
