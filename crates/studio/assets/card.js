// A job's card: what it shows in each state, and what can be done with it.
import * as api from './api.js';
import { $, announce, calm, change, clone, later, refused, say, slot, soon, surely } from './dom.js';
import { ended, follow } from './live.js';
import * as notify from './notify.js';
import * as preset from './preset.js';
import * as recent from './recent.js';
import * as result from './result.js';
import { duration, many, price, stopwatch, t } from './words.js';

const skew = Number(document.documentElement.dataset.now || Date.now()) - Date.now();

// Which step of the progress line a job is at: uploading, waiting, finding, composing, checking.
const STEP = { uploading: 0, waiting_for_queue: 0, queued: 1, generating: 2, saving: 4, done: 5 };
// What the local engine says it does, as a key of our words. Other models speak for themselves.
const DETAIL = [
  [/^decoding/i, 'stage.checkingPhoto'],
  [/^cutting out/i, 'stage.finding'],
  [/^composing/i, 'stage.composing'],
];
// Degrees that an eye notices, and that the engine sets right.
const LEAN = { from: 0.7, to: 7 };
const detailKey = (view) => DETAIL.find(([said]) => said.test(view.stageDetail ?? ''))?.[1];

function stageOf(view) {
  if (view.status === 'SUCCEEDED' && !view.preset) return t('stage.answered');
  if (view.status === 'SUCCEEDED') return many('stage.done', view.images.length);
  if (view.status === 'FAILED') return t('stage.failed');
  if (view.status === 'CANCELED') return t('stage.canceled');
  switch (view.stage) {
    case 'uploading':
      return t('stage.submitting');
    case 'waiting_for_queue':
      return t('stage.unreachable');
    case 'queued':
      if (view.queuePosition === 0) return t('stage.queued.next');
      return view.queuePosition > 0 ? t('stage.queued.place', { n: view.queuePosition + 1 }) : t('stage.queued');
    case 'generating': {
      const key = detailKey(view);
      return key ? t(key) : view.stageDetail || t('stage.finding');
    }
    default:
      return t('stage.saving');
  }
}

function stepOf(view) {
  const step = STEP[view.stage] ?? 0;
  return step === 2 && detailKey(view) === 'stage.composing' ? 3 : step;
}

// What can be done with pictures comes with the first card.
const acts = () => Promise.all(['views.js', 'chosen.js'].map((name) => surely(name)));

// The brush comes with the first cut-out that can be mended.
const drawing = () => later('brush.js', 'easel.js', 'strokes.js');

// Jobs that have ended make room for the newest one.
export function compact(elements) {
  for (const element of elements) {
    const done = ended({ status: element.dataset.state });
    if (done && !element.contains(document.activeElement)) element.classList.add('is-compact');
  }
}

export class Card {
  // `element` is one that the server rendered; without it a new one is made.
  constructor(element) {
    this.element = element ?? clone('job-card');
    this.step = -1;
    this.since = Date.now();
    this.stop = () => {};
    this.slot = (name) => slot(this.element, name);
    this.slot('cancel').addEventListener('click', () => this.cancel());
    this.slot('hide').addEventListener('click', () => this.hide());
    this.slot('upright').addEventListener('click', () => this.anew('upright', { straighten: true }));
    this.slot('again').addEventListener('click', () => this.retry?.());
    this.slot('share').addEventListener('click', () => surely('chosen.js').then(({ share }) => share(this.id, this.slot)));
    acts();
    this.slot('fix').addEventListener('click', () => this.fix());
  }

  get id() {
    return this.element.dataset.id;
  }

  // Before the server knows of it: the photo in hand, and its upload.
  begin(file, url, presetId) {
    this.name = file.name;
    this.title(file.name);
    this.presetId = presetId;
    this.state('UPLOADING');
    this.element.classList.remove('is-compact');
    this.slot('hide').hidden = true;
    this.slot('trouble').hidden = true;
    this.notices([]);
    say(this.slot('preset'), preset.title(presetId));
    if (url) this.thumb(url);
    this.frames(Number($('hint')?.dataset.pictures ?? 3), preset.canvas(presetId));
    this.slot('link').hidden = true;
    this.slot('cancel').hidden = false;
    this.stage(t('stage.waiting'), 0);
    this.tick();
  }

  title(name) {
    const title = name || t('jobs.untitled');
    say(this.slot('title'), title);
    this.element.setAttribute('aria-label', t('job.region', { name: title }));
  }

  // One in the page's own hands that the browser can't show, such as HEIC, stays away.
  thumb(url, tries = 0) {
    const image = this.slot('thumb');
    const failed = () => {
      image.removeAttribute('src');
      if (!url.startsWith('blob:')) soon(() => this.thumb(url, tries + 1), tries);
    };
    image.addEventListener('error', failed, { once: true });
    image.src = url;
  }

  frames(count, canvas) {
    const cards = Array.from({ length: count }, (_, at) => result.waiting(at + 1, canvas));
    this.slot('results').replaceChildren(...cards);
  }

  uploading(part) {
    this.stage(part < 1 ? t('stage.uploading.part', { percent: Math.floor(part * 100) }) : t('stage.checkingPhoto'), 0, part);
  }

  // The server has it: from here on it lives without this page.
  accepted(id) {
    this.element.dataset.id = id;
    const link = this.slot('link');
    link.href = `/jobs/${encodeURIComponent(id)}`;
    link.hidden = false;
    recent.remember(id);
    this.follow();
  }

  follow() {
    this.followed = true;
    this.stop = follow(
      this.id,
      (view) => this.show(view),
      (offline) => this.offline(offline),
    );
  }

  offline(gone) {
    if (ended({ status: this.element.dataset.state })) return;
    if (gone) this.trouble({ message: t('trouble.offline'), hint: t('trouble.offline.hint'), code: '' });
    else this.slot('trouble').hidden = true;
  }

  show(view) {
    this.since = Date.parse(view.createdAt) - skew;
    this.presetId = view.preset;
    const known = preset.title(view.preset || view.endpoint);
    const title = known === view.preset || !view.preset ? this.slot('preset').textContent || known : known;
    say(this.slot('preset'), title);
    if (!this.name) this.title(view.sourceName || view.prompt?.slice(0, 80));
    this.slot('from').hidden = !view.madeFrom;
    if (view.madeFrom) this.slot('from').href = `/jobs/${encodeURIComponent(view.madeFrom)}`;
    if (view.sourceUrl && !this.slot('thumb').getAttribute('src')) this.thumb(`${view.sourceUrl}?w=160`);
    if (this.slot('results').children.length === 0 && view.preset) this.frames(view.numImages, preset.canvas(view.preset));
    this.state(view.status);
    if (ended(view)) refused(this.element.querySelector('.progress'));
    this.stage(stageOf(view), stepOf(view));
    this.slot('cancel').hidden = ended(view);
    if (view.error) this.failed(view);
    if (!ended(view)) this.tick(view.etaSeconds);
    else if (this.followed) change(() => this.end(view, title), 'list');
    else this.end(view, title);
  }

  end(view, title) {
    clearInterval(this.timer);
    this.view = view;
    this.slot('fix').hidden = !(view.matteUrl && view.sourceUrl);
    if (!this.slot('fix').hidden) drawing();
    const total = view.timings?.totalMs;
    say(this.slot('time'), view.status === 'SUCCEEDED' && total ? t('job.done', { time: duration(total) }) : '');
    this.slot('hide').hidden = !this.element.closest('.jobs:not(.jobs--alone)');
    if (view.status === 'SUCCEEDED') this.pictures(view, title);
    if (view.media?.length || (view.resultUrl && !view.preset)) surely('media.js').then((media) => media.fill(this.slot, this.view));
    this.notices([...(view.notices ?? []), view.description].filter(Boolean));
    announce(`${this.slot('title').textContent}: ${this.slot('stage').textContent}`);
    if (this.followed) notify.tell(this.slot('title').textContent, this.slot('stage').textContent, `/jobs/${encodeURIComponent(this.id)}`);
    this.followed = false;
  }

  pictures(view, title) {
    const list = this.slot('results');
    while (list.children.length > view.images.length) list.lastElementChild.remove();
    view.images.forEach((image, at) => {
      const card = list.children[at] ?? list.appendChild(result.waiting(at + 1, [image.width, image.height]));
      result.fill(card, image, at + 1, title);
    });
    acts().then(([views, chosen]) => view === this.view && this.actable(view, views, chosen));
    this.more(view);
  }

  actable(view, views, chosen) {
    view.images.forEach((image, at) => {
      const card = this.slot('results').children[at];
      views.fill(card, image, view, at + 1);
      chosen.fill(card, view, at + 1, (next) => this.show(next));
    });
  }

  more(view) {
    this.slot('more').hidden = !(view.sheetUrl || view.resultUrl);
    for (const [name, url] of [['sheet', view.sheetUrl], ['zip', view.zipUrl]]) this.slot(name).hidden = !url;
    if (view.sheetUrl) this.slot('sheet').href = view.sheetUrl;
    if (view.zipUrl) this.slot('zip').href = view.zipUrl;
    this.slot('share').hidden = false;
    const chips = view.preset && $('preset-chips');
    if (chips) surely('elsewhere.js').then((others) => others.offer(this.slot, this.view, (job) => this.beside(job)));
    const tilt = view.tiltDegrees ?? 0;
    const slight = Math.abs(tilt) >= LEAN.from && Math.abs(tilt) <= LEAN.to;
    // What is not made again here has no price for it.
    const offered = slight && !view.staging?.straighten && view.againCents !== undefined;
    this.slot('lean').hidden = !offered;
    if (!offered) return;
    say(this.slot('lean-text'), t(`job.leans.${tilt > 0 ? 'right' : 'left'}`, { degrees: Math.abs(tilt) }));
    say(this.slot('lean-price'), price(view.againCents, 1));
  }

  async fix() {
    const brush = await drawing();
    if (!brush) return this.trouble({ message: t('trouble.lost'), hint: t('trouble.lost.hint') }, () => this.fix());
    this.slot('trouble').hidden = true;
    return brush.open(this.view, (view) => this.show(view));
  }

  // A job that was made of this one stands below it; one that is there already is led to.
  beside(job) {
    const there = document.querySelector(`[data-test="job-card"][data-id="${CSS.escape(job.jobId)}"]`);
    const card = there ? null : new Card();
    if (card) {
      this.element.after(card.element);
      card.frames(job.numImages, preset.canvas(job.preset));
      say(card.slot('preset'), preset.title(job.preset));
      card.accepted(job.jobId);
    }
    const element = there ?? card.element;
    element.classList.remove('is-compact');
    element.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'nearest' });
    element.focus({ preventScroll: true });
  }

  // A job of its own, whose page is the next one: this one stays as it is.
  async anew(name, change) {
    const button = this.slot(name);
    button.disabled = true;
    this.keys ??= {};
    try {
      const job = await api.again(this.id, change, (this.keys[name] ??= api.named()));
      recent.remember(job.jobId);
      location.assign(job.pageUrl);
    } catch (error) {
      // The button that was pressed stands there still, under its price and with the name of its wish.
      const retry = name === 'again' ? () => this.anew(name, change) : null;
      this.trouble(error, retry, button.textContent);
      button.disabled = false;
    }
  }

  notices(texts) {
    const lines = texts.map((text) => Object.assign(document.createElement('p'), { className: 'notice', textContent: text }));
    this.slot('notices').replaceChildren(...lines);
  }

  state(status) {
    this.element.dataset.state = status;
  }

  // Steps only ever go forward: news that overtook each other don't make the line jump back.
  stage(text, step, part) {
    say(this.slot('stage'), text);
    this.step = Math.max(this.step, step);
    [...this.element.querySelectorAll('.track i')].forEach((bar, at) => {
      bar.className = at < this.step ? 'is-done' : at === this.step ? 'is-now' : '';
      if (at === 0 && part !== undefined) {
        bar.style.setProperty('--part', part);
        bar.style.setProperty('--pace', '200ms');
      }
    });
  }

  // How long it has gone on, and how long it may yet: a guess, said no more once its time is over.
  tick(seconds) {
    const end = seconds ? Date.now() + seconds * 1000 : 0;
    const tell = () => {
      const [gone, left] = [stopwatch(Date.now() - this.since), Math.ceil((end - Date.now()) / 1000)];
      say(this.slot('time'), left > 0 ? `${gone} · ${t('job.eta', { time: duration(left * 1000) })}` : gone);
    };
    clearInterval(this.timer);
    this.timer = setInterval(tell, 1000);
    tell();
  }

  // The button repeats what failed, where that is given. A job that runs or is done is never sent anew.
  trouble({ code, message, hint }, retry = null, label = t('job.again')) {
    this.slot('trouble').hidden = false;
    say(this.slot('trouble-message'), message);
    say(this.slot('trouble-hint'), hint ?? '');
    say(this.slot('trouble-code'), code ?? '');
    this.retry = retry;
    this.slot('again').hidden = !retry;
    this.slot('other').hidden = this.element.dataset.state !== 'FAILED';
    say(this.slot('again'), label);
  }

  // What has failed can be made again of the photo that is kept; a page that still has the photo in hand sends it anew.
  failed(view) {
    const cents = view.againCents;
    const kept = cents === undefined ? null : () => this.anew('again', {});
    const retry = view.status === 'FAILED' ? this.again ?? kept : null;
    this.trouble(view.error, retry, cents > 0 ? price(cents, 1, 'job.again.price') : t('job.again'));
  }

  fail(error) {
    clearInterval(this.timer);
    say(this.slot('time'), '');
    this.slot('cancel').hidden = true;
    this.slot('hide').hidden = false;
    this.state(error.code === 'canceled' ? 'CANCELED' : 'FAILED');
    this.stage(t(error.code === 'canceled' ? 'stage.canceled' : 'stage.failed'), 0);
    if (error.code !== 'canceled') this.trouble(error, this.again);
  }

  async cancel() {
    const button = this.slot('cancel');
    if (!this.id) {
      this.abort?.();
      return;
    }
    const place = this.element.querySelector('.progress');
    button.disabled = true;
    say(button, t('job.canceling'));
    refused(place);
    try {
      await api.cancel(this.id);
      // The stream tells how it ends; the queue may still finish what it has begun.
    } catch (error) {
      refused(place, error);
      button.disabled = false;
      say(button, t('job.cancel'));
    }
  }

  hide() {
    this.stop();
    clearInterval(this.timer);
    if (this.id) recent.forget(this.id);
    const list = this.element.parentElement;
    change(() => {
      this.element.remove();
      if (list.children.length === 0) list.closest('section').hidden = true;
    }, 'list');
  }
}
