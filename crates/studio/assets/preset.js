// The chosen marketplace: remembered, its rule in a line, and what its card says of it.
import { $, say } from './dom.js';

const all = () => [...($('preset')?.querySelectorAll('input') ?? [])];
export const chosen = () => all().find((one) => one.checked);

function show() {
  const { more, example } = chosen().dataset;
  say($('rule'), more);
  $('prompt').placeholder = example;
}

// Brings its card into the middle of the list, without moving the page.
function reveal() {
  const [list, card] = [$('presets'), chosen().parentElement];
  list.scrollLeft = card.offsetLeft - (list.clientWidth - card.offsetWidth) / 2;
  list.scrollTop = card.offsetTop - (list.clientHeight - card.offsetHeight) / 2;
}

const KEY = 'plantain.preset';

export function start() {
  try {
    const last = all().find((one) => one.value === localStorage.getItem(KEY));
    if (last && !last.checked) {
      last.checked = true;
      reveal();
    }
  } catch {
    // Nothing is remembered, and the usual one stays chosen.
  }
  $('preset').addEventListener('change', () => {
    show();
    try {
      localStorage.setItem(KEY, chosen().value);
    } catch {
      // As above.
    }
  });
  show();
}

const card = (id) => all().find((one) => one.value === id);

// The first page has the cards, every page of a job the chips.
const chip = (id) => $('preset-chips')?.content.querySelector(`[value="${CSS.escape(id)}"]`);

export const title = (id) => card(id)?.parentElement.querySelector('b').textContent ?? chip(id)?.textContent ?? id;

// Width and height of the finished picture, so that its place can be kept free.
export function canvas(id) {
  return ((card(id) ?? chip(id))?.dataset.canvas ?? '1000 1000').split(' ').map(Number);
}
