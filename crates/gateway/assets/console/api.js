// The page's only way to the queue: the same API that anybody with the token can call.
import { setNow } from './format.js';
import { t } from './words.js';

const TOKEN = 'plantain-console-token';
const PATIENCE_MS = 20_000;

// Modules lie at `<root>assets/<edition>/`, wherever a proxy has put the console.
export const root = new URL('../../', import.meta.url);

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  get lost() {
    return this.status === 0;
  }

  get signedOut() {
    return this.status === 401 || this.status === 403;
  }
}

export const session = {
  get token() {
    return sessionStorage.getItem(TOKEN) ?? '';
  },
  begin(token) {
    sessionStorage.setItem(TOKEN, token);
  },
  end() {
    sessionStorage.removeItem(TOKEN);
  },
};

// A token has no colon, a key's id and secret have one between them.
const authorization = (token) => (token.includes(':') ? `Key ${token}` : `Bearer ${token}`);

async function send(path, options) {
  // What no header can hold is no token; the server is asked all the same, so that there is one way to be refused.
  const token = /^[\x21-\x7e]+$/.test(session.token) ? session.token : 'none';
  const headers = { accept: 'application/json', authorization: authorization(token), ...options.headers };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await fetch(new URL(`api/${path}`, root), { cache: 'no-store', redirect: 'error', signal, ...options, headers });
  } catch {
    throw new Refusal(0, t('trouble.lost'));
  }
}

function refusal(status, text) {
  let detail;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    detail = undefined;
  }
  return new Refusal(status, typeof detail === 'string' ? detail : t('trouble.unread'));
}

async function ask(path, options = {}) {
  const answer = await send(path, options);
  const text = await answer.text().catch(() => '');
  if (!answer.ok) throw refusal(answer.status, text);
  try {
    const said = JSON.parse(text);
    if (said.now) setNow(said.now);
    return said;
  } catch {
    throw new Refusal(answer.status, t('trouble.unread'));
  }
}

const of = (id) => `requests/${encodeURIComponent(id)}`;

export const requests = (query) => ask(`requests?${query}`);
export const request = (id) => ask(of(id));
export const cancel = (id) => ask(`${of(id)}/cancel`, { method: 'POST' });
export const retry = (id) => ask(`${of(id)}/retry`, { method: 'POST' });
export const summary = () => ask('summary');
export const keys = () => ask('keys');
export const deliveries = (query) => ask(`deliveries?${query}`);
export const delivery = (id) => ask(`deliveries/${encodeURIComponent(id)}`);
export const redeliver = (id) => ask(`deliveries/${encodeURIComponent(id)}/redeliver`, { method: 'POST' });
export const hosts = () => ask('hosts');
export const revoke = (id) => ask(`keys/${encodeURIComponent(id)}`, { method: 'DELETE' });

function post(path, wish) {
  const headers = { 'content-type': 'application/json' };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(wish) });
}

export const createKey = (wish) => post('keys', wish);
export const redeliverDead = (which) => post('deliveries/redeliver', which);

// The whole input or output of a request, byte for byte.
export async function payload(id, which) {
  const answer = await send(`${of(id)}/${which}`, {});
  if (!answer.ok) throw refusal(answer.status, await answer.text());
  return answer.blob();
}
