// Which thing in a photo is the product: a box drawn around it, or taps on it and on what is not. Places are pixels of the
// photo held upright, as browsers show it.
import { $, say, slot } from './dom.js';
import { Easel } from './easel.js';
import { many, t } from './words.js';

const POINTS_MAX = 32;
// Below this share of the photo a drag was meant as a tap.
const BOX_MIN = 0.02;

let easel;
let open = null;
let mode = 'box';
let from = null;

const dialog = () => $('choose');
const part = (name) => slot(dialog(), name);

// What is sent with the photo.
export function fields({ choice }) {
  if (!choice) return {};
  return {
    box: choice.box ? choice.box.join(',') : '',
    include: choice.include.map((at) => at.join(',')),
    exclude: choice.exclude.map((at) => at.join(',')),
  };
}

export const count = ({ choice }) =>
  choice ? Number(Boolean(choice.box)) + choice.include.length + choice.exclude.length : 0;

function turn(wanted) {
  mode = wanted;
  for (const name of ['box', 'include', 'exclude']) part(name).setAttribute('aria-pressed', String(name === mode));
  say(part('said'), t(`choose.how.${mode}`));
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
  for (const [points, name] of [[include, 'is-in'], [exclude, 'is-out']]) {
    for (const [cx, cy] of points) {
      const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
      for (const [key, value] of Object.entries({ cx, cy, r: size, class: name })) dot.setAttribute(key, value);
      frame.append(dot);
    }
  }
  const all = count(open);
  part('clear').disabled = all === 0;
  dialog().dataset.count = all;
}

function span(one, other) {
  const [x, y] = [Math.min(one[0], other[0]), Math.min(one[1], other[1])];
  return [x, y, Math.abs(one[0] - other[0]) + 1, Math.abs(one[1] - other[1]) + 1];
}

const hand = {
  down(at) {
    from = at;
  },
  move(at) {
    if (mode !== 'box' || !from) return;
    open.choice.box = span(from, at);
    draw();
  },
  up() {
    const { choice } = open;
    if (from && mode !== 'box' && choice.include.length + choice.exclude.length < POINTS_MAX) choice[mode].push(from);
    // The keyboard draws a box by its two corners.
    if (from && mode === 'box') corner(choice);
    from = null;
    draw();
  },
  stop() {
    from = null;
  },
};

function corner(choice) {
  const least = BOX_MIN * Math.max(easel.width, easel.height);
  const drawn = choice.box && choice.box[2] > least && choice.box[3] > least && !open.corner;
  if (drawn) return;
  choice.box = open.corner ? span(open.corner, from) : null;
  open.corner = open.corner ? null : from;
}

function begin() {
  for (const name of ['box', 'include', 'exclude']) part(name).addEventListener('click', () => turn(name));
  part('closer').addEventListener('click', () => easel.enlarge(1.5));
  part('farther').addEventListener('click', () => easel.enlarge(1 / 1.5));
  part('clear').addEventListener('click', () => {
    Object.assign(open, { choice: { box: null, include: [], exclude: [] }, corner: null });
    draw();
  });
  part('cancel').addEventListener('click', () => dialog().close());
  part('done').addEventListener('click', () => {
    open.photo.choice = count(open) ? open.choice : null;
    open.chosen();
    dialog().close();
  });
  return new Easel(dialog(), hand);
}

function show(photo, image, chosen) {
  easel ??= begin();
  const kept = photo.choice ?? { box: null, include: [], exclude: [] };
  open = { photo, chosen, corner: null, choice: structuredClone(kept) };
  dialog().showModal();
  easel.show(photo.url, image.naturalWidth, image.naturalHeight);
  turn('box');
  draw();
  part('stage').focus();
}

// A button on a photo's tile. Where the browser can't show the photo, there is nothing to point at.
export function offer(item, photo) {
  const [image, button] = [item.querySelector('img'), item.querySelector('.photo__choose')];
  const label = () => {
    const all = count(photo);
    say(button, all ? many('choose.chosen', all) : t('choose.offer'));
  };
  label();
  image.addEventListener('load', () => { button.hidden = false; }, { once: true });
  button.addEventListener('click', () => show(photo, image, label));
}
