// Corrects a finished job's cut-out: a stroke goes out when the brush is lifted, and the matte that it leads to comes back.
import * as api from './api.js';
import { $, announce, say, slot } from './dom.js';
import { Easel } from './easel.js';
import { t } from './words.js';

// As many points as the server takes from all strokes of a job make some sixty long ones.
const POINTS_MAX = 400;
const SIDE = 1024;

let easel;
// The job that is worked on; null while the dialog is closed.
let work = null;
let kind = 'keep';

const dialog = () => $('brush');
const part = (name) => slot(dialog(), name);

function radius() {
  return Math.max(1, Math.round(Number(part('size').value) / 2 / easel.scale));
}

function choose(wanted) {
  kind = wanted;
  for (const name of ['keep', 'erase']) part(name).setAttribute('aria-pressed', String(name === kind));
}

function tell(text, bad = false) {
  say(part('said'), text);
  part('said').classList.toggle('is-bad', bad);
}

function settle() {
  part('undo').disabled = work.strokes.length === 0 || work.waiting > 0;
  part('done').disabled = work.waiting > 0;
  dialog().dataset.revision = work.revision;
}

// Everything that is not product, as a veil over it.
async function veil(png) {
  const bitmap = await createImageBitmap(png);
  const canvas = part('matte');
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    const product = data[at];
    data[at] = 196;
    data[at + 1] = 30;
    data[at + 2] = 90;
    data[at + 3] = Math.round((255 - product) * 0.62);
  }
  context.putImageData(pixels, 0, 0);
}

function decoded(text) {
  return new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: 'image/png' });
}

function trace(points, broad) {
  const canvas = part('stroke');
  const scale = SIDE / Math.max(easel.width, easel.height);
  const size = { width: Math.ceil(easel.width * scale), height: Math.ceil(easel.height * scale) };
  Object.assign(canvas, size);
  if (points.length === 0) return;
  const context = canvas.getContext('2d');
  Object.assign(context, { lineWidth: broad * 2 * scale, lineCap: 'round', lineJoin: 'round' });
  context.strokeStyle = kind === 'keep' ? 'rgb(64 160 70 / 70%)' : 'rgb(196 30 90 / 70%)';
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(x * scale, y * scale));
  // A dab is a line that goes nowhere.
  if (points.length === 1) context.lineTo(points[0][0] * scale + 0.01, points[0][1] * scale);
  context.stroke();
}

const hand = {
  down(at) {
    if (!work) return;
    this.drawn = [at];
    this.broad = radius();
    trace(this.drawn, this.broad);
  },
  move(at) {
    if (!this.drawn) return;
    const last = this.drawn.at(-1);
    const far = Math.hypot(at[0] - last[0], at[1] - last[1]) >= Math.max(1, this.broad / 3);
    if (!far || this.drawn.length >= POINTS_MAX) return;
    this.drawn.push(at);
    trace(this.drawn, this.broad);
  },
  up() {
    if (!this.drawn) return;
    const stroke = { kind, radius: this.broad, points: this.drawn };
    this.drawn = null;
    change((strokes) => [...strokes, stroke]);
  },
  stop() {
    this.drawn = null;
    if (work) trace([], 1);
  },
};

// One after the other, since each names the revision that the one before has led to.
function change(next) {
  const mine = work;
  mine.waiting += 1;
  settle();
  mine.chain = mine.chain.then(() => send(mine, next)).catch((error) => refuse(mine, error));
  mine.chain = mine.chain.finally(() => {
    mine.waiting -= 1;
    if (mine === work) settle();
  });
  return mine.chain;
}

async function send(mine, next) {
  const strokes = next(mine.strokes);
  const added = strokes.length === mine.strokes.length + 1;
  const said = added
    ? await api.addStrokes(mine.id, mine.revision, strokes.slice(-1), SIDE)
    : await api.putStrokes(mine.id, mine.revision, strokes, SIDE);
  Object.assign(mine, { strokes, revision: said.revision });
  if (mine !== work) return;
  await veil(decoded(said.matte));
  trace([], 1);
  tell(t('brush.strokes', { n: strokes.length }));
}

async function refuse(mine, error) {
  if (mine !== work) return;
  trace([], 1);
  if (error.code === 'strokes_changed') await look(mine).catch(() => {});
  tell(`${error.message} ${error.hint ?? ''}`.trim(), true);
}

async function look(mine) {
  const [kept, png] = await Promise.all([api.strokes(mine.id), api.matte(mine.id, SIDE)]);
  Object.assign(mine, { strokes: kept.strokes, revision: kept.revision });
  mine.began ??= kept.strokes;
  if (mine !== work) return;
  if (easel.width !== kept.photo.width || !easel.shown) {
    easel.show(`${mine.view.sourceUrl}?w=960`, kept.photo.width, kept.photo.height);
    easel.shown = true;
  }
  await veil(png);
  settle();
}

// `remade` gets the job once it has new pictures.
export async function open(view, remade) {
  work = { id: view.jobId, view, remade, revision: 0, strokes: [], waiting: 0, chain: Promise.resolve() };
  easel ??= begin();
  easel.shown = false;
  choose('keep');
  tell(t('brush.how'));
  dialog().showModal();
  part('stage').focus();
  const mine = work;
  try {
    await look(mine);
  } catch (error) {
    tell(`${error.message} ${error.hint ?? ''}`.trim(), true);
  }
}

function close() {
  work = null;
  dialog().close();
}

async function done() {
  const mine = work;
  await mine.chain;
  if (mine.revision === (mine.view.corrected ?? 0)) return close();
  tell(t('brush.working'));
  part('done').disabled = true;
  try {
    const view = await api.applyStrokes(mine.id, mine.revision);
    if (mine === work) close();
    announce(t('brush.remade'));
    mine.remade(view);
  } catch (error) {
    await refuse(mine, error);
  }
  if (mine === work) settle();
}

// What was drawn since the dialog was opened is taken back.
async function cancel() {
  const mine = work;
  await mine.chain;
  if (mine.began && JSON.stringify(mine.strokes) !== JSON.stringify(mine.began)) {
    await change(() => mine.began);
  }
  if (mine === work) close();
}

function undo() {
  if (work?.strokes.length > 0) change((strokes) => strokes.slice(0, -1));
}

function zoom(factor) {
  easel.enlarge(factor);
  // The preview serves until somebody looks closely.
  if (easel.zoom > 1.4 && work) easel.photo.src = work.view.sourceUrl;
}

function key(event) {
  const quick = { k: () => choose('keep'), e: () => choose('erase'), '+': () => zoom(1.5), '-': () => zoom(1 / 1.5) };
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') undo();
  else if (event.key in quick && !event.ctrlKey && !event.metaKey) quick[event.key]();
  else return;
  event.preventDefault();
}

function begin() {
  for (const [name, act] of Object.entries({
    keep: () => choose('keep'),
    erase: () => choose('erase'),
    undo,
    closer: () => zoom(1.5),
    farther: () => zoom(1 / 1.5),
    cancel,
    done,
  })) {
    part(name).addEventListener('click', act);
  }
  dialog().addEventListener('keydown', key);
  dialog().addEventListener('cancel', (event) => {
    event.preventDefault();
    cancel();
  });
  return new Easel(dialog(), hand);
}
