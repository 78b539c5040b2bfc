// A photo that can be drawn on and looked at closer: with a finger, a pen, a mouse or the keyboard. Two fingers move and zoom.
import { slot } from './dom.js';

const ZOOM_MAX = 8;
// How far an arrow key moves the cursor, as a share of what is seen.
const STEP = 0.02;

export class Easel {
  // `hand` gets down, move, up and stop; places are pixels of the photo.
  constructor(root, hand) {
    this.stage = slot(root, 'stage');
    this.sheet = slot(root, 'sheet');
    this.photo = slot(root, 'photo');
    this.cursor = slot(root, 'cursor');
    this.hand = hand;
    this.fingers = new Map();
    this.sheet.addEventListener('pointerdown', (event) => this.down(event));
    this.sheet.addEventListener('pointermove', (event) => this.move(event));
    this.sheet.addEventListener('pointerup', (event) => this.up(event));
    this.sheet.addEventListener('pointercancel', (event) => this.lost(event));
    this.stage.addEventListener('keydown', (event) => this.key(event));
    this.stage.addEventListener('keyup', (event) => event.key === ' ' && this.lift());
    this.stage.addEventListener('focus', () => this.point());
    this.stage.addEventListener('blur', () => this.left());
    new ResizeObserver(() => this.width && this.fit()).observe(this.stage);
  }

  // Nothing to see, and nowhere to point at.
  clear() {
    Object.assign(this, { width: 0, height: 0, zoom: 1, at: null, pressed: false });
    this.photo.removeAttribute('src');
    this.fingers.clear();
    this.cursor.hidden = true;
  }

  // Whoever waits learns that the photo is there, or why it isn't.
  show(src, width, height) {
    this.clear();
    Object.assign(this, { width, height, at: [width / 2, height / 2] });
    this.photo.src = src;
    this.fit();
    this.point();
    return this.photo.decode();
  }

  fit() {
    const { clientWidth, clientHeight } = this.stage;
    const scale = Math.min(clientWidth / this.width, clientHeight / this.height) * this.zoom;
    this.sheet.style.setProperty('width', `${Math.max(1, Math.floor(this.width * scale))}px`);
    this.sheet.style.setProperty('height', `${Math.max(1, Math.floor(this.height * scale))}px`);
  }

  // Pixels of the page for one of the photo.
  get scale() {
    return this.sheet.getBoundingClientRect().width / this.width;
  }

  // What is in the middle, or under the fingers, stays there.
  enlarge(factor, [x, y] = this.middle()) {
    const before = this.sheet.getBoundingClientRect();
    const share = [(x - before.left) / before.width, (y - before.top) / before.height];
    this.zoom = Math.min(ZOOM_MAX, Math.max(1, this.zoom * factor));
    this.fit();
    this.enlarged(this.zoom);
    const after = this.sheet.getBoundingClientRect();
    this.stage.scrollLeft += after.left + share[0] * after.width - x;
    this.stage.scrollTop += after.top + share[1] * after.height - y;
  }

  // For who has a sharper photo at hand.
  enlarged() {}

  middle() {
    const seen = this.stage.getBoundingClientRect();
    return [seen.left + seen.width / 2, seen.top + seen.height / 2];
  }

  place(event) {
    const box = this.sheet.getBoundingClientRect();
    return this.inside((event.clientX - box.left) / this.scale, (event.clientY - box.top) / this.scale);
  }

  inside(x, y) {
    const held = (value, side) => Math.min(side - 1, Math.max(0, Math.floor(value)));
    return [held(x, this.width), held(y, this.height)];
  }

  down(event) {
    if (event.button > 0 || !this.width) return;
    event.preventDefault();
    this.sheet.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.fingers.size === 1) this.hand.down(this.place(event));
    else this.hand.stop();
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.fingers.size > 1) this.pinch(event.pointerId, before, now);
    else for (const one of event.getCoalescedEvents?.() ?? [event]) this.hand.move(this.place(one));
    this.fingers.set(event.pointerId, now);
  }

  pinch(id, before, now) {
    const other = [...this.fingers].find(([key]) => key !== id)[1];
    const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    this.stage.scrollLeft -= (now[0] - before[0]) / 2;
    this.stage.scrollTop -= (now[1] - before[1]) / 2;
    this.enlarge(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
  }

  up(event) {
    const drawing = this.fingers.size === 1 && this.fingers.has(event.pointerId);
    this.fingers.delete(event.pointerId);
    if (drawing) this.hand.up();
  }

  lost(event) {
    this.fingers.delete(event.pointerId);
    this.hand.stop();
  }

  // Space held down draws along the arrow keys; pressed and let go it is a dab, like Enter.
  key(event) {
    if (!this.at) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const step = (STEP * Math.max(this.width, this.height)) / this.zoom;
    if (way) this.point([this.at[0] + way[0] * step, this.at[1] + way[1] * step]);
    else if (event.key === ' ') this.press();
    else if (event.key === 'Enter') this.dab();
    else return;
    event.preventDefault();
    if (way && this.pressed) this.hand.move(this.at);
  }

  press() {
    if (this.pressed) return;
    this.pressed = true;
    this.hand.down(this.at);
  }

  lift() {
    if (!this.pressed) return;
    this.pressed = false;
    this.hand.up();
  }

  dab() {
    if (this.pressed) return;
    this.hand.down(this.at);
    this.hand.up();
  }

  left() {
    this.cursor.hidden = true;
    if (this.pressed) this.hand.stop();
    this.pressed = false;
  }

  point(at = this.at) {
    if (!at || !this.stage.matches(':focus-visible')) return;
    this.at = this.inside(...at);
    this.cursor.hidden = false;
    this.cursor.style.setProperty('left', `${(this.at[0] / this.width) * 100}%`);
    this.cursor.style.setProperty('top', `${(this.at[1] / this.height) * 100}%`);
    this.cursor.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
}
