// Small steps on elements. Text from outside only ever goes in as text, with what would hide or turn it made visible.
import { t } from './words.js';

// Control characters, and those that reverse the direction of what follows: harmless to the browser, not to a reader.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export const visible = (text) =>
  String(text).replace(HIDDEN, (c) => `\u27e8${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`);

function put(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === 'on') {
    for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
  } else if (name === 'class') element.className = value;
  else if (name === 'test') element.dataset.test = value;
  else if (name === 'data') Object.assign(element.dataset, value);
  else if (name === 'title') element.title = visible(value);
  else if (name === 'value') element.value = value;
  else element.setAttribute(name, value === true ? '' : value);
}

// An element with properties and children; strings become text.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) put(element, name, value);
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  const kept = children.flat(4).filter((child) => child !== null && child !== undefined && child !== false);
  return kept.map((child) => (child instanceof Node ? child : document.createTextNode(visible(child))));
}

export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

export function say(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

// Read aloud by screen readers, politely, and shown for a moment.
export function announce(text) {
  document.getElementById('said').textContent = text;
  const toast = h('div', { class: 'toast', test: 'toast' }, text);
  document.querySelector('.toast')?.remove();
  document.body.append(toast);
  setTimeout(() => toast.remove(), 3000);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce(t('copied'));
  } catch {
    announce(copyByHand(text) ? t('copied') : t('copy.failed'));
  }
}

// Where the page came over plain HTTP from another machine, browsers offer only the old way.
function copyByHand(text) {
  const field = h('textarea', { class: 'unseen', 'aria-hidden': 'true' });
  field.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}

export function save(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = h('a', { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Asks before something happens that can't be taken back. Resolves to whether it shall.
export function confirm({ title, lead, go, danger }) {
  return new Promise((resolve) => {
    const close = (answer) => dialog.close(answer ? 'yes' : '');
    const dialog = h('dialog', { test: 'confirm', 'aria-label': title },
      h('h2', {}, title),
      h('p', {}, lead),
      h('div', { class: 'actions' },
        h('button', { class: 'button', type: 'button', test: 'confirm-no', on: { click: () => close(false) } }, t('leave')),
        h('button', {
          class: danger ? 'button danger' : 'button loud', type: 'button', test: 'confirm-yes', on: { click: () => close(true) },
        }, go)));
    show(dialog, () => resolve(dialog.returnValue === 'yes'));
  });
}

export function show(dialog, closed = () => {}) {
  dialog.addEventListener('close', () => {
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
}

// A part of a page that is built anew only when what it shows has changed, so that selections and scrolling stay.
export function part(element, build) {
  let shown;
  return (...values) => {
    const wanted = JSON.stringify(values);
    if (wanted === shown) return;
    shown = wanted;
    fill(element, build(...values));
  };
}
