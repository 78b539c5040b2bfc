// Many photos at once: a ZIP as it is, or a folder that becomes one on its way; a list beside them, read before anything is sent.
import { named } from './api.js';
import * as batches from './batches.js';
import { $, announce, bringAlong, say } from './dom.js';
import { chosen as filesOf, dropped } from './folder.js';
import * as preset from './preset.js';
import { lang } from './text.js';
import { bytes, many, price, t } from './words.js';
import { pack } from './zip.js';

document.documentElement.classList.remove('no-script');

const input = $('zip');
const limits = {
  photo: Number(input.dataset.photoBytesMax),
  all: Number(input.dataset.bytesMax),
  count: Number(input.dataset.countMax),
};
const isZip = ({ file }) => /\.zip$/i.test(file.name);
const isList = ({ file }) => /\.csv$/i.test(file.name);

// Either a ZIP, or photos by their paths.
let zip = null;
let photos = new Map();
// Of these photos, so that a second try needs not read them again.
let packed = null;
let stop = null;
// The newest wish, part by part, and its name: the same one that is sent again becomes one batch.
let wished = [];
let key = '';

function keyOf(...wish) {
  const same = wish.length === wished.length && wish.every((part, at) => part === wished[at]);
  if (!same) [wished, key] = [wish, named()];
  return key;
}

function hint(text, bad = false) {
  say($('hint'), text);
  $('hint').classList.toggle('is-bad', bad);
}

// What the place for photos says while nothing was chosen.
const usual = [...$('chosen').childNodes];

const taken = () => [...photos.values()];
const total = () => taken().reduce((sum, { file }) => sum + file.size, 0);

function draw() {
  const [some, title] = [zip || photos.size > 0, $('chosen')];
  const count = taken().filter((one) => !isList(one)).length;
  if (zip) say(title, `${zip.name}, ${bytes(zip.size)}`);
  else if (some) say(title, many('bulk.chosen', count, { bytes: bytes(total()) }));
  else title.replaceChildren(...usual);
  $('clear').hidden = !some;
  priced(zip ? 0 : count);
}

// A ZIP keeps to itself how many photos it holds, and a list may name one several times: then it is said for each.
function priced(photos) {
  const [cents, pictures] = [Number($('price').dataset.cents), Number($('num-images').value)];
  const listed = $('csv').files.length > 0 || taken().some(isList);
  if (photos === 0 || listed) say($('price'), price(cents, pictures, listed ? 'bulk.price.line' : 'bulk.price.each'));
  else say($('price'), price(cents * pictures, photos, photos === 1 ? 'bulk.price.each' : 'bulk.price'));
}

function clear() {
  [zip, photos, packed] = [null, new Map(), null];
  if (!$('csv').files.length) $('list').hidden = true;
  hint('');
  draw();
}

function add(all) {
  packed = null;
  const archives = all.filter(isZip);
  const others = all.filter((one) => !isZip(one) && !isList(one));
  if (archives.length > 1 || (archives.length === 1 && others.length > 0)) return hint(t('bulk.hint.mixed'), true);
  if (archives.length === 1) {
    [zip, photos] = [archives[0].file, new Map()];
  } else {
    zip = null;
    const fit = all.filter((one) => isList(one) || one.file.size <= limits.photo);
    for (const one of fit) photos.set(one.path, one);
    const out = all.length - fit.length;
    hint(out > 0 ? many('bulk.left', out, { bytes: bytes(limits.photo) }) : '');
  }
  draw();
  const list = all.find(isList);
  if (list) preview(list.file);
  return announce($('chosen').textContent);
}

// Why these can't be sent, or nothing. The server decides; this only spares an upload.
function fault() {
  const size = zip ? zip.size : total();
  if (!zip && photos.size === 0) return t('bulk.hint.none');
  if (photos.size > limits.count) return t('bulk.hint.count', { n: limits.count });
  if (size > limits.all) return t('bulk.hint.large', { bytes: bytes(limits.all) });
  return '';
}

function cell(text) {
  const cell = document.createElement('td');
  say(cell, text ?? '');
  return cell;
}

function row(line) {
  const row = document.createElement('tr');
  row.append(...[line.file, line.sku, line.preset, line.prompt, line.products].map(cell));
  return row;
}

function told(line) {
  const told = document.createElement('li');
  say(told, `${line.error.message} ${line.error.hint}`);
  return told;
}

async function preview(file) {
  $('list').hidden = false;
  say($('list-sum'), t('bulk.list.reading'));
  try {
    const list = await batches.readList(file);
    const wrong = list.wrong > 0 ? ` ${many('bulk.list.wrong', list.wrong)}` : '';
    say($('list-sum'), `${file.name}: ${many('bulk.list', list.lines)}${wrong}`);
    $('list-lines').replaceChildren(...list.first.map(row));
    $('list-faults').replaceChildren(...list.faults.map(told));
    $('list-scroll').hidden = list.lines === 0;
  } catch (error) {
    say($('list-sum'), `${error.message} ${error.hint ?? ''}`);
    $('list-scroll').hidden = true;
    $('list-faults').replaceChildren();
  }
}

function busy(on) {
  $('sent').hidden = !on;
  $('stop').hidden = !on;
  $('go').disabled = on;
  $('clear').disabled = on;
}

function progress(part, key) {
  $('sent').value = part;
  hint(t(key, { percent: Math.floor(part * 100) }));
}

// The folder that all photos lie in, if there is one.
function archiveName() {
  const roots = new Set([...photos.keys()].map((path) => (path.includes('/') ? path.split('/')[0] : '')));
  return roots.size === 1 && !roots.has('') ? `${[...roots][0]}.zip` : 'photos.zip';
}

async function archive() {
  if (zip) return zip;
  if (packed) return packed;
  const [all, reading] = [Math.max(1, total()), new AbortController()];
  let read = 0;
  stop = () => reading.abort();
  // As people count, whatever order the browser found them in.
  const sorted = [...photos.values()].sort((a, b) => a.path.localeCompare(b.path, lang, { numeric: true }));
  packed = await pack(sorted, (count) => {
    read += count;
    progress(read / all, 'bulk.reading');
  }, reading.signal);
  return packed;
}

async function send(event) {
  event.preventDefault();
  const why = fault();
  if (why) {
    hint(why, true);
    input.focus();
    return;
  }
  const form = $('bulk').elements;
  const fields = {
    preset: preset.chosen().value,
    prompt: form.prompt.value.trim(),
    num_images: form.num_images.value,
    products: form.products.value.trim(),
    notifyEmail: form.notifyEmail?.value.trim() ?? '',
    notifyWhatsapp: form.notifyWhatsapp?.value.trim() ?? '',
  };
  busy(true);
  try {
    const body = await archive();
    const list = $('csv').files[0];
    const mine = keyOf(JSON.stringify(fields), body, list);
    const upload = batches.handIn(fields, body, zip ? zip.name : archiveName(), list, mine, (part) =>
      progress(part, part < 1 ? 'bulk.sending.part' : 'bulk.checking'));
    stop = upload.stop;
    const batch = await upload.done;
    stop = null;
    location.assign(batch.pageUrl);
  } catch (error) {
    const unread = error.name === 'NotReadableError' || error.name === 'NotFoundError';
    const text = unread ? t('bulk.hint.unread') : error.name === 'AbortError' ? t('bulk.stopped') : error.message;
    hint(`${text} ${error.hint ?? ''}`.trim(), true);
    stop = null;
    busy(false);
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
  addEventListener('drop', async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    shown(false);
    if (stop) return;
    hint(t('bulk.looking'));
    add(await dropped(event.dataTransfer));
  });
}

// More than that is chosen anew in another language: a browser copies what it keeps.
const KEPT_BYTES_MAX = 256 << 20;

// What another page of this form has to know to go on where this one was left.
const unsent = {
  form: 'bulk',
  but: '#zip, #folder',
  any: () => zip !== null || photos.size > 0,
  more() {
    if ((zip?.size ?? total()) > KEPT_BYTES_MAX) throw new RangeError('too much to be copied while somebody waits');
    return { zip, photos: taken() };
  },
  take(kept) {
    [zip, photos] = [kept.zip, new Map(kept.photos.map((one) => [one.path, one]))];
    $('preset').dispatchEvent(new Event('change', { bubbles: true }));
    draw();
    const list = $('csv').files[0] ?? taken().find(isList)?.file;
    if (list) preview(list);
  },
};

function start() {
  preset.start();
  input.multiple = true;
  input.required = false;
  input.accept = input.dataset.many;
  // Emptied, so that the same files can be chosen again; they are sent from here.
  const take = (from) => from.addEventListener('change', () => {
    const all = filesOf(from.files);
    from.value = '';
    if (all.length > 0) add(all);
  });
  take(input);
  const folder = $('folder');
  folder.webkitdirectory = true;
  take(folder);
  $('ways').hidden = !('webkitdirectory' in folder);
  $('pick-folder').addEventListener('click', () => folder.click());
  $('clear').addEventListener('click', clear);
  $('csv').addEventListener('change', () => {
    if ($('csv').files.length > 0) preview($('csv').files[0]);
    else $('list').hidden = true;
    draw();
  });
  $('num-images').addEventListener('change', draw);
  draw();
  $('stop').addEventListener('click', () => stop?.());
  $('bulk').addEventListener('submit', send);
  addEventListener('beforeunload', (event) => {
    if (stop) event.preventDefault();
  });
  const when = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
  for (const time of document.querySelectorAll('time')) say(time, when.format(new Date(time.dateTime)));
  watchDrops();
  bringAlong(unsent);
}

start();
