// Small steps on elements. Text from outside only ever goes in as text.
export const $ = (id) => document.getElementById(id);

export const slot = (root, name) => root.querySelector(`[data-slot="${name}"]`);

export function clone(id) {
  return $(id).content.firstElementChild.cloneNode(true);
}

export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

// Read aloud by screen readers, politely.
export function announce(text) {
  say($('said'), text);
}

export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
