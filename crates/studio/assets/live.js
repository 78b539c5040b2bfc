// Follows all jobs of a page until they end: by one event stream for all of them, since a browser has six connections to a host
// for all of its tabs; by asking where the stream won't come. A tab that nobody sees keeps no connection.
import * as api from './api.js';
import * as notify from './notify.js';

const POLL_MS = 2_000;
const POLL_MS_MAX = 15_000;
// Behind another tab, for whoever wants to be told.
const AWAY_MS = 5_000;
// An event stream that fails this often without a message between is taken as not available here.
const FAILURES_MAX = 3;
// Jobs of one stream; those beyond are followed as others end.
const JOBS_MAX = 100;

export const ended = (view) => ['SUCCEEDED', 'FAILED', 'CANCELED'].includes(view.status);

// By id: who wants to know of the job.
const jobs = new Map();
// The ids that the stream tells of.
let heard = [];
let stream = null;
let timer = 0;
let failures = 0;
let gone = false;
let streams = 'EventSource' in window;
// Answers to questions of an earlier turn come too late.
let turn = 0;

const wanted = () => [...jobs.keys()].slice(0, JOBS_MAX);

function offline(is) {
  if (is === gone) return;
  gone = is;
  for (const job of jobs.values()) job.lost(is);
}

function rest() {
  turn += 1;
  clearTimeout(timer);
  stream?.close();
  [stream, heard] = [null, []];
}

function drop(id) {
  if (!jobs.delete(id)) return;
  if (jobs.size === 0) rest();
  else if (stream && wanted().some((other) => !heard.includes(other))) begin();
}

function take(view) {
  failures = 0;
  offline(false);
  const job = jobs.get(view.jobId);
  if (ended(view)) drop(view.jobId);
  job?.seen(view);
}

// One job can be looked at by a link alone, several can't.
async function asked(ids) {
  if (ids.length > 1) return api.jobs(ids);
  try {
    return [await api.job(ids[0])];
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}

async function poll() {
  const [mine, ids] = [turn, wanted()];
  try {
    const views = await asked(ids);
    if (mine !== turn) return;
    for (const id of ids) if (!views.some((view) => view.jobId === id)) drop(id);
    views.forEach(take);
  } catch {
    if (mine !== turn) return;
    failures += 1;
    offline(true);
  }
  if (jobs.size === 0 || mine !== turn) return;
  const usual = document.hidden ? AWAY_MS : POLL_MS;
  timer = setTimeout(poll, Math.min(usual * 2 ** Math.min(failures, 5), POLL_MS_MAX));
}

function listen() {
  heard = wanted();
  const source = new EventSource(api.eventsOf(heard));
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.addEventListener('gone', (event) => drop(JSON.parse(event.data).jobId));
  source.onerror = () => {
    failures += 1;
    if (failures > 1) offline(true);
    if (failures < FAILURES_MAX && source.readyState !== EventSource.CLOSED) return;
    streams = false;
    begin();
  };
  stream = source;
}

function begin() {
  rest();
  if (jobs.size === 0) return;
  if (!document.hidden && streams) listen();
  else if (!document.hidden) poll();
  else if (notify.wanted()) timer = setTimeout(poll, AWAY_MS);
}

document.addEventListener('visibilitychange', () => {
  streams = 'EventSource' in window;
  failures = 0;
  begin();
});

// `seen` gets each new state, `lost` true or false as the connection goes and comes. Returns a way to stop.
export function follow(id, seen, lost) {
  // Jobs that are followed together share the stream that begins then.
  const first = wanted().every((other) => heard.includes(other));
  if (jobs.size === 0) [streams, failures] = ['EventSource' in window, 0];
  jobs.set(id, { seen, lost });
  if (first) queueMicrotask(begin);
  return () => drop(id);
}
