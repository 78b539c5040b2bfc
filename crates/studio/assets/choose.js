// Which thing in a photo is the product: a box drawn around it, or taps on it and on what is not. Places are pixels of the
// photo held upright, as browsers show it.
import { count, isMade } from './choice.js';
import { $, say, slot } from './dom.js';
import { Easel } from './easel.js';
import { t } from './words.js';

const POINTS_MAX = 32;
// Below this share of the photo a drag was meant as a tap.
const BOX_MIN = 0.02;

const NOTHING = { box: null, include: [], exclude: [], all: false };

let easel;
let open = null;
let mode = 'box';
let from = null;

const dialog = () => $('choose');
const part = (name) => slot(dialog(), name);

function turn(wanted) {
  mode = wanted;
  open.corner = null;
  for (const name of ['box', 'include', 'exclude']) part(name).setAttribute('aria-pressed', String(name === mode));
  say(part('said'), t(`choose.how.${mode}`));
  draw();
}

function draw() {
  const { box, include, exclude } = open.choice;
  const frame = part('frame');
  frame.setAttribute('viewBox', `0 0 ${easel.width} ${easel.height}`);
  const [square, ...dots] = frame.children;
  const [x, y, width, height] = box ?? [0, 0, 0, 0];
  for (const [name, value] of Object.entries({ x, y, width, height })) square.setAttribute(name, value);
  dots.forEach((dot) => dot.remove());
  const size = Math.max(easel.width, easel.height) / 70;
  const corners = open.corner ? [open.corner] : [];
  for (const [points, name] of [[include, 'is-in'], [exclude, 'is-out'], [corners, 'is-corner']]) {
    for (const [cx, cy] of points) {
      const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
      for (const [key, value] of Object.entries({ cx, cy, r: size, class: name })) dot.setAttribute(key, value);
      frame.append(dot);
    }
  }
  part('all').setAttribute('aria-pressed', String(Boolean(open.choice.all)));
  part('clear').disabled = !isMade(open);
  dialog().dataset.count = count(open);
}

function span(one, other) {
  const [x, y] = [Math.min(one[0], other[0]), Math.min(one[1], other[1])];
  return [x, y, Math.abs(one[0] - other[0]) + 1, Math.abs(one[1] - other[1]) + 1];
}

// A drag is a box; two taps, or the keyboard's two places, are its corners. What was there stays until the new one is whole.
const hand = {
  down(at) {
    from = at;
    open.before = open.choice.box;
  },
  move(at) {
    if (mode !== 'box' || !from) return;
    open.choice.box = isLarge(span(from, at)) ? span(from, at) : open.before;
    draw();
  },
  up() {
    if (!from) return;
    if (mode === 'box') corner(from);
    else mark(open.choice, from);
    from = null;
    draw();
  },
  // A second finger came: they move the photo, and the first one has drawn nothing.
  stop() {
    if (from) open.choice.box = open.before;
    from = null;
    draw();
  },
};

function isLarge([, , width, height]) {
  const least = BOX_MIN * Math.max(easel.width, easel.height);
  return width > least && height > least;
}

function mark(choice, at) {
  if (choice.include.length + choice.exclude.length < POINTS_MAX) choice[mode].push(at);
}

function corner(at) {
  const dragged = open.choice.box !== open.before;
  const whole = !dragged && open.corner && span(open.corner, at);
  if (whole && isLarge(whole)) open.choice.box = whole;
  open.corner = dragged || whole ? null : at;
  say(part('said'), t(open.corner ? 'choose.how.corner' : 'choose.how.box'));
}

// A set, a pair, things side by side: all of it is the product, within the box where there is one.
function everything() {
  open.choice.all = !open.choice.all;
  say(part('said'), t(open.choice.all ? 'choose.how.all' : `choose.how.${mode}`));
  draw();
}

function begin() {
  for (const name of ['box', 'include', 'exclude']) part(name).addEventListener('click', () => turn(name));
  part('all').addEventListener('click', everything);
  part('closer').addEventListener('click', () => easel.enlarge(1.5));
  part('farther').addEventListener('click', () => easel.enlarge(1 / 1.5));
  part('clear').addEventListener('click', () => {
    open.choice = structuredClone(NOTHING);
    turn(mode);
  });
  part('cancel').addEventListener('click', () => dialog().close());
  part('done').addEventListener('click', () => {
    open.photo.choice = isMade(open) ? open.choice : null;
    open.chosen();
    dialog().close();
  });
  return new Easel(dialog(), hand);
}

// `chosen` is told once the marks of the photo are others.
export function show(photo, image, chosen) {
  easel ??= begin();
  const kept = photo.choice ?? NOTHING;
  open = { photo, chosen, corner: null, before: null, choice: structuredClone(kept) };
  dialog().showModal();
  // The tile shows the same photo, so this one is there too.
  easel.show(photo.url, image.naturalWidth, image.naturalHeight).catch(() => {});
  turn('box');
  part('stage').focus();
}
