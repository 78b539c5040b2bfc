// A picture beside the photo or another picture of its job: under one slider or side by side, down to its pixels.
import { $, change, say } from './dom.js';
import { CLOSER, Lens } from './lens.js';
import { t } from './words.js';

const AT_FIRST = 50;
// As wide as the smaller copies that are shown at first.
const COPY_WIDTH = 1280;
// How near the edge a finger has to be to take it while the picture is larger than its place.
const REACH = 32;

let shown = null;
let lens = null;

const stage = () => $('views-compare');
const isSide = () => stage().dataset.way === 'side';

function slide(part = $('views-range').value) {
  $('views-range').value = part;
  stage().style.setProperty('--part', `${part}%`);
  $('views-range').setAttribute('aria-valuetext', t('views.range.value', { percent: Number(part) }));
}

const shareOf = (event) => {
  const { left, width } = stage().getBoundingClientRect();
  return [((event.clientX - left) / width) * 100, left, width];
};

// The edge is drawn at any place while all is seen, and only near itself once there is something to move.
function takesEdge(event) {
  if (isSide()) return false;
  const [, left, width] = shareOf(event);
  const edge = left + (width * $('views-range').value) / 100;
  return lens.zoom <= 1.01 || Math.abs(event.clientX - edge) < REACH;
}

// Closer than the copies are sharp, the pictures themselves are shown.
function sharpen(zoom, width) {
  if (!shown || zoom * width * devicePixelRatio <= COPY_WIDTH) return;
  for (const image of [$('views-after'), $('views-before')]) {
    const own = image.dataset.full;
    if (own && image.getAttribute('src') !== own) image.src = own;
  }
}

function put(image, side) {
  Object.assign(image, { src: `${side.url}?w=${COPY_WIDTH}`, alt: side.alt });
  image.dataset.full = side.url;
}

function against(name) {
  const side = shown.others.find((other) => other.name === name) ?? shown.others[0];
  put($('views-before'), side);
  put($('views-after'), shown.after);
  say($('views-before-tag'), side.tag);
  say($('views-after-tag'), side.isPhoto ? t('views.after.tag') : shown.after.tag);
  lens.reset(Math.max(shown.width, 1));
}

function turn(way) {
  stage().dataset.way = way;
  for (const button of $('views-ways').querySelectorAll('[data-way]')) {
    button.setAttribute('aria-pressed', String(button.dataset.way === way));
  }
  $('views-range').disabled = way === 'side';
  lens.reset();
}

function select(view) {
  for (const button of $('views-tabs').children) {
    button.setAttribute('aria-pressed', String(button.dataset.view === view));
  }
  say($('views-note'), t(`views.${view}.note`));
  const single = $('views-single');
  stage().hidden = view !== 'compare';
  $('views-ways').hidden = view !== 'compare';
  single.hidden = view === 'compare';
  if (view === 'compare') return lens.reset();
  return Object.assign(single, { src: shown[view], alt: t(`views.${view}`), width: shown.width, height: shown.height });
}

const close = () => change(() => $('views').close());

function begin() {
  const views = $('views');
  $('views-close').addEventListener('click', close);
  views.addEventListener('click', (event) => {
    if (event.target === views) close();
  });
  $('views-range').addEventListener('input', () => slide());
  $('views-tabs').addEventListener('click', (event) => {
    const view = event.target.closest('[data-view]')?.dataset.view;
    if (view) select(view);
  });
  $('views-ways').addEventListener('click', (event) => {
    const way = event.target.closest('[data-way]')?.dataset.way;
    if (way) turn(way);
  });
  $('views-against').addEventListener('change', () => against($('views-against').value));
  $('views-closer').addEventListener('click', () => lens.enlarge(CLOSER));
  $('views-farther').addEventListener('click', () => lens.enlarge(1 / CLOSER));
  views.addEventListener('keydown', (event) => {
    const typed = event.target.closest('select') || event.ctrlKey || event.metaKey || event.altKey;
    if (!stage().hidden && !typed && lens.key(event)) event.preventDefault();
  });
  lens = new Lens(stage(), {
    pane: (at) => at.closest('.compare__pane') ?? stage().querySelector('.compare__pane'),
    takes: takesEdge,
    drag: (event) => slide(Math.round(Math.min(100, Math.max(0, shareOf(event)[0])))),
    changed: sharpen,
  });
}

// `look` names the pictures: `after`, the `others` to hold it against, and addresses of further views.
export function open(look, view) {
  if (!lens) begin();
  return change(() => show(look, view));
}

function show(look, view) {
  shown = look;
  say($('views-title'), look.title);
  stage().style.setProperty('--shape', `${look.width} / ${look.height}`);
  for (const button of $('views-tabs').children) button.hidden = !look[button.dataset.view];
  const options = look.others.map(({ name, tag, alt, isPhoto }) => new Option(isPhoto ? alt : tag, name));
  $('views-against').replaceChildren(...options);
  $('views').showModal();
  slide(AT_FIRST);
  against(look.others[0]?.name);
  turn(stage().dataset.way);
  select(view);
}
