// What happened when, as bars on one scale: waiting, each attempt, each try to deliver the webhook.
import { h } from './dom.js';
import { duration, moment, ms, now } from './format.js';
import { has, t } from './words.js';

export function timeline(view) {
  const rows = [queued(view), ...view.attempts.map(attempt), ...deliveries(view)].filter((row) => row && Number.isFinite(row.from));
  const from = ms(view.createdAt);
  const to = Math.max(from + 1, ...rows.map((row) => row.to));
  return [
    h('div', { class: 'panel-head' }, h('h2', {}, t('timeline')), h('span', { class: 'push' }), h('span', { class: 'quiet' }, duration(to - from))),
    h('ol', { class: 'bars' }, rows.map((row) => bar(row, from, to))),
    view.attempts.length === 0 && view.finishedAt && h('p', { class: 'quiet' }, t('timeline.none')),
  ];
}

function queued(view) {
  const to = view.startedAt ?? view.finishedAt;
  return { name: t('timeline.queued'), kind: 'queued', from: ms(view.createdAt), to: to ? ms(to) : now(), said: to ? '' : t('timeline.waiting'), id: view.requestId };
}

function attempt(one) {
  const isOver = one.endedAt !== null;
  return {
    name: t('timeline.attempt', { n: one.number }), kind: one.how === 'answered' && one.httpStatus >= 400 ? 'failed' : one.how,
    from: ms(one.startedAt), to: isOver ? ms(one.endedAt) : one.how === 'running' ? now() : ms(one.startedAt), said: how(one), id: one.gatewayRequestId,
  };
}

function how(one) {
  const values = { status: String(one.httpStatus ?? ''), type: one.errorType ?? '' };
  return has(`how.${one.how}`) ? t(`how.${one.how}`, values) : one.how;
}

function deliveries(view) {
  return view.deliveries.flatMap((delivery) => delivery.attempts.map((one) => ({
    name: t('timeline.delivery', { n: one.attempt }), kind: one.reason ? 'failed' : 'delivered',
    from: ms(one.at), to: ms(one.at) + one.latencySeconds * 1000,
    said: one.reason || String(one.httpStatus ?? ''), id: delivery.target,
  })));
}

function bar({ name, kind, from: start, to: end, said, id }, from, to) {
  const percent = (at) => `${Math.max(0, Math.min(100, ((at - from) / (to - from)) * 100))}%`;
  const drawn = h('span', { class: 'bar', data: { kind } });
  // By way of the object model, which the page's policy allows; attributes it does not.
  drawn.style.setProperty('left', `min(${percent(start)}, calc(100% - 3px))`);
  drawn.style.setProperty('width', `max(3px, calc(${percent(end)} - ${percent(start)}))`);
  return h('li', { data: { kind }, title: `${moment(new Date(start).toISOString())} · ${id}` },
    h('span', { class: 'bar-name' }, name), h('span', { class: 'track' }, drawn),
    h('span', { class: 'bar-time' }, duration(end - start)), h('span', { class: 'bar-said cut' }, said));
}
