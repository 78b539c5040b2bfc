// One finished picture: itself, its badge, the rules behind the badge, and its file.
import { $, announce, clone, say, slot, soon } from './dom.js';
import { many, named, t, variant as called } from './words.js';

const FILL = 0.88;

export function waiting(n, [width, height]) {
  const card = clone('result-card');
  card.dataset.n = n;
  space(card, width, height);
  say(slot(card, 'variant'), t('result.variant', { n }));
  return card;
}

// Keeps the picture's place free at its own shape.
function space(card, width, height) {
  slot(card, 'spacer').setAttribute('viewBox', `0 0 ${width} ${height}`);
  const ghost = slot(card, 'ghost');
  const margin = (1 - FILL) / 2;
  for (const [name, value] of Object.entries({
    x: width * margin,
    y: height * margin,
    width: width * FILL,
    height: height * FILL,
  })) {
    ghost.setAttribute(name, value);
  }
  say(slot(card, 'size'), t('result.size', { width: String(width), height: String(height) }));
}

const capital = (name) => name.charAt(0).toUpperCase() + name.slice(1);
const lastPart = (name) => name.split('/').pop();

const nameOf = (rule) => named('check', rule.rule, rule.title ?? rule.rule);

const ORDER = ['fail', 'warn', 'pass', 'not_measured'];
const worstFirst = (one, other) => ORDER.indexOf(one.outcome) - ORDER.indexOf(other.outcome);

function measured(image) {
  const rules = Array.isArray(image.report?.results) ? [...image.report.results].sort(worstFirst) : [];
  const count = (outcome) => rules.filter((rule) => rule.outcome === outcome).length;
  return { rules, passed: count('pass'), remarks: count('warn'), total: rules.length - count('not_measured') };
}

function badge(image, preset) {
  const { rules, passed, remarks, total } = measured(image);
  if (!image.passed) {
    const names = rules.filter((rule) => rule.outcome === 'fail').map(nameOf).join(', ');
    return ['fail', t('badge.fail', { preset, names })];
  }
  if (remarks > 0) return ['warn', many('badge.warn', remarks, { preset, passed, total })];
  return ['pass', t('badge.pass', { preset, passed, total })];
}

export function fill(card, image, n, preset) {
  const variant = image.variant ? capital(called(image.variant)) : t('result.variant', { n });
  card.classList.remove('is-waiting');
  card.dataset.test = 'result-card';
  space(card, image.width, image.height);
  say(slot(card, 'variant'), variant);
  show(card, image, t('result.alt', { variant, preset }));
  const [verdict, words] = badge(image, preset);
  slot(card, 'badge').dataset.verdict = verdict;
  say(slot(card, 'badge-text'), words);
  slot(card, 'rules').replaceChildren(...measured(image).rules.map(row));
  const download = slot(card, 'download');
  const name = lastPart(image.fileName);
  download.href = `${image.url}?download`;
  download.download = name;
  download.setAttribute('aria-label', t('result.download.named', { name }));
  say(slot(card, 'file'), name);
  hydrate(card, () => ({ title: preset, sum: sum(image, variant) }));
}

function sum(image, variant) {
  const { passed, total } = measured(image);
  return t(passed === total ? 'sheet.pass' : 'sheet.fail', { variant, passed, total });
}

function show(card, image, alt) {
  const picture = slot(card, 'picture');
  const open = slot(card, 'open');
  Object.assign(open, { href: image.url, target: '_blank', rel: 'noopener' });
  Object.assign(picture, { alt, width: image.width, height: image.height });
  const preview = `${image.url}?w=640`;
  if (picture.getAttribute('src') !== preview) {
    picture.srcset = srcset(image);
    picture.src = preview;
  }
  loaded(picture);
}

// The widths in which the server offers pictures, and the picture itself.
const WIDTHS = [160, 320, 640, 960, 1280];

export function srcset({ url, width }) {
  const smaller = WIDTHS.filter((offered) => offered < width).map((offered) => `${url}?w=${offered} ${offered}w`);
  return [...smaller, `${url} ${width}w`].join(', ');
}

// The frame stays empty until the whole picture is there, so that none is seen half.
function loaded(picture, tries = 0) {
  const done = () => picture.classList.add('is-loaded');
  const failed = () => {
    if (tries === 0) announce(t('trouble.image'));
    soon(() => again(picture, tries + 1), tries);
  };
  if (picture.complete && picture.naturalWidth > 0) done();
  else if (tries === 0 && picture.complete) failed();
  else {
    picture.addEventListener('load', done, { once: true });
    picture.addEventListener('error', failed, { once: true });
  }
}

// Setting the same address makes the browser ask again.
function again(picture, tries) {
  const { srcset, src } = picture;
  Object.assign(picture, { srcset, src });
  loaded(picture, tries);
}

function row(rule) {
  const item = clone('rule-row');
  item.dataset.verdict = rule.outcome;
  item.querySelector('svg').setAttribute('aria-label', t(`verdict.${rule.outcome}`));
  say(slot(item, 'name'), nameOf(rule));
  say(slot(item, 'required'), rule.required ?? '');
  say(slot(item, 'measured'), rule.measured ?? '');
  for (const part of ['fix', 'source']) {
    const element = slot(item, part);
    say(element, rule[part] ?? '');
    element.hidden = !rule[part];
  }
  return item;
}

// Opens the rules in a dialog, where a table has room. Without scripts the badge unfolds them in place.
function hydrate(card, head) {
  const summary = slot(card, 'badge');
  if (summary.dataset.live) return;
  summary.dataset.live = 'yes';
  summary.addEventListener('click', (event) => {
    const sheet = $('sheet');
    if (typeof sheet.showModal !== 'function') return;
    event.preventDefault();
    const { title, sum: told } = head();
    say($('sheet-title'), title);
    say($('sheet-sum'), told);
    $('sheet-rules').replaceChildren(...[...slot(card, 'rules').children].map((item) => item.cloneNode(true)));
    sheet.showModal();
    sheet.scrollTop = 0;
  });
}

export function startSheet() {
  const sheet = $('sheet');
  $('sheet-close').addEventListener('click', () => sheet.close());
  sheet.addEventListener('click', (event) => {
    if (event.target === sheet) sheet.close();
  });
}
