// Corrects a finished job's cut-out: a stroke goes out when the brush is lifted, and the matte that it leads to comes back.
import * as api from './api.js';
import { $, announce, change, say, slot } from './dom.js';
import { Easel } from './easel.js';
import { insist, isLost, Strokes } from './strokes.js';
import { t } from './words.js';

// As many points as the server takes from all strokes of a job make some sixty long ones.
const POINTS_MAX = 400;
const SIDE = 1024;
// From here on the preview is not sharp any more.
const CLOSE = 1.4;

let easel;
// The job that is worked on; null while the dialog is closed. Its `state` is loading, ready or ending.
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

// What can be done about a trouble; nothing, once it is over.
function offer(again = null, leave = null) {
  work.again = again;
  part('again').hidden = !again;
  part('leave').hidden = !leave;
}

function complain(error) {
  tell(`${error.message} ${error.hint ?? ''}`.trim(), true);
}

function settle() {
  const { state, strokes } = work;
  const idle = state === 'ready' && strokes.waiting.length === 0;
  part('undo').disabled = !idle || strokes.kept.length === 0;
  part('done').disabled = !idle;
  part('cancel').disabled = state === 'ending';
  part('stage').setAttribute('aria-busy', String(state !== 'ready'));
  dialog().dataset.state = state;
  dialog().dataset.revision = state === 'loading' ? '' : strokes.revision;
  paint();
}

// Everything that is not product, as a veil over it.
async function veil(mine, png) {
  const bitmap = await createImageBitmap(png);
  if (mine !== work) return;
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

// Nothing of the job before is left to see, or to draw on.
function blank() {
  hand.drawn = null;
  easel.clear();
  for (const name of ['matte', 'stroke']) Object.assign(part(name), { width: 1, height: 1 });
}

function trace(context, scale, stroke) {
  const { points } = stroke;
  Object.assign(context, { lineWidth: stroke.radius * 2 * scale, lineCap: 'round', lineJoin: 'round' });
  context.strokeStyle = stroke.kind === 'keep' ? 'rgb(64 160 70 / 70%)' : 'rgb(196 30 90 / 70%)';
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(x * scale, y * scale));
  // A dab is a line that goes nowhere.
  if (points.length === 1) context.lineTo(points[0][0] * scale + 0.01, points[0][1] * scale);
  context.stroke();
}

// The strokes that the matte doesn't show yet: those under way, and the one that is being drawn.
function paint() {
  if (!easel.width) return;
  const canvas = part('stroke');
  const scale = SIDE / Math.max(easel.width, easel.height);
  Object.assign(canvas, { width: Math.ceil(easel.width * scale), height: Math.ceil(easel.height * scale) });
  const under = [...work.strokes.waiting.map(({ stroke }) => stroke), hand.drawn].filter(Boolean);
  under.forEach((stroke) => trace(canvas.getContext('2d'), scale, stroke));
  dialog().dataset.pending = under.length;
}

const hand = {
  drawn: null,
  down(at) {
    if (work?.state !== 'ready') return;
    this.drawn = { kind, radius: radius(), points: [at] };
    paint();
  },
  move(at) {
    if (!this.drawn) return;
    const { points, radius: broad } = this.drawn;
    const last = points.at(-1);
    const far = Math.hypot(at[0] - last[0], at[1] - last[1]) >= Math.max(1, broad / 3);
    if (!far || points.length >= POINTS_MAX) return;
    points.push(at);
    paint();
  },
  up() {
    const stroke = this.drawn;
    this.drawn = null;
    if (!stroke || work?.state !== 'ready') return;
    alter((strokes) => [...strokes, stroke], stroke);
  },
  stop() {
    this.drawn = null;
    if (work) paint();
  },
};

function alter(next, stroke) {
  const sent = work.strokes.change(next, stroke);
  settle();
  return sent;
}

// What the strokes tell, as long as this is the job that is worked on.
function listener(mine) {
  const here = (act) => (...all) => (mine === work ? act(...all) : undefined);
  return {
    show: async (png) => {
      await veil(mine, png);
      if (mine !== work || mine.state !== 'ready') return;
      offer();
      tell(t('brush.strokes', { n: mine.strokes.kept.length }));
    },
    trying: here(() => tell(t('brush.trying'), true)),
    lost: here(() => {
      if (mine.state !== 'ready') return;
      tell(t('brush.lost'), true);
      offer(() => mine.strokes.go());
    }),
    refused: here(complain),
    settled: here(settle),
  };
}

async function load(mine) {
  mine.state = 'loading';
  offer();
  tell(t('brush.loading'));
  settle();
  try {
    const { matte, photo } = await mine.strokes.look();
    if (mine !== work) return;
    await easel.show(`${mine.view.sourceUrl}?w=960`, photo.width, photo.height);
    await veil(mine, matte);
    if (mine !== work) return;
    mine.state = 'ready';
    tell(t('brush.how'));
  } catch (error) {
    if (mine !== work) return;
    complain(error.code ? error : { message: t('trouble.image.again') });
    offer(() => load(mine));
  }
  settle();
}

// `remade` gets the job once it has new pictures.
export async function open(view, remade) {
  easel ??= begin();
  const mine = { view, remade, state: 'loading', again: null };
  mine.strokes = new Strokes(view.jobId, SIDE, listener(mine));
  work = mine;
  blank();
  choose('keep');
  await change(() => {
    dialog().showModal();
    part('stage').focus();
  });
  if (mine === work) await load(mine);
}

function close() {
  blank();
  work = null;
  change(() => dialog().close());
}

async function done() {
  const mine = work;
  if (mine.strokes.revision === (mine.view.corrected ?? 0)) return close();
  mine.state = 'ending';
  settle();
  offer();
  tell(t('brush.working'));
  try {
    const apply = () => api.applyStrokes(mine.view.jobId, mine.strokes.revision);
    const view = await insist(apply, () => tell(t('brush.trying'), true));
    close();
    announce(t('brush.remade'));
    mine.remade(view);
  } catch (error) {
    mine.state = 'ready';
    if (error.code === 'strokes_changed') await load(mine);
    if (isLost(error)) tell(t('brush.done.lost'), true);
    else complain(error);
    settle();
  }
}

// What was drawn since the dialog was opened is taken back; until that is sure the dialog stays.
async function cancel() {
  const mine = work;
  if (mine.state === 'loading') return close();
  if (mine.state === 'ending' && !mine.again) return;
  mine.state = 'ending';
  hand.drawn = null;
  settle();
  offer();
  if (await mine.strokes.takeBack()) return close();
  tell(t('brush.cancel.lost'), true);
  offer(cancel, close);
  settle();
}

function undo() {
  if (!part('undo').disabled) alter((strokes) => strokes.slice(0, -1));
}

function zoom(factor) {
  if (work?.state === 'loading') return;
  easel.enlarge(factor);
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
    again: () => work.again?.(),
    leave: close,
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
  addEventListener('online', () => work?.again?.());
  const made = new Easel(dialog(), hand);
  made.enlarged = (much) => {
    const whole = work?.view.sourceUrl;
    if (whole && much > CLOSE && made.photo.getAttribute('src') !== whole) made.photo.src = whole;
  };
  return made;
}
