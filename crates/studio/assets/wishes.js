// What a wish costs and how it may begin: the price before the click, the number of pictures, words to start with.
import { $, say } from './dom.js';
import { chosen } from './preset.js';
import { price as told } from './words.js';

export const count = () => Number($('num').value);

// For so many sets of pictures. What is made of words alone may have another price than what is made of photos.
export function price(sets, ofWords) {
  const { cents, wordsCents = cents } = $('price').dataset;
  say($('price'), told(Number(ofWords ? wordsCents : cents), count() * Math.max(1, sets)));
}

const chips = () => [...$('starters').children];

// What the chosen marketplace leaves open.
function starters() {
  const fit = chosen().dataset.starters.split(' ');
  for (const chip of chips()) chip.hidden = !fit.includes(chip.dataset.name);
}

// Of two of a kind only one can be followed: the one that was pressed last.
function begin(event) {
  const [chip, prompt] = [event.target.closest('button'), $('prompt')];
  if (!chip || prompt.value.includes(chip.value)) return;
  const others = chips().filter((one) => one.dataset.kind === chip.dataset.kind).map((one) => one.value);
  const kept = prompt.value.split(',').map((part) => part.trim()).filter((part) => part && !others.includes(part));
  prompt.value = [...kept, chip.value].join(', ');
  prompt.dispatchEvent(new Event('input', { bubbles: true }));
  prompt.focus();
}

export function start(changed) {
  starters();
  $('preset').addEventListener('change', starters);
  $('starters').addEventListener('click', begin);
  $('num').addEventListener('change', changed);
}
