// Times, durations and sizes as people read them.
import { lang, t } from './words.js';

const number = new Intl.NumberFormat(lang);
const tenths = new Intl.NumberFormat(lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const precise = new Intl.DateTimeFormat(lang, {
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const full = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' });

// The server's clock counts, so that what still waits or runs has the right age whatever this machine believes.
let ahead = 0;

export function setNow(stamp) {
  const server = Date.parse(stamp);
  if (Number.isFinite(server)) ahead = server - Date.now();
}

export const now = () => Date.now() + ahead;
export const ms = (stamp) => (stamp ? Date.parse(stamp) : NaN);
export const count = (n) => number.format(n);

export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return '';
  const span = Math.max(0, milliseconds);
  if (span < 1) return '0 ms';
  if (span < 1000) return `${Math.round(span)} ms`;
  const seconds = span / 1000;
  if (seconds < 59.95) return `${tenths.format(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export const between = (start, end) => duration(ms(end) - ms(start));

// How long ago, while that says something; the date afterwards.
export function ago(stamp) {
  const seconds = Math.floor((now() - ms(stamp)) / 1000);
  if (!Number.isFinite(seconds)) return '';
  if (seconds < -1) return t('time.in', { n: -seconds });
  if (seconds < 2) return t('time.now');
  if (seconds < 60) return t('time.s', { n: seconds });
  if (seconds < 3600) return t('time.m', { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t('time.h', { n: Math.floor(seconds / 3600) });
  return day.format(ms(stamp));
}

export const moment = (stamp) => (stamp ? full.format(ms(stamp)) : '');
export const timeOfDay = (stamp) => (stamp ? clock.format(ms(stamp)) : '');
export const preciseTime = (stamp) => (stamp ? precise.format(ms(stamp)) : '');

export function bytes(n) {
  if (n >= 1_000_000) return `${tenths.format(n / 1_000_000)} MB`;
  if (n >= 1000) return `${tenths.format(n / 1000)} KB`;
  return `${number.format(n)} B`;
}

// Enough of an id to tell it from its neighbours: ids made at one time begin alike.
export const shortId = (id) => (id.length > 14 ? `…${id.slice(-12)}` : id);
