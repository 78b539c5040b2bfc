// The chosen marketplace: its rule in a line, and its frame drawn.
import { $, say } from './dom.js';

function box(rect, numbers) {
  const [x, y, width, height] = numbers.split(' ');
  for (const [name, value] of Object.entries({ x, y, width, height })) rect.setAttribute(name, value);
}

function show(option) {
  const { main, more, background, frame, fill, example } = option.dataset;
  say($('rule-main'), main);
  say($('rule-more'), more);
  const [canvas, product] = $('rule-frame').children;
  canvas.setAttribute('class', `canvas ${background}`);
  box(canvas, frame);
  box(product, fill);
  $('prompt').placeholder = example;
}

const KEY = 'plantain.preset';

export function start() {
  const select = $('preset');
  try {
    const last = localStorage.getItem(KEY);
    if ([...select.options].some((option) => option.value === last)) select.value = last;
  } catch {
    // Nothing is remembered, and the usual one stays chosen.
  }
  const changed = () => show(select.selectedOptions[0]);
  select.addEventListener('change', () => {
    changed();
    try {
      localStorage.setItem(KEY, select.value);
    } catch {
      // As above.
    }
  });
  changed();
}

const option = (id) => [...($('preset')?.options ?? [])].find((one) => one.value === id);

// The first page has the list, every page of a job the chips.
const chip = (id) => $('preset-chips')?.content.querySelector(`[value="${CSS.escape(id)}"]`);

export const title = (id) => option(id)?.textContent ?? chip(id)?.textContent ?? id;

// Width and height of the finished picture, so that its place can be kept free.
export function canvas(id) {
  return ((option(id) ?? chip(id))?.dataset.canvas ?? '1000 1000').split(' ').map(Number);
}
