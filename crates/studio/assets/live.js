// Follows one job until it ends: by its event stream, which reconnects by itself; by asking where the stream won't come.
import * as api from './api.js';

const POLL_MS = 2_000;
const POLL_MS_MAX = 15_000;
// An event stream that fails this often without a message between is taken as not available here.
const FAILURES_MAX = 3;

export const ended = (view) => ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(view.status);

// `seen` gets each new state, `offline` true or false as the connection goes and comes. Returns a way to stop.
export function follow(id, seen, offline) {
  let failures = 0;
  let timer = 0;
  let stream = null;
  let stopped = false;

  const stop = () => {
    stopped = true;
    clearTimeout(timer);
    stream?.close();
  };

  const take = (view) => {
    if (stopped) return;
    failures = 0;
    offline(false);
    if (ended(view)) stop();
    seen(view);
  };

  const poll = async () => {
    try {
      take(await api.job(id));
    } catch (error) {
      if (error.status === 404) return stop();
      failures += 1;
      offline(true);
    }
    if (!stopped) timer = setTimeout(poll, Math.min(POLL_MS * 2 ** Math.min(failures, 5), POLL_MS_MAX));
  };

  const listen = () => {
    stream = new EventSource(api.eventsOf(id));
    stream.onmessage = (event) => take(JSON.parse(event.data));
    stream.onerror = () => {
      failures += 1;
      if (failures > 1) offline(true);
      if (failures >= FAILURES_MAX || stream.readyState === EventSource.CLOSED) {
        stream.close();
        poll();
      }
    };
  };

  if ('EventSource' in window) listen();
  else poll();
  return stop;
}
