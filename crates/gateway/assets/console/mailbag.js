// Webhook deliveries of all requests: which hosts fail, what was given up and why, and sending it again.
import * as api from './api.js';
import { delivery } from './deliveries.js';
import { announce, confirm, fill, h, part, say, show } from './dom.js';
import { ago, moment, ms, now } from './format.js';
import { go, link, toDeliveries, toRequest } from './links.js';
import { follow } from './live.js';
import { t } from './words.js';

const REFRESH_MS = 3000;
const PAGE = 50;
const PAGE_MAX = 200;
const STATES = ['pending', 'delivered', 'dead'];
const COLUMNS = ['name', 'state', 'request', 'created', 'tries', 'last', 'next'];
const SETTLE_MS = 350;

export class Mailbag {
  constructor(place, live) {
    const asked = new URLSearchParams(location.search);
    this.state = STATES.includes(asked.get('state')) ? asked.get('state') : '';
    this.host = asked.get('host') ?? '';
    this.wanted = PAGE;
    this.hosts = h('section', { class: 'panel', test: 'failing-hosts', hidden: true });
    this.body = h('tbody', { test: 'delivery-rows' });
    this.table = h('table', { class: 'list keys mail', hidden: true },
      h('thead', {}, h('tr', {}, COLUMNS.map((name) => h('th', { scope: 'col', data: { column: name } }, t(`mail.${name}`))), h('th', {}))), this.body);
    this.empty = h('div', { class: 'empty', hidden: true, test: 'empty' }, h('h2', {}, t('mail.empty')), h('p', {}, t('mail.empty.lead')));
    this.trouble = h('p', { class: 'trouble', hidden: true, test: 'trouble', role: 'alert' });
    this.more = h('button', { class: 'button', type: 'button', hidden: true, test: 'more', on: { click: () => this.older() } }, t('mail.more'));
    this.drawHosts = part(this.hosts, (hosts) => this.failing(hosts));
    this.draw = part(this.body, (rows) => rows.map((row) => this.row(row)));
    fill(place,
      h('div', { class: 'over' }, h('div', {}, h('h1', {}, t('mail.title')), h('p', { class: 'quiet' }, t('mail.lead'))),
        h('button', { class: 'button', type: 'button', test: 'redeliver-all', on: { click: () => this.redeliverAll(this.host) } }, t('mail.again.all'))),
      this.hosts, h('div', { class: 'over' }, this.chips(), this.field()), this.trouble, this.table, this.empty, h('div', { class: 'below' }, this.more));
    this.following = follow(() => this.refresh(), () => REFRESH_MS, live);
  }

  leave() {
    this.following.stop();
  }

  chips() {
    const chip = (state) => link(toDeliveries({ state, host: this.host }), {
      class: 'chip', test: `chip-${state || 'all'}`, 'aria-current': state === this.state ? 'true' : null, data: state ? { state } : {},
    }, state && h('span', { class: 'dot', 'aria-hidden': 'true' }), state ? t(`delivery.${state}`) : t('state.all'));
    return h('nav', { class: 'states', 'aria-label': t('mail.state') }, ['', ...STATES].map(chip));
  }

  field() {
    const input = h('input', {
      type: 'text', id: 'mail-host', test: 'mail-host', value: this.host, placeholder: t('mail.host.hint'), spellcheck: 'false',
      autocapitalize: 'off', autocomplete: 'off', maxlength: 300,
    });
    let timer = 0;
    input.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.host = input.value.trim();
        history.replaceState(null, '', toDeliveries({ state: this.state, host: this.host }));
        this.following.now();
      }, SETTLE_MS);
    });
    return h('label', { class: 'field', for: 'mail-host' }, h('span', {}, t('mail.host')), input);
  }

  async refresh() {
    const query = new URLSearchParams({ limit: this.wanted });
    if (this.state) query.set('state', this.state);
    if (this.host) query.set('host', this.host);
    const asked = query.toString();
    try {
      const [page, { hosts }] = await Promise.all([api.deliveries(query), api.hosts()]);
      this.trouble.hidden = true;
      this.table.hidden = page.deliveries.length === 0;
      this.empty.hidden = page.deliveries.length > 0;
      this.more.hidden = page.next === null || this.wanted >= PAGE_MAX;
      this.hosts.hidden = hosts.length === 0;
      // Ages move by themselves, a minute at a time.
      const minute = Math.floor(now() / 60_000);
      this.drawHosts(hosts, minute);
      this.draw(page.deliveries, minute, asked);
    } catch (error) {
      if (error.status !== 400) throw error;
      say(this.trouble, error.message);
      this.trouble.hidden = false;
    }
  }

  older() {
    this.wanted = Math.min(PAGE_MAX, this.wanted + PAGE);
    this.following.now();
  }

  failing(hosts) {
    return [
      h('div', { class: 'panel-head' }, h('h2', {}, t('hosts'))),
      h('ul', { class: 'hosts' }, hosts.map((host) => h('li', { test: 'failing-host', class: host.reported ? 'long' : '' },
        link(toDeliveries({ state: '', host: host.host }), { class: 'mono wrap' }, host.host),
        h('span', { class: 'quiet' }, t('hosts.since', { when: ago(host.failingSince) })),
        host.broken && h('span', { class: 'tag' }, t('hosts.rests')),
        h('span', { class: 'wrap' }, host.reason),
        h('button', { class: 'button small', type: 'button', test: 'redeliver-host', on: { click: () => this.redeliverAll(host.host) } }, t('mail.again.host'))))),
    ];
  }

  row(one) {
    const cell = (column, ...children) => h('td', { data: { column, label: t(`mail.${column}`) } }, ...children);
    const last = one.httpStatus ? `${one.httpStatus}` : one.reason && t('delivery.noanswer');
    const hasEnded = one.state !== 'pending';
    return h('tr', { test: 'delivery-row' },
      cell('name', h('button', { class: 'plain mono cut', type: 'button', test: 'open-delivery', title: one.target, on: { click: () => this.open(one.id) } }, one.target)),
      cell('state', h('span', { class: 'badge', data: { state: one.state } }, h('span', { class: 'dot', 'aria-hidden': 'true' }), t(`delivery.${one.state}`))),
      cell('request', link(toRequest(one.requestId), { class: 'mono cut', title: one.requestId }, `…${one.requestId.slice(-8)}`)),
      cell('created', h('time', { datetime: one.createdAt, title: moment(one.createdAt) }, ago(one.createdAt))),
      cell('tries', one.attempts > 0 && String(one.attempts)),
      cell('last', one.attempts > 0 && h('span', { class: one.reason ? 'bad cut' : 'good cut', title: one.reason }, one.reason ? `${last} · ${t(`fault.${one.fault ?? 'unknown'}`)}` : last)),
      cell('next', one.nextAt && h('time', { datetime: one.nextAt, title: moment(one.nextAt) }, ms(one.nextAt) > now() ? ago(one.nextAt) : t('mail.due'))),
      h('td', { class: hasEnded ? 'act' : 'act none' }, hasEnded && h('button', { class: 'button small', type: 'button', test: 'redeliver', on: { click: () => this.redeliver(one) } }, t('mail.again'))));
  }

  async open(id) {
    try {
      const one = await api.delivery(id);
      const dialog = h('dialog', { class: 'wide', test: 'delivery-dialog', 'aria-label': t('mail.one') },
        h('h2', {}, t('mail.one')), h('p', { class: 'mono whole-id' }, one.id), delivery(one),
        h('div', { class: 'actions' },
          h('button', { class: 'button', type: 'button', on: { click: () => { dialog.close(); go(toRequest(one.requestId)); } } }, t('mail.request.open')),
          h('button', { class: 'button loud', type: 'button', test: 'delivery-close', on: { click: () => dialog.close() } }, t('mail.close'))));
      show(dialog);
    } catch (error) {
      this.failed(error);
    }
  }

  async redeliver(one) {
    const sure = await confirm({ title: t('mail.again.ask'), lead: t('mail.again.lead', { target: one.target }), go: t('mail.again.go') });
    if (!sure) return;
    await this.act(async () => {
      await api.redeliver(one.id);
      announce(t('mail.again.done', { n: 1 }));
    });
  }

  async redeliverAll(host) {
    const sure = await confirm({
      title: host ? t('mail.again.host.ask', { host }) : t('mail.again.all.ask'), lead: t('mail.again.all.lead'), go: t('mail.again.all.go'),
    });
    if (!sure) return;
    await this.act(async () => announce(t('mail.again.done', { n: (await api.redeliverDead(host ? { host } : {})).redelivered })));
  }

  async act(what) {
    try {
      await what();
    } catch (error) {
      this.failed(error);
    }
    this.following.now();
  }

  failed(error) {
    if (!('status' in error)) throw error;
    announce(error.message);
  }
}
