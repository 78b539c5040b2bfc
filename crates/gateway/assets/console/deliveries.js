// What became of a request's webhook: every attempt with what the receiver said.
import { h } from './dom.js';
import { duration, moment, ms, now, preciseTime } from './format.js';
import { t } from './words.js';

export function deliveries(owed, webhook, isEnded) {
  const head = h('div', { class: 'panel-head' }, h('h2', {}, t('deliveries')));
  if (owed.length > 0) return [head, owed.map(delivery)];
  return [head, h('p', { class: 'quiet' }, webhook && !isEnded ? t('deliveries.later') : t('deliveries.none'))];
}

export function delivery(one) {
  const wait = one.nextAt && one.state === 'pending' ? Math.max(0, ms(one.nextAt) - now()) : null;
  return h('article', { class: 'delivery', test: 'delivery' },
    h('div', { class: 'delivery-head' },
      h('span', { class: 'badge', data: { state: one.state } }, h('span', { class: 'dot', 'aria-hidden': 'true' }), t(`delivery.${one.state}`)),
      h('span', { class: 'mono wrap' }, one.target),
      wait !== null && one.attempts.length > 0 && h('span', { class: 'quiet' }, t('delivery.next', { when: t('time.in', { n: Math.ceil(wait / 1000) }) }))),
    one.attempts.length === 0 ? h('p', { class: 'quiet' }, t('delivery.none')) : h('ol', { class: 'tries' }, one.attempts.map(tried)));
}

function tried(one) {
  return h('li', { test: 'delivery-attempt' },
    h('span', { class: 'figures' }, `#${one.attempt}`),
    h('time', { datetime: one.at, title: moment(one.at) }, preciseTime(one.at)),
    h('span', { class: one.reason ? 'bad' : 'good' }, one.httpStatus ? String(one.httpStatus) : t('delivery.noanswer')),
    h('span', { class: 'figures' }, duration(one.latencySeconds * 1000)),
    h('span', { class: 'wrap' }, one.fault && h('span', { class: 'tag' }, t(`fault.${one.fault}`)), one.fault && ' ', one.reason),
    one.answer !== '' && h('details', {}, h('summary', {}, t('delivery.answer')), h('pre', { class: 'code' }, one.answer)));
}
