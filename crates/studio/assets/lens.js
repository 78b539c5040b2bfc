// Looks closer at pictures in panes of one size: wheel, pinch, double tap and keys zoom, a drag moves.
const STEP = 1.5;
const ZOOM_MAX = 16;
// Two taps within this time and distance are one wish.
const TAPS_MS = 350;
const TAPS_APART = 30;
// A finger that stays within this has not moved.
const STILL = 6;

const apart = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

export class Lens {
  // `pane` gives the pane at an element, `takes` tells whether a drag that begins there is somebody else's, who is told of each
  // place by `drag`. `changed` hears of each new zoom.
  constructor(stage, { pane, takes, drag, changed }) {
    Object.assign(this, { stage, pane, takes, drag, changed, zoom: 1, x: 0, y: 0, fingers: new Map() });
    stage.addEventListener('pointerdown', (event) => this.down(event));
    stage.addEventListener('pointermove', (event) => this.move(event));
    stage.addEventListener('pointerup', (event) => this.up(event));
    stage.addEventListener('pointercancel', (event) => this.fingers.delete(event.pointerId));
    stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    new ResizeObserver(() => this.hold()).observe(stage);
  }

  // All of the picture, `pixels` wide.
  reset(pixels = this.pixels) {
    this.pixels = pixels;
    Object.assign(this, { zoom: 1, x: 0, y: 0, tapped: null });
    this.fingers.clear();
    this.hold();
  }

  box(at) {
    return this.pane(at).getBoundingClientRect();
  }

  // What lies at the place stays there.
  enlarge(factor, place, at = this.stage) {
    const { left, top, width, height } = this.box(at);
    const [px, py] = place ? [place[0] - left, place[1] - top] : [width / 2, height / 2];
    const zoom = Math.min(ZOOM_MAX, Math.max(1, this.zoom * factor));
    this.x = px - ((px - this.x) * zoom) / this.zoom;
    this.y = py - ((py - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.hold();
  }

  shift(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.hold();
  }

  // The picture never leaves its pane.
  hold() {
    const { width, height } = this.box(this.stage);
    const within = (value, side) => Math.min(0, Math.max(side - side * this.zoom, value));
    [this.x, this.y] = [within(this.x, width), within(this.y, height)];
    const set = (name, value) => this.stage.style.setProperty(name, value);
    set('--zoom', this.zoom);
    set('--x', `${this.x}px`);
    set('--y', `${this.y}px`);
    this.stage.dataset.zoom = this.zoom.toFixed(2);
    this.changed(this.zoom, width);
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.enlarge(Math.exp(-event.deltaY * lines * 0.002), [event.clientX, event.clientY], event.target);
  }

  down(event) {
    if (event.button > 0) return;
    event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    const place = [event.clientX, event.clientY];
    this.fingers.set(event.pointerId, place);
    const first = this.fingers.size === 1;
    this.begun = first ? { place, target: event.target, theirs: this.takes(event), still: true } : null;
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    this.fingers.set(event.pointerId, now);
    if (this.fingers.size > 1) return this.pinch(event, before, now);
    if (!this.begun || (this.begun.still && apart(now, this.begun.place) < STILL)) return;
    this.begun.still = false;
    if (this.begun.theirs) this.drag(event);
    else this.shift(now[0] - before[0], now[1] - before[1]);
  }

  pinch(event, before, now) {
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)[1];
    const factor = Math.max(1, apart(now, other)) / Math.max(1, apart(before, other));
    this.enlarge(factor, [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2], event.target);
    this.shift((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (!this.begun?.still) return;
    const tap = { place: this.begun.place, time: event.timeStamp };
    const twice = this.tapped && tap.time - this.tapped.time < TAPS_MS && apart(tap.place, this.tapped.place) < TAPS_APART;
    this.tapped = twice ? null : tap;
    if (twice) this.toggle(tap.place, this.begun.target);
    this.begun = null;
  }

  // One pixel of the picture for one of the screen, or all of it again.
  toggle(place, at) {
    if (this.zoom > 1.01) return this.reset();
    const { width } = this.box(at ?? this.stage);
    return this.enlarge(Math.max(2, this.pixels / (width * devicePixelRatio)), place, at);
  }

  // True where the key was one of ours.
  key(event) {
    const tenth = this.box(this.stage).width / 10;
    const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === '+' || event.key === '=') this.enlarge(STEP);
    else if (event.key === '-') this.enlarge(1 / STEP);
    else if (event.key === '0') this.reset();
    else if (way && event.shiftKey) this.shift(way[0] * tenth, way[1] * tenth);
    else return false;
    return true;
  }
}

export const CLOSER = STEP;
