// One request: where it stands, what was tried and when, its logs, input, output and deliveries.
import * as api from './api.js';
import { curlOf } from './curl.js';
import { announce, confirm, copy, fill, h, part } from './dom.js';
import { duration, moment, ms, now } from './format.js';
import { labels } from './list.js';
import { go, link, toList, toRequest } from './links.js';
import { follow } from './live.js';
import { Logs } from './logs.js';
import { Payload } from './payload.js';
import { deliveries } from './deliveries.js';
import { badge, ended } from './state.js';
import { timeline } from './timeline.js';
import { t } from './words.js';

const RUNNING_MS = 1000;
// What has ended still owes deliveries for a while.
const OWING_MS = 3000;

export class Request {
  constructor(place, id, live) {
    this.id = id;
    this.view = null;
    this.head = h('header', { class: 'request-head' });
    this.facts = h('dl', { class: 'facts', test: 'facts' });
    this.outcome = h('div', {});
    this.lines = h('section', { class: 'panel', test: 'timeline' });
    this.logs = new Logs();
    this.input = new Payload(id, 'input');
    this.output = new Payload(id, 'output');
    this.owed = h('section', { class: 'panel', test: 'deliveries' });
    this.showHead = part(this.head, (view) => this.heading(view));
    this.showFacts = part(this.facts, facts);
    this.showOutcome = part(this.outcome, outcome);
    this.showLines = part(this.lines, timeline);
    this.showOwed = part(this.owed, deliveries);
    const wait = h('p', { class: 'loading' }, t('list.loading'));
    fill(place, h('p', { class: 'crumbs' }, link(toList(), { test: 'back' }, `← ${t('back')}`)), wait);
    this.begin = () => {
      wait.replaceWith(this.head, this.outcome, this.facts, this.lines, h('div', { class: 'pair' }, this.input.element, this.output.element),
        this.logs.element, this.owed);
      this.begin = () => {};
    };
    this.following = follow(() => this.refresh(), () => this.rhythm(), live);
  }

  leave() {
    this.following.stop();
  }

  rhythm() {
    if (!this.view || !ended(this.view)) return RUNNING_MS;
    return this.view.deliveries.some((delivery) => delivery.state === 'pending') ? OWING_MS : null;
  }

  async refresh() {
    const view = await api.request(this.id);
    this.view = view;
    this.begin();
    const tick = ended(view) ? 0 : Math.floor(now() / 1000);
    const { logs, input, output, now: _, ...rest } = view;
    this.showHead({ requestId: view.requestId, endpoint: view.endpoint, state: view.state, isEnded: ended(view) });
    this.showFacts(rest, tick);
    this.showOutcome(view.state, view.outcome);
    this.showLines(rest, tick);
    this.input.show(input, t('output.none'));
    this.output.show(output, ended(view) ? t('output.never') : t('output.none'));
    this.logs.show(logs, ended(view));
    this.showOwed(view.deliveries, view.webhook, ended(view), view.deliveries.some((one) => one.nextAt) ? Math.floor(now() / 1000) : 0);
  }

  heading({ requestId, endpoint, state, isEnded }) {
    const button = (name, act, kind = '') => h('button', { class: `button ${kind}`, type: 'button', test: name, on: { click: act } }, t(name));
    return [
      h('div', { class: 'title' }, badge(state), h('h1', { title: endpoint }, endpoint)),
      h('p', { class: 'mono whole-id', test: 'request-id' }, requestId),
      h('div', { class: 'actions' },
        isEnded ? button('retry', () => this.retry()) : button('cancel', () => this.cancel(), 'danger'),
        button('copy.curl', () => this.curl()),
        button('copy.id', () => copy(requestId))),
    ];
  }

  async cancel() {
    const sure = await confirm({ title: t('cancel.ask'), lead: t('cancel.lead'), go: t('cancel.go'), danger: true });
    if (sure) await this.act(async () => announce(t((await api.cancel(this.id)).cancelled === 'removed' ? 'cancel.done' : 'cancel.asked')));
  }

  async retry() {
    const sure = await confirm({ title: t('retry.ask'), lead: t('retry.lead'), go: t('retry.go') });
    if (!sure) return;
    await this.act(async () => {
      const made = await api.retry(this.id);
      announce(t('retry.done'));
      go(toRequest(made.requestId));
    });
  }

  async curl() {
    await this.act(async () => {
      const { kept, cut, text } = this.view.input;
      const input = kept && cut ? await (await api.payload(this.id, 'input')).text() : (text ?? '');
      await copy(curlOf(this.view, input, new URL('../', api.root).href));
    });
  }

  async act(what) {
    try {
      await what();
      this.following.now();
    } catch (error) {
      if (!('status' in error)) throw error;
      announce(error.message);
    }
  }
}

function facts(view) {
  const end = view.finishedAt ? ms(view.finishedAt) : now();
  const start = view.startedAt ? ms(view.startedAt) : NaN;
  const at = (stamp) => stamp && h('time', { datetime: stamp, title: stamp }, moment(stamp));
  const rows = [
    ['position', view.state === 'waiting' && view.queuePosition !== null ? String(view.queuePosition) : null],
    ['total', duration(end - ms(view.createdAt))],
    ['waited', duration((Number.isNaN(start) ? end : start) - ms(view.createdAt))],
    ['ran', Number.isNaN(start) ? null : duration(end - start)],
    ['inference', view.outcome?.inferenceSeconds !== undefined && view.outcome?.inferenceSeconds !== null ? duration(view.outcome.inferenceSeconds * 1000) : null],
    ['status', view.outcome?.httpStatus ? String(view.outcome.httpStatus) : null],
    ['created', at(view.createdAt)],
    ['finished', at(view.finishedAt)],
    ['key', link(toList(new URLSearchParams({ key: view.keyId }).toString()), { class: 'mono' }, view.keyId)],
    ['user', link(toList(new URLSearchParams({ user: view.userId }).toString()), { class: 'mono' }, view.userId)],
    ['origin', t(`fact.origin.${view.origin}`)],
    ['retryOf', view.retryOf && link(toRequest(view.retryOf), { class: 'mono', test: 'retry-of' }, view.retryOf)],
    ['labels', Object.keys(view.options.labels).length > 0 && labels(view.options.labels)],
    ['webhook', view.webhook && h('span', { class: 'mono wrap' }, view.webhook)],
    ['options', options(view.options)],
  ];
  return rows.filter(([, value]) => value).map(([name, value]) => h('div', { data: { fact: name } }, h('dt', {}, t(`fact.${name}`)), h('dd', {}, value)));
}

function options({ labels: _, ...rest }) {
  const said = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined);
  if (said.length === 0) return null;
  return said.map(([name, value]) => h('span', { class: 'tag' }, `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`));
}

function outcome(state, ending) {
  if (!ending || !['failed', 'refused', 'cancelled'].includes(state)) return [];
  const word = ending.errorType ?? (ending.httpStatus ? `HTTP ${ending.httpStatus}` : null);
  return h('div', { class: 'outcome', data: { state }, test: 'outcome' },
    h('strong', {}, t(`outcome.${state}`)), word && h('code', {}, word), ending.detail && h('p', { class: 'wrap' }, ending.detail));
}
