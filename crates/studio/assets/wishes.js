// What a wish costs and how it may begin: the price before the click, the number of pictures, words to start with.
import { $, say } from './dom.js';
import { price as told, t } from './words.js';

// The models read English best, so that is what is put into the prompt; the chips say it in the page's language.
const STARTERS = {
  white: ['soft light from the left', 'bright, crisp light', 'a little closer'],
  free: ['on a light wooden table', 'warm morning light', 'plain beige background'],
};

export const count = () => Number($('num').value);

// For so many sets of pictures. What is made of words alone may have another price than what is made of photos.
export function price(sets, ofWords) {
  const { cents, wordsCents = cents } = $('price').dataset;
  say($('price'), told(Number(ofWords ? wordsCents : cents), count() * Math.max(1, sets)));
}

function starters() {
  const kind = $('preset').selectedOptions[0]?.dataset.background === 'F0' ? 'free' : 'white';
  const chips = STARTERS[kind].map((words, at) => Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'starter',
    value: words,
    textContent: t(`make.starter.${kind}.${at + 1}`),
  }));
  $('starters').replaceChildren(...chips);
}

function begin(event) {
  const words = event.target.closest('button')?.value;
  const prompt = $('prompt');
  if (!words || prompt.value.includes(words)) return;
  prompt.value = prompt.value.trim() ? `${prompt.value.trim()}, ${words}` : words;
  prompt.dispatchEvent(new Event('input', { bubbles: true }));
  prompt.focus();
}

export function start(changed) {
  starters();
  $('preset').addEventListener('change', starters);
  $('starters').addEventListener('click', begin);
  $('num').addEventListener('change', changed);
}
