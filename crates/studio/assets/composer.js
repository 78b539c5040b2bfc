// Photos come in by drop, click, paste or camera; Generate makes each a job of its own.
import * as api from './api.js';
import { Card, compact } from './card.js';
import * as choice from './choice.js';
import { $, announce, bringAlong, calm, change, clone, refused, say } from './dom.js';
import * as notify from './notify.js';
import * as preset from './preset.js';
import * as scene from './scene.js';
import * as wishes from './wishes.js';
import { many, t } from './words.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif', 'image/avif', 'image/tiff', 'image/gif'];
const RAW = /\.(arw|cr[23]|dng|nef|orf|raf|raw|rw2)$/i;
// More at once would only make each slower.
const AT_ONCE = 2;

// What in the form a refusal is about, by its code.
const FIELDS = {
  identifier_unusable: 'identifier',
  products_unusable: 'products',
  prompt_too_long: 'prompt',
  notify_email_unusable: 'notify-email',
  no_letters: 'notify-email',
  whatsapp_number_unusable: 'notify-whatsapp',
  whatsapp_not_offered: 'notify-whatsapp',
  choice_outside_photo: 'photos',
};

// Each has a file or an address.
let photos = [];
const waiting = [];
let running = 0;
// Once the newest cards stand in the list.
let placed = Promise.resolve();

const input = () => $('photo');

function hint(text, bad = false) {
  say($('hint'), text);
  $('hint').classList.toggle('is-bad', bad);
}

// Why a file can't be a photo, or null; the server decides.
function fault(file) {
  const name = file.name || t('jobs.untitled');
  if (file.size === 0) return t('make.hint.empty', { name });
  if ((file.type && !TYPES.includes(file.type)) || RAW.test(name)) return t('make.hint.kind', { name });
  const most = Number(input().dataset.bytesMax);
  if (file.size > most) return t('make.hint.large', { name, mb: most >> 20 });
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

const ADDRESS_MAX = 2048;

// A picture that lies elsewhere; whether it can be had is the server's to find out.
export function addAddress(text) {
  const address = URL.canParse(text) ? new URL(text) : null;
  const usable = address && /^https?:$/.test(address.protocol) && !address.username && text.length <= ADDRESS_MAX;
  if (!usable) {
    hint(t('make.address.bad'), true);
    return false;
  }
  const name = address.pathname.split('/').pop() || address.host;
  photos.push({ file: null, url: '', address: address.href, name });
  draw();
  hint(many('make.added', photos.length));
  return true;
}

function fromField() {
  const field = $('photo-url');
  if (addAddress(field.value.trim())) field.value = '';
  else field.focus();
}

// One step towards the front, where the product is.
function earlier(photo) {
  const at = photos.indexOf(photo);
  if (at < 1) return;
  photos.splice(at, 1);
  photos.splice(at - 1, 0, photo);
  draw();
  $('photos').children[at - 1].querySelector('.photo__earlier, .photo__remove').focus();
  announce(t('make.photo.moved', { n: at }));
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
  const name = photo.file?.name || photo.name || t('jobs.untitled');
  choice.offer(item, photo);
  if (photo.url) image.src = photo.url;
  else image.hidden = true;
  say(item.querySelector('.photo__name'), name);
  const forward = item.querySelector('.photo__earlier');
  forward.hidden = photos.indexOf(photo) === 0;
  forward.setAttribute('aria-label', t('make.photo.earlier', { name }));
  forward.addEventListener('click', () => earlier(photo));
  const button = item.querySelector('.photo__remove');
  button.setAttribute('aria-label', t('make.photo.remove', { name }));
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
  $('together-field').hidden = photos.length < 2;
  priced();
  const sets = together() ? 1 : photos.length;
  say($('generate'), sets > 1 ? t('make.generate.many', { n: sets }) : t('make.generate'));
}

// Words make a picture where there is none to begin with.
const ofWords = () => {
  const [words, picture] = [$('prompt').value.trim(), photos.length > 0 || scene.wish().backdropPicture];
  return Boolean(words && !picture && $('composer').dataset.words === 'yes');
};

const priced = () => wishes.price(together() ? 1 : photos.length, ofWords());

// All photos are of one set of pictures.
const together = () => photos.length > 1 && $('together').checked;

function wish() {
  return {
    preset: preset.chosen().value,
    prompt: $('prompt').value.trim(),
    identifier: $('identifier').value.trim(),
    products: $('products').value.trim(),
    num_images: $('composer').elements.num_images.value,
    notifyEmail: $('notify-email')?.value.trim() ?? '',
    notifyWhatsapp: $('notify-whatsapp')?.value.trim() ?? '',
    ...scene.wish(),
  };
}

// What is wrong with a field is said below it.
function wrong(field, error) {
  refused(field.parentElement, error);
  field.focus();
}

function generate(event) {
  event.preventDefault();
  for (const line of $('composer').querySelectorAll('.refused')) line.remove();
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
  if ($('notify-email')?.checkValidity() === false) {
    hint(t('make.letter.bad'), true);
    $('notify-email').focus();
    return;
  }
  if (!$('identifier').checkValidity()) {
    wrong($('identifier'), { message: $('identifier').title });
    return;
  }
  // Words alone are one job.
  const alone = { file: null, url: '', name: words.slice(0, 80) };
  const each = photos.length > 0 ? photos : [alone];
  const all = together() ? [{ ...photos[0], more: photos.slice(1) }] : each;
  const [fields, single] = [wish(), all.length === 1];
  photos = [];
  $('together').checked = false;
  draw();
  hint($('hint').dataset.usual);
  const cards = all.map((photo) => begin(photo, fields, single));
  placed = change(() => {
    $('jobs').hidden = false;
    compact([...$('job-list').children]);
    cards.forEach((card) => $('job-list').prepend(card.element));
    cards[0].element.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'start' });
    cards[0].element.focus({ preventScroll: true });
  }, 'list');
  announce(t('stage.uploading'));
}

function begin(photo, fields, alone) {
  const card = new Card();
  // Kept over tries that ended in doubt; a job that has failed is asked for as a new one.
  let key = api.named();
  const start = () => {
    card.begin(photo.file ?? photo, photo.url, fields.preset);
    waiting.push({ card, photo, fields: { ...fields, ...choice.fields(photo), ...others(photo) }, alone, key });
    next();
  };
  card.again = () => {
    if (card.id) key = api.named();
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

// Nothing was begun: the photo stands in the form again, to be sent with what is corrected there.
async function bringBack({ card, photo: { more = [], ...first } }, field, error) {
  await placed;
  card.hide();
  if (photos.length === 0) $('together').checked = more.length > 0;
  photos.push(...[first, ...more].filter((photo) => photo.file || photo.address));
  draw();
  hint(photos.length ? many('make.added', photos.length) : $('hint').dataset.usual);
  wrong(field, error);
}

// The rest of a set: files after the first one, and addresses.
const others = ({ address, more = [] }) => ({
  image_url: [address, ...more.map((photo) => photo.address)].filter(Boolean),
  more: more.map((photo) => photo.file).filter(Boolean),
});

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    running += 1;
    send(waiting.shift()).finally(() => {
      running -= 1;
      next();
    });
  }
}

async function send(sent) {
  const { card, photo, fields, alone, key } = sent;
  const upload = api.generate(fields, photo.file, key, (part) => card.uploading(part));
  card.abort = upload.stop;
  card.uploading(0);
  try {
    const job = await upload.done;
    if (alone) history.pushState({ job: job.jobId }, '', `/jobs/${encodeURIComponent(job.jobId)}`);
    card.accepted(job.jobId);
  } catch (error) {
    const field = error.status === 422 && $(FIELDS[error.code]);
    if (field) await bringBack(sent, field, error);
    else card.fail(error);
  }
}

// Another number of pictures was chosen.
function counted() {
  $('hint').dataset.usual = many('make.hint', wishes.count());
  $('hint').dataset.pictures = wishes.count();
  if (photos.length === 0) hint($('hint').dataset.usual);
  priced();
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

// What another page of this form has to know to go on where this one was left.
const unsent = {
  form: 'composer',
  // The photos are files here and not in their field; this wish the browser remembers itself.
  but: '#photo, #notify',
  any: () => photos.length > 0,
  more: () => photos.map(({ file, address, name, choice: marks }) => ({ file, address, name, choice: marks })),
  take(kept) {
    photos = kept.map((photo) => ({ ...photo, url: photo.file ? URL.createObjectURL(photo.file) : '' }));
    // The marketplace first, since it says what else can be chosen.
    for (const id of ['preset', 'scene-kind', 'num']) $(id)?.dispatchEvent(new Event('change', { bubbles: true }));
    draw();
    if (photos.length > 0) hint(many('make.added', photos.length));
  },
};

export function start() {
  preset.start();
  wishes.start(counted);
  notify.start((why) => hint(why, true));
  $('together').addEventListener('change', draw);
  $('composer').addEventListener('input', priced);
  $('photo-url-add').addEventListener('click', fromField);
  $('photo-url').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    fromField();
  });
  bringAlong(unsent);
  scene.start();
  // Browsers put back what was typed before the page was loaded anew.
  counted();
  input().multiple = true;
  input().required = false;
  // Emptied, so that the same file can be chosen again.
  input().addEventListener('change', () => {
    add([...input().files]);
    input().value = '';
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) return add(files);
    const text = event.clipboardData?.getData('text/plain').trim() ?? '';
    const typing = event.target.closest?.('input, textarea');
    if (!typing && /^https?:\/\//.test(text)) addAddress(text);
    return undefined;
  });
  $('composer').addEventListener('submit', generate);
  watchDrops();
}
