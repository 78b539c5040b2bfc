// The jobs of this browser, newest first. Only ids are kept; what they are is asked from the server.
const KEY = 'plantain.jobs';
const KEPT_MAX = 24;

export function ids() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string').slice(0, KEPT_MAX) : [];
  } catch {
    return [];
  }
}

function keep(list) {
  try {
    localStorage.setItem(KEY, JSON.stringify(list.slice(0, KEPT_MAX)));
  } catch {
    // A browser that keeps nothing still shows the jobs of this page.
  }
}

export const remember = (id) => keep([id, ...ids().filter((other) => other !== id)]);
export const forget = (id) => keep(ids().filter((other) => other !== id));
