// The page's only way to the server: the same API that anybody can call.
import { t } from './words.js';

export class Refusal extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint ?? '';
  }
}

export function refusal(status, body) {
  const error = body?.error;
  if (error && typeof error.message === 'string') return new Refusal(status, error);
  if (status === 404) return new Refusal(status, { code: 'not_found', message: t('trouble.gone'), hint: t('trouble.gone.hint') });
  return new Refusal(status, { code: 'unread', message: t('trouble.unread'), hint: t('trouble.unread.hint') });
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// The answer and what was read of it; a connection that breaks on the way is told like any other trouble.
async function fetched(url, options, read) {
  try {
    const answer = await fetch(url, { cache: 'no-store', ...options });
    return [answer, await read(answer)];
  } catch {
    throw new Refusal(0, { code: 'lost', message: t('trouble.lost'), hint: t('trouble.lost.hint') });
  }
}

export async function ask(url, options = {}) {
  const wanted = { headers: { accept: 'application/json' }, ...options };
  const [answer, text] = await fetched(url, wanted, (said) => said.text());
  const body = parse(text);
  if (!answer.ok || (body === null && text)) throw refusal(answer.status, body);
  return body;
}

// What a wish is named by: sent again under its name it is made, and paid for, once. (randomUUID is for TLS alone.)
export function named() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// XMLHttpRequest, since fetch can't tell how much of an upload has left. Returns the promise and a way to stop it.
export function generate({ backdropPicture, more = [], ...fields }, file, key, progress) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) {
      if (one !== '') form.append(name, one);
    }
  }
  if (file) form.append('image', file, file.name || 'photo');
  for (const other of more) form.append('image', other, other.name || 'photo');
  if (backdropPicture) form.append('image', backdropPicture, backdropPicture.name || 'backdrop');
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status >= 200 && request.status < 300 && body?.jobId) resolve(body);
      else reject(refusal(request.status, body));
    };
    const lost = { code: 'upload_lost', message: t('trouble.upload'), hint: t('trouble.upload.hint') };
    request.onerror = () => reject(new Refusal(0, lost));
    request.ontimeout = request.onerror;
    request.onabort = () => reject(new Refusal(0, { code: 'canceled', message: t('stage.canceled') }));
  });
  request.open('POST', '/api/generate');
  request.setRequestHeader('accept', 'application/json');
  request.setRequestHeader('idempotency-key', key);
  request.send(form);
  return { done, stop: () => request.abort() };
}

const jobUrl = (id) => `/api/jobs/${encodeURIComponent(id)}`;

export const job = (id) => ask(jobUrl(id));
export const cancel = (id) => ask(jobUrl(id), { method: 'DELETE' });
export const forget = (id) => ask(`/api/history/${encodeURIComponent(id)}`, { method: 'DELETE' });
export const use = (id, n) => ask(`${jobUrl(id)}/use`, told('POST', { n }));
export const share = (id) => ask(`${jobUrl(id)}/share`, told('POST', {}));
export const again = (id, change, key) => ask(`${jobUrl(id)}/again`, {
  method: 'POST',
  headers: { accept: 'application/json', 'content-type': 'application/json', 'idempotency-key': key },
  body: JSON.stringify(change),
});
export const forPreset = (id, preset, key) => {
  const wish = told('POST', { preset });
  return ask(`${jobUrl(id)}/presets`, { ...wish, headers: { ...wish.headers, 'idempotency-key': key } });
};
// The input goes out as it was written: numbers beyond what scripts hold stay what they are.
export const askAny = (endpoint, input, sku, key) => ask('/api/jobs', {
  method: 'POST',
  headers: { accept: 'application/json', 'content-type': 'application/json', 'idempotency-key': key },
  body: `{"endpoint": ${JSON.stringify(endpoint)}, "input": ${input}, "sku": ${JSON.stringify(sku || null)}}`,
});
export const priceOf = (endpoint) => ask(`/api/price?endpoint=${encodeURIComponent(endpoint)}`);
export const eventsOf = (ids) => `/api/events?ids=${ids.map(encodeURIComponent).join(',')}`;
export const presets = async () => (await ask('/api/presets', { cache: 'default' })).presets;

// A server that says nothing for this long is taken as gone. Pictures are made within it.
const PATIENCE_MS = 90_000;

const told = (method, body) => ({
  method,
  signal: AbortSignal.timeout(PATIENCE_MS),
  body: JSON.stringify(body),
  headers: { accept: 'application/json', 'content-type': 'application/json' },
});
const strokesUrl = (id) => `${jobUrl(id)}/strokes`;

export const strokes = (id) => ask(strokesUrl(id));
export const addStrokes = (id, revision, strokes, width) =>
  ask(`${strokesUrl(id)}?width=${width}`, told('POST', { revision, strokes }));
export const putStrokes = (id, revision, strokes, width) =>
  ask(`${strokesUrl(id)}?width=${width}`, told('PUT', { revision, strokes }));
export const applyStrokes = (id, revision) => ask(`${strokesUrl(id)}/apply`, told('POST', { revision }));

export async function matte(id, width) {
  const [answer, body] = await fetched(`${jobUrl(id)}/matte?width=${width}`, {}, (said) => said.blob());
  if (!answer.ok) throw refusal(answer.status, parse(await body.text()));
  return body;
}

export async function jobs(ids) {
  if (ids.length === 0) return [];
  return (await ask(`/api/jobs?ids=${ids.map(encodeURIComponent).join(',')}`)).jobs;
}
