// Ways to look at a picture: before and after under one slider, the cut-out, where it strays from the photo.
import { $, say, slot } from './dom.js';
import { t } from './words.js';

const AT_FIRST = 50;

let shown = null;

function slide() {
  const part = $('views-range').value;
  $('views-compare').style.setProperty('--part', `${part}%`);
  $('views-range').setAttribute('aria-valuetext', t('views.range.value', { percent: part }));
}

function select(view) {
  for (const button of $('views-tabs').children) {
    button.setAttribute('aria-pressed', String(button.dataset.view === view));
  }
  say($('views-note'), t(`views.${view}.note`));
  const [compare, single] = [$('views-compare'), $('views-single')];
  compare.hidden = view !== 'compare';
  single.hidden = view === 'compare';
  if (view === 'compare') return;
  Object.assign(single, { src: shown[view], alt: t(`views.${view}`), width: shown.width, height: shown.height });
}

function open(look, view) {
  shown = look;
  say($('views-title'), look.title);
  const [after, before] = [$('views-after'), $('views-before')];
  Object.assign(after, { src: look.after, width: look.width, height: look.height });
  before.src = look.before;
  $('views-compare').style.setProperty('--shape', `${look.width} / ${look.height}`);
  for (const button of $('views-tabs').children) button.hidden = !look[button.dataset.view];
  $('views-range').value = AT_FIRST;
  slide();
  select(view);
  $('views').showModal();
}

// What a card's links name; a link that is not there is a view that this picture has not.
function look(card) {
  const link = (name) => {
    const element = slot(card, name);
    return element && !element.hidden ? element.getAttribute('href') : null;
  };
  const image = slot(card, 'picture');
  return {
    title: slot(card, 'variant').textContent,
    compare: link('compare'),
    before: `${slot(card, 'compare').dataset.photo}?w=1280`,
    after: `${slot(card, 'open').getAttribute('href')}?w=1280`,
    matte: link('matte'),
    diff: link('diff'),
    width: image.getAttribute('width'),
    height: image.getAttribute('height'),
  };
}

// Links open the pictures themselves where there is no dialog.
export function hydrate(card) {
  for (const view of ['compare', 'matte', 'diff']) {
    const element = slot(card, view);
    if (!element || element.dataset.live) continue;
    element.dataset.live = 'yes';
    element.addEventListener('click', (event) => {
      if (typeof $('views').showModal !== 'function' || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      open(look(card), view);
    });
  }
}

function place(card, name, href) {
  const element = slot(card, name);
  element.hidden = !href;
  if (href) element.href = href;
}

export function fill(card, image, view, n) {
  slot(card, 'compare').dataset.photo = view.sourceUrl ?? '';
  place(card, 'compare', view.sourceUrl && view.sheetUrl ? `${view.sheetUrl}?picture=${n}` : null);
  place(card, 'matte', image.matteUrl);
  place(card, 'diff', image.diffUrl);
  hydrate(card);
}

export function start() {
  const views = $('views');
  if (!views) return;
  $('views-close').addEventListener('click', () => views.close());
  views.addEventListener('click', (event) => {
    if (event.target === views) views.close();
  });
  $('views-range').addEventListener('input', slide);
  $('views-tabs').addEventListener('click', (event) => {
    const view = event.target.closest('[data-view]')?.dataset.view;
    if (view) select(view);
  });
}
