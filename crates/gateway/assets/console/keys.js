// API keys: make one, see who has one, end one. A secret is shown once.
import * as api from './api.js';
import { announce, confirm, copy, fill, h, part, say, show } from './dom.js';
import { ago, moment } from './format.js';
import { link, toList } from './links.js';
import { follow } from './live.js';
import { t } from './words.js';

const REFRESH_MS = 10_000;
const COLUMNS = ['name', 'id', 'account', 'scope', 'concurrency', 'perMinute', 'created', 'state'];

export class Keys {
  constructor(place, live) {
    this.body = h('tbody', { test: 'key-rows' });
    this.table = h('table', { class: 'list keys', hidden: true },
      h('thead', {}, h('tr', {}, COLUMNS.map((name) => h('th', { scope: 'col', data: { column: name } }, t(`keys.${name}`))), h('th', {}))), this.body);
    this.empty = h('div', { class: 'empty', hidden: true, test: 'empty' }, h('h2', {}, t('keys.none')), h('p', {}, t('keys.none.lead')));
    this.draw = part(this.body, (keys) => keys.map((key) => this.row(key)));
    fill(place,
      h('div', { class: 'over' }, h('div', {}, h('h1', {}, t('keys.title')), h('p', { class: 'quiet' }, t('keys.lead'))),
        h('button', { class: 'button loud', type: 'button', test: 'new-key', on: { click: () => this.create() } }, t('keys.new'))),
      this.table, this.empty);
    this.following = follow(() => this.refresh(), () => REFRESH_MS, live);
  }

  leave() {
    this.following.stop();
  }

  async refresh() {
    const { keys } = await api.keys();
    this.table.hidden = keys.length === 0;
    this.empty.hidden = keys.length > 0;
    this.draw(keys);
  }

  row(key) {
    const cell = (column, ...children) => h('td', { data: { column, label: t(`keys.${column}`) } }, ...children);
    const state = key.revokedAt ? 'revoked' : key.configured ? 'configured' : 'active';
    return h('tr', { class: key.revokedAt ? 'past' : '', test: 'key-row' },
      cell('name', h('span', { class: 'cut', title: key.name }, key.name)),
      cell('id', link(toList(new URLSearchParams({ key: key.id }).toString()), { class: 'mono', title: t('keys.requests') }, key.id)),
      cell('account', h('span', { class: 'mono cut', title: key.userId }, key.userId)),
      cell('scope', key.scope),
      cell('concurrency', key.concurrency ?? h('span', { class: 'quiet' }, t('keys.limit.hint'))),
      cell('perMinute', key.perMinute ?? h('span', { class: 'quiet' }, t('keys.limit.hint'))),
      cell('created', key.createdAt && h('time', { datetime: key.createdAt, title: moment(key.createdAt) }, ago(key.createdAt))),
      cell('state', h('span', { class: 'tag', title: state === 'configured' ? t('keys.configured.hint') : key.revokedAt ? moment(key.revokedAt) : '' }, t(`keys.${state}`))),
      h('td', { class: state === 'active' ? 'act' : 'act none' }, state === 'active' && h('button', { class: 'button small danger', type: 'button', test: 'revoke', on: { click: () => this.revoke(key) } }, t('keys.revoke'))));
  }

  async revoke(key) {
    const sure = await confirm({ title: t('keys.revoke.ask', { name: key.name }), lead: t('keys.revoke.lead'), go: t('keys.revoke.go'), danger: true });
    if (!sure) return;
    try {
      await api.revoke(key.id);
      announce(t('keys.revoke.done'));
    } catch (error) {
      announce(error.message);
    }
    this.following.now();
  }

  create() {
    const input = (name, properties) => {
      const element = h('input', { id: `key-${name}`, test: `key-${name}`, autocomplete: 'off', ...properties });
      return [element, h('label', { class: 'field', for: `key-${name}` }, h('span', {}, t(`keys.${name}`)), element)];
    };
    const [name, nameField] = input('name', { type: 'text', maxlength: 100, required: true });
    const [account, accountField] = input('account', { type: 'text', maxlength: 128, placeholder: t('keys.account.hint') });
    const limit = { type: 'number', min: 1, max: 1_000_000, step: 1, inputmode: 'numeric', placeholder: t('keys.limit.hint') };
    const [concurrency, concurrencyField] = input('concurrency', limit);
    const [perMinute, perMinuteField] = input('perMinute', limit);
    const scope = h('select', { id: 'key-scope', test: 'key-scope' }, ['API', 'ADMIN'].map((word) => h('option', { value: word }, t(`keys.scope.${word}`))));
    const trouble = h('p', { class: 'trouble', hidden: true, role: 'alert', test: 'key-trouble' });
    const wish = () => ({
      name: name.value, scope: scope.value,
      ...(account.value.trim() && { userId: account.value.trim() }),
      ...(concurrency.value && { concurrency: Number(concurrency.value) }),
      ...(perMinute.value && { perMinute: Number(perMinute.value) }),
    });
    const make = async (event) => {
      event.preventDefault();
      try {
        const made = await api.createKey(wish());
        dialog.close();
        this.following.now();
        shown(made);
      } catch (error) {
        say(trouble, error.message);
        trouble.hidden = false;
      }
    };
    const dialog = h('dialog', { test: 'key-dialog', 'aria-label': t('keys.new') },
      h('form', { on: { submit: make } }, h('h2', {}, t('keys.new')), nameField,
        h('label', { class: 'field', for: 'key-scope' }, h('span', {}, t('keys.scope')), scope), accountField,
        h('div', { class: 'two' }, concurrencyField, perMinuteField), trouble,
        h('div', { class: 'actions' },
          h('button', { class: 'button', type: 'button', on: { click: () => dialog.close() } }, t('leave')),
          h('button', { class: 'button loud', type: 'submit', test: 'make-key' }, t('keys.make')))));
    show(dialog);
  }
}

// Goes away by its button alone, so that a secret is not lost to a stray key press.
function shown(made) {
  const dialog = h('dialog', { test: 'key-made', 'aria-label': t('keys.made') },
    h('h2', {}, t('keys.made')),
    h('p', {}, t('keys.made.lead')),
    h('div', { class: 'secret' }, h('code', { test: 'secret' }, made.key),
      h('button', { class: 'button', type: 'button', test: 'copy-secret', on: { click: () => copy(made.key) } }, t('copy'))),
    h('div', { class: 'actions' }, h('button', { class: 'button loud', type: 'button', test: 'key-done', on: { click: () => dialog.close() } }, t('keys.made.done'))));
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  show(dialog);
}
