// Input or output of a request: pretty text with all its digits, pictures of our own CDN, download of the whole.
import * as api from './api.js';
import { announce, copy, fill, h, part, save } from './dom.js';
import { bytes } from './format.js';
import { addresses, looksLikeJson, pieces, pretty } from './json.js';
import { t } from './words.js';

// Longer strings, which are mostly pictures as data, are folded; copying gives them whole.
const STRING_SHOWN = 600;
const PICTURES_MAX = 24;

export class Payload {
  constructor(id, which) {
    this.element = h('section', { class: 'panel payload', test: which });
    this.draw = part(this.element, (payload, none) => this.build(id, which, payload, none));
  }

  show(payload, none) {
    this.draw(payload, none);
  }

  build(id, which, payload, none) {
    const title = h('h2', {}, t(which));
    if (!payload) return [h('div', { class: 'panel-head' }, title), h('p', { class: 'quiet' }, none)];
    if (!payload.kept) return [h('div', { class: 'panel-head' }, title), h('p', { class: 'quiet', test: 'dropped' }, t('payload.dropped'))];
    const text = payload.text;
    const isJson = looksLikeJson(text);
    return [
      h('div', { class: 'panel-head' }, title, h('span', { class: 'quiet' }, bytes(payload.bytes)), h('span', { class: 'push' }),
        h('button', { class: 'button small', type: 'button', test: `copy-${which}`, on: { click: () => copy(isJson ? pretty(text) : text) } }, t('copy')),
        download(id, which)),
      which === 'output' && isJson && pictures(text),
      h('pre', { class: 'code payload-text', tabindex: 0, test: `${which}-text` }, isJson ? coloured(text) : text),
      payload.cut && h('p', { class: 'quiet', test: 'cut' }, t('payload.cut', { shown: bytes(payload.shown), all: bytes(payload.bytes) })),
    ];
  }
}

function coloured(text) {
  return pieces(text).map(({ kind, text: said }) => {
    if (kind === 'space' || kind === 'mark') return said;
    if (said.length <= STRING_SHOWN) return h('span', { class: `json-${kind}` }, said);
    const rest = h('button', { class: 'fold', type: 'button' }, t('payload.more', { n: said.length - STRING_SHOWN }));
    const shown = h('span', { class: `json-${kind}` }, said.slice(0, STRING_SHOWN));
    rest.addEventListener('click', () => {
      fill(shown, said);
      rest.remove();
    });
    return [shown, rest];
  });
}

// No request leaves for another host: of the addresses in an output only those of this queue's own files are looked at, and
// they are fetched the way this page was.
function pictures(text) {
  const own = addresses(text).map(ownFile).filter(Boolean).slice(0, PICTURES_MAX);
  if (own.length === 0) return null;
  return h('div', { class: 'pictures', test: 'pictures' }, own.map((address, at) => {
    const picture = h('img', { src: address, alt: t('payload.picture', { n: at + 1 }), loading: 'lazy', decoding: 'async' });
    const frame = h('a', { href: address, target: '_blank', rel: 'noopener noreferrer', class: 'picture' }, picture);
    // A file that is no picture, or not for everybody.
    picture.addEventListener('error', () => frame.remove());
    return frame;
  }));
}

export function ownFile(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const file = url.pathname.match(/\/files\/b\/[\w.-]+\/[^/]+$/);
  if (!file || url.username || url.password || url.search) return null;
  return url.origin === location.origin ? new URL(`../cdn${file[0]}`, api.root).href : null;
}

function download(id, which) {
  const get = async () => {
    try {
      save(`${id}-${which}.json`, await api.payload(id, which));
    } catch (error) {
      announce(error.message);
    }
  };
  return h('button', { class: 'button small', type: 'button', test: `download-${which}`, on: { click: get } }, t('save'));
}
