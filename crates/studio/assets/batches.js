// Batches, by the same API that anybody can call.
import { Refusal, ask, parse, refusal } from './api.js';
import { t } from './words.js';

const url = (id) => `/api/batches/${encodeURIComponent(id)}`;
const json = { accept: 'application/json' };

export const batch = (id, query) => ask(`${url(id)}?${query}`);
export const eventsOf = (id) => `${url(id)}/events`;
export const steer = (id, wish) => ask(`${url(id)}/${wish}`, { method: 'POST', headers: json });
export const readList = (file) =>
  ask('/api/batches/list', { method: 'POST', headers: { ...json, 'content-type': 'text/csv' }, body: file });

// XMLHttpRequest, since fetch can't tell how much of an upload has left. Returns the promise and a way to stop it.
export function handIn(fields, archive, name, list, key, progress) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  // The words first: whoever is refused for them hears it before two gigabytes have left.
  for (const [field, value] of Object.entries(fields)) if (value !== '') form.append(field, value);
  if (list) form.append('csv', list, list.name || 'list.csv');
  form.append('zip', archive, name);
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status >= 200 && request.status < 300 && body?.batchId) resolve(body);
      else reject(refusal(request.status, body));
    };
    const lost = { code: 'upload_lost', message: t('bulk.lost'), hint: t('bulk.lost.hint') };
    request.onerror = () => reject(new Refusal(0, lost));
    request.ontimeout = request.onerror;
    request.onabort = () => reject(new Refusal(0, { code: 'canceled', message: t('bulk.stopped') }));
  });
  request.open('POST', '/api/batches');
  request.setRequestHeader('accept', 'application/json');
  request.setRequestHeader('idempotency-key', key);
  request.send(form);
  return { done, stop: () => request.abort() };
}
