// One batch as it goes on: how far it is by its event stream, and the photos of this page, however many there are in all.
import * as batches from './batches.js';
import { $, announce, clone, say } from './dom.js';
import * as notify from './notify.js';
import { lang } from './text.js';
import { many, stopwatch, t } from './words.js';

document.documentElement.classList.remove('no-script');

const root = $('batch');
const { id } = root.dataset;
const { query } = $('items').dataset;
const number = new Intl.NumberFormat(lang);
const over = (batch) => batch.status === 'DONE' || batch.status === 'CANCELED';
const ended = ({ total, counts }) => total - counts.waiting - counts.running;

// How long photos take is measured over this time.
const MEASURED_MS = 120_000;
// Photos are asked for no more often than this.
const LOOK_MS = 2_000;
const POLL_MS = 3_000;
const POLL_MS_MAX = 15_000;
const FAILURES_MAX = 3;

let marks = [];
let status = root.dataset.status;
let stream = null;
let timer = 0;
let looking = 0;
let failures = 0;

// Milliseconds that are left; null where nothing can be said yet.
function left(batch) {
  const now = performance.now();
  if (batch.status !== 'OPEN') marks = [];
  else marks = [...marks.filter(([at]) => now - at < MEASURED_MS), [now, ended(batch)]];
  const [first, last] = [marks[0], marks.at(-1)];
  const done = marks.length > 1 ? last[1] - first[1] : 0;
  if (done < 1) return null;
  return ((last[0] - first[0]) / done) * (batch.counts.waiting + batch.counts.running);
}

function show(batch) {
  const changed = batch.status !== status;
  status = batch.status;
  root.dataset.status = status;
  say($('batch-state'), t(`bulk.state.${status.toLowerCase()}`));
  say($('batch-sum'), t('bulk.sum', { made: batch.counts.succeeded, total: batch.total }));
  const wait = left(batch);
  say($('batch-eta'), wait === null ? '' : t('bulk.eta', { time: stopwatch(wait) }));
  $('batch-bar').max = batch.total;
  $('batch-bar').value = ended(batch);
  for (const one of document.querySelectorAll('[data-count]')) {
    const count = one.dataset.count === 'all' ? batch.total : batch.counts[one.dataset.count];
    say(one.querySelector('b'), number.format(count));
  }
  const may = {
    pause: status === 'OPEN',
    resume: status === 'PAUSED',
    cancel: !over(batch),
    retry: batch.retryable > 0,
  };
  const unfit = status === 'CANCELED' ? 0 : batch.counts.failed - batch.retryable;
  $('batch-unfit').hidden = unfit < 1;
  say($('batch-unfit'), unfit < 1 ? '' : many('bulk.unfit', unfit));
  for (const form of root.querySelectorAll('[data-act]')) form.hidden = !may[form.dataset.act];
  if (changed) announce($('batch-state').textContent);
}

function note(item) {
  if (item.error) return item.error.message;
  if (item.passed === null) return '';
  return t(item.passed ? 'bulk.passed' : 'bulk.missed');
}

function fill(tile, item) {
  tile.dataset.number = item.number;
  tile.dataset.state = item.status;
  const [link, image] = [tile.querySelector('a'), tile.querySelector('img')];
  if (item.pageUrl) link.href = item.pageUrl;
  else link.removeAttribute('href');
  image.hidden = !item.thumbUrl;
  if (item.thumbUrl && image.getAttribute('src') !== item.thumbUrl) image.src = item.thumbUrl;
  say(tile.querySelector('.item__name'), item.name);
  say(tile.querySelector('.item__state'), t(`bulk.item.${item.status}`));
  say(tile.querySelector('.item__note'), note(item));
  say(tile.querySelector('.item__hint'), item.error?.hint ?? '');
  return tile;
}

// Tiles stay where they are, so that nobody loses the one they look at.
function draw(items) {
  const list = $('items');
  const known = new Map([...list.children].map((tile) => [Number(tile.dataset.number), tile]));
  const tiles = items.map((item) => fill(known.get(item.number) ?? clone('item-tile'), item));
  const same = tiles.length === list.children.length && tiles.every((tile, at) => tile === list.children[at]);
  if (!same) list.replaceChildren(...tiles);
  $('items-none').hidden = items.length > 0;
}

async function look() {
  looking = 0;
  try {
    const batch = await batches.batch(id, query);
    show(batch);
    draw(batch.items);
  } catch {
    // The next change asks again.
  }
}

function lookSoon(pause = LOOK_MS) {
  if (!looking) looking = setTimeout(look, pause);
}

function offline(is) {
  $('batch-trouble').hidden = !is;
  if (is) say($('batch-trouble'), `${t('trouble.offline')}. ${t('bulk.offline')}`);
}

function told(trouble) {
  say($('batch-trouble'), trouble);
  $('batch-trouble').hidden = false;
}

function take(batch) {
  failures = 0;
  offline(false);
  show(batch);
  if (over(batch)) {
    unfollow();
    notify.tell(document.querySelector('h1').textContent, $('batch-state').textContent, location.pathname);
  }
  offer(!over(batch));
  lookSoon(over(batch) ? 0 : LOOK_MS);
}

// Of what is over nothing is left to be told.
function offer(shown) {
  if ($('notify')) $('notify').parentElement.hidden = !shown;
}

function unfollow() {
  clearTimeout(timer);
  stream?.close();
  [timer, stream] = [0, null];
}

async function poll() {
  try {
    take(await batches.batch(id, 'limit=1'));
  } catch {
    failures += 1;
    offline(true);
  }
  const pause = Math.min(POLL_MS * 2 ** Math.min(failures, 3), POLL_MS_MAX);
  if (goesOn() && !stream && listens()) timer = setTimeout(poll, pause);
}

const goesOn = () => status === 'OPEN' || status === 'PAUSED';

// Behind another tab only for whoever wants to be told.
const listens = () => !document.hidden || notify.wanted();

// The stream comes back by itself; where it won't, the batch is asked for. A tab that nobody sees keeps no connection, of which
// a browser has few.
function follow() {
  if (stream || timer || !listens()) return;
  if (document.hidden) {
    timer = setTimeout(poll, POLL_MS);
    return;
  }
  if (!('EventSource' in window)) {
    poll();
    return;
  }
  stream = new EventSource(batches.eventsOf(id));
  stream.onmessage = (event) => take(JSON.parse(event.data));
  stream.onerror = () => {
    failures += 1;
    if (failures > 1) offline(true);
    if (failures < FAILURES_MAX && stream?.readyState !== EventSource.CLOSED) return;
    stream?.close();
    stream = null;
    if (!timer) poll();
  };
}

function asked(question) {
  const dialog = $('ask');
  say($('ask-text'), question);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

async function steer(form) {
  if (form.dataset.ask && !(await asked(form.dataset.ask))) return;
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const batch = await batches.steer(id, form.dataset.act);
    marks = [];
    show(batch);
    lookSoon(0);
    if (!over(batch)) follow();
  } catch (error) {
    told(`${error.message} ${error.hint ?? ''}`);
  } finally {
    button.disabled = false;
  }
}

root.addEventListener('submit', (event) => {
  event.preventDefault();
  steer(event.target);
});
const when = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
for (const time of document.querySelectorAll('time')) say(time, when.format(new Date(time.dateTime)));
document.addEventListener('visibilitychange', () => {
  if (!goesOn()) return;
  unfollow();
  failures = 0;
  follow();
});
if ($('notify')) notify.start(told);
if (goesOn()) follow();
