// Small steps on elements. Text from outside only ever goes in as text.
const TRIES_MAX = 20;
const TRY_S_MAX = 15;

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

// Why a button did nothing, as the last line of what it stands in; without an error the line goes.
export function refused(place, error) {
  const line = place.querySelector(':scope > .refused');
  if (!error) {
    line?.remove();
    return;
  }
  const said = line ?? place.appendChild(clone('refused'));
  say(said, `${error.message} ${error.hint ?? ''}`.trim());
}

export const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

// Goes on once the connection may be back: when the browser says so, or after a while, since of a server that was gone it says nothing.
export function soon(act, tries) {
  const go = () => {
    clearTimeout(timer);
    removeEventListener('online', go);
    act();
  };
  const timer = tries < TRIES_MAX ? setTimeout(go, Math.min(2 ** tries, TRY_S_MAX) * 1_000) : 0;
  addEventListener('online', go);
}

async function have(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(name);
  await answer.text();
}

const parts = new Map();
let failures = 0;

async function load(name, needs) {
  await Promise.all(needs.map(have));
  return import(`./${name}${failures ? `?${failures}` : ''}`);
}

// A module that comes once it is needed, or null. Browsers remember an address from which none came: the next try has another one,
// and what it `needs` that the page has not yet is in the browser's hands before anything imports it.
export function later(name, ...needs) {
  const failed = () => {
    failures += 1;
    parts.delete(name);
    return null;
  };
  if (!parts.has(name)) parts.set(name, load(name, needs).catch(failed));
  return parts.get(name);
}

// One that nobody presses for is tried until it is there.
export async function surely(name, tries = 0) {
  return (await later(name)) ?? new Promise((go) => soon(() => go(surely(name, tries + 1)), tries));
}

let latest = null;

// Makes a change that the eye can follow, and resolves once it is made: at once where the browser can't show it, nobody looks, or
// whoever looks wants rest. Of a `list` the rows glide to their places.
export async function change(act, kind = 'page') {
  if (typeof document.startViewTransition !== 'function' || calm() || document.hidden) {
    act();
    return;
  }
  const root = document.documentElement;
  root.dataset.moving = kind;
  const moving = document.startViewTransition(act);
  latest = moving;
  const rest = () => {
    if (latest === moving) delete root.dataset.moving;
  };
  // What another change overtakes, or a page that is left, is made without being shown, which is no mistake.
  moving.ready.catch(() => null);
  moving.finished.then(rest, rest);
  await moving.updateCallbackDone;
}

// Another language is another page, to which a form comes along; see along.js. Few change it with something in hand: what it takes comes
// when they do.
export function bringAlong(unsent) {
  const along = () => import('./along.js');
  document.querySelector('.langs').addEventListener('click', (event) => {
    const link = event.target.closest('a');
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    along().then(({ bring }) => bring(link.href, unsent), () => location.assign(link.href));
  });
  try {
    if (sessionStorage.getItem(unsent.form)) along().then(({ takeBack }) => takeBack(unsent), () => {});
  } catch {
    // It is filled in anew.
  }
}
