// Ways to look at a picture: beside the photo or another picture, the cut-out, where it strays from the photo.
import { announce, $, later, slot } from './dom.js';
import { t } from './words.js';

// What shows them comes with the first look.
const looking = () => later('compare.js', 'lens.js');

const linkOf = (card, name) => {
  const element = slot(card, name);
  return element && !element.hidden ? element.getAttribute('href') : null;
};

const nameOf = (card) => t('result.variant', { n: Number(card.dataset.n) });

// A card's picture, as something to hold another one against.
function sideOf(card) {
  const url = slot(card, 'open').getAttribute('href');
  const [tag, variant] = [nameOf(card), slot(card, 'variant').textContent];
  return { name: card.dataset.n, url, tag: variant === tag ? tag : `${tag}: ${variant}`, alt: slot(card, 'picture').alt };
}

// What a card's links name; a link that is not there is a view that this picture has not.
function look(card) {
  const image = slot(card, 'picture');
  const photo = slot(card, 'compare').dataset.photo;
  const before = { name: 'photo', url: photo, isPhoto: true, tag: t('views.before.tag'), alt: t('views.before') };
  const rest = [...card.parentElement.children].filter((other) => other !== card && linkOf(other, 'open'));
  return {
    title: slot(card, 'variant').textContent,
    compare: linkOf(card, 'compare'),
    after: { ...sideOf(card), alt: image.alt },
    others: [...(photo ? [before] : []), ...rest.map(sideOf)],
    matte: linkOf(card, 'matte'),
    diff: linkOf(card, 'diff'),
    width: Number(image.getAttribute('width')),
    height: Number(image.getAttribute('height')),
  };
}

// Links open the pictures themselves where there is no dialog.
export function hydrate(card) {
  for (const view of ['compare', 'matte', 'diff']) {
    const element = slot(card, view);
    if (!element || element.dataset.live) continue;
    element.dataset.live = 'yes';
    element.addEventListener('click', async (event) => {
      if (typeof $('views').showModal !== 'function' || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      const compare = await looking();
      if (compare) compare.open(look(card), view);
      else announce(t('trouble.lost'));
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
  const comparable = view.sheetUrl && (view.sourceUrl || view.images.length > 1);
  place(card, 'compare', comparable ? `${view.sheetUrl}?picture=${n}` : null);
  place(card, 'matte', image.matteUrl);
  place(card, 'diff', image.diffUrl);
  hydrate(card);
}
