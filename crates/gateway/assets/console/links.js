// Addresses within the console. All of them are real links; a plain click stays on the page.
import { root } from './api.js';
import { h } from './dom.js';

// A proxy may add a folder before the console; no address here names it.
const base = root.pathname.replace(/\/$/, '');

export const toList = (query = '') => base + (query ? `?${query}` : '');
export const toRequest = (id) => `${base}/requests/${encodeURIComponent(id)}`;
export const toKeys = () => `${base}/keys`;

export function toDeliveries(filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  return `${base}/deliveries${query && '?'}${query}`;
}

// What an address means; `null` for none of ours.
export function read(location) {
  const rest = location.pathname.slice(base.length).replace(/\/+$/, '');
  if (rest === '') return { page: 'list' };
  if (rest === '/keys') return { page: 'keys' };
  if (rest === '/deliveries') return { page: 'deliveries' };
  const id = rest.match(/^\/requests\/([^/]+)$/)?.[1];
  return id ? { page: 'request', id: decode(id) } : null;
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const link = (href, properties, ...children) => h('a', { href, ...properties, data: { ...properties?.data, link: '' } }, ...children);

export function go(href) {
  history.pushState(null, '', href);
  dispatchEvent(new Event('console:moved'));
}

export function catchClicks() {
  document.addEventListener('click', (event) => {
    const anchor = event.target.closest?.('a[data-link]');
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!anchor || !plain || event.defaultPrevented) return;
    event.preventDefault();
    go(anchor.href);
  });
}
