// Files that a model's answer names: pictures, films and sounds to look at and to hear, anything else to save.
import { say } from './dom.js';
import { bytes, t } from './words.js';

const LONGEST = 20_000;

const make = (name, properties) => Object.assign(document.createElement(name), properties);

function shown({ kind, url, fileName, width, height }) {
  if (kind === 'image') {
    const link = make('a', { href: url, target: '_blank', rel: 'noopener' });
    link.append(make('img', { src: url, alt: fileName, width, height, loading: 'lazy', decoding: 'async' }));
    return link;
  }
  if (kind === 'video') return make('video', { src: url, controls: true, preload: 'metadata', playsInline: true });
  return kind === 'audio' ? make('audio', { src: url, controls: true, preload: 'metadata' }) : null;
}

function caption(medium) {
  const line = make('figcaption', {});
  const link = make('a', { textContent: medium.fileName || t('job.media.file') });
  if (medium.url) Object.assign(link, { href: `${medium.url}?download`, download: medium.fileName });
  else Object.assign(link, { href: medium.sourceUrl ?? '', target: '_blank', rel: 'noopener noreferrer' });
  line.append(link);
  const about = medium.url ? `${medium.contentType}, ${bytes(medium.bytes)}` : t('job.media.linked');
  line.append(make('small', { textContent: [about, medium.note].filter(Boolean).join('. ') }));
  return line;
}

function figure(medium) {
  const whole = make('figure', { className: 'medium' });
  const sight = medium.url ? shown(medium) : null;
  whole.append(...(sight ? [sight] : []), caption(medium));
  whole.dataset.kind = medium.kind;
  whole.dataset.test = 'medium';
  return whole;
}

export function fill(slotOf, view) {
  const list = slotOf('media');
  if (list.children.length !== view.media?.length) list.replaceChildren(...(view.media ?? []).map(figure));
  const answer = slotOf('answer');
  answer.hidden = !view.resultUrl;
  if (!view.resultUrl || answer.dataset.live) return;
  answer.dataset.live = 'yes';
  slotOf('answer-link').href = view.resultUrl;
  answer.addEventListener('toggle', async () => {
    const text = await fetch(view.resultUrl).then((said) => said.text(), () => t('trouble.lost'));
    say(slotOf('answer-text'), text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
  }, { once: true });
}
