// The filters above the list. The address holds them, so that a view can be kept and shared; no token is in it.
import * as api from './api.js';
import { fill, h } from './dom.js';
import { now } from './format.js';
import { link, toList } from './links.js';
import { STATES } from './state.js';
import { t } from './words.js';

const SPANS = { '15m': 15 * 60_000, '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000 };
const NAMES = ['state', 'endpoint', 'key', 'user', 'label', 'since', 'from', 'to'];
const SETTLE_MS = 350;

export class Filters {
  constructor(changed) {
    this.values = new URLSearchParams();
    for (const [name, value] of new URLSearchParams(location.search)) {
      if (NAMES.includes(name) && value !== '' && !this.values.has(name)) this.values.set(name, value);
    }
    this.changed = changed;
    this.keys = [];
    this.element = h('form', { class: 'filters', role: 'search', on: { submit: (event) => event.preventDefault() } });
    this.build();
    this.nameKeys();
  }

  get state() {
    const state = this.values.get('state') ?? '';
    return STATES.includes(state) ? state : '';
  }

  query() {
    return this.values.toString();
  }

  // As the API wants it: moments instead of spans.
  toApi(limit, before) {
    const query = new URLSearchParams({ limit });
    for (const [name, value] of this.values) {
      if (name !== 'since') query.set(name, value);
    }
    const span = SPANS[this.values.get('since')];
    if (span) query.set('from', new Date(now() - span).toISOString());
    if (before) query.set('before', before);
    return query;
  }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (value) this.values.set(name, value);
      else this.values.delete(name);
    }
    this.clear.hidden = this.values.size === 0;
    this.changed(this.query());
  }

  // A choice may bring further fields; the one that was used keeps the focus.
  choose(changes) {
    this.set(changes);
    const focused = document.activeElement?.id;
    this.build();
    if (focused) document.getElementById(focused)?.focus();
  }

  build() {
    const written = (name) => {
      const input = h('input', {
        type: 'text', value: this.values.get(name) ?? '', placeholder: t(`filter.${name}.hint`), test: `filter-${name}`,
        id: `filter-${name}`, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', maxlength: 400,
      });
      let timer = 0;
      input.addEventListener('input', () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.set({ [name]: input.value.trim() }), SETTLE_MS);
      });
      return field(name, input);
    };
    this.key = h('select', { id: 'filter-key', test: 'filter-key', on: { change: () => this.choose({ key: this.key.value }) } });
    this.showKeys();
    this.clear = link(toList(), { class: 'clear', test: 'clear-filters' }, t('filter.clear'));
    this.clear.hidden = this.values.size === 0;
    fill(this.element, written('endpoint'), field('key', this.key), written('label'), field('since', this.span()), this.between(), this.clear);
  }

  showKeys() {
    const own = this.values.get('key') ?? '';
    const known = this.keys.map((key) => h('option', { value: key.id }, key.name ? `${key.name} · ${key.id}` : key.id));
    const isUnknown = own && !this.keys.some((key) => key.id === own);
    fill(this.key, h('option', { value: '' }, t('filter.key.any')), isUnknown && h('option', { value: own }, own), known);
    this.key.value = own;
  }

  span() {
    const isCustom = this.values.has('from') || this.values.has('to');
    const chosen = isCustom ? 'custom' : (this.values.get('since') ?? '');
    const select = h('select', { id: 'filter-since', test: 'filter-since' },
      ['', ...Object.keys(SPANS), 'custom'].map((span) => h('option', { value: span }, t(`filter.since.${span}`))));
    select.value = chosen;
    select.addEventListener('change', () => this.choose({ since: select.value, from: '', to: '' }));
    return select;
  }

  between() {
    const isCustom = this.values.get('since') === 'custom' || this.values.has('from') || this.values.has('to');
    if (!isCustom) return null;
    return ['from', 'to'].map((name) => {
      const input = h('input', { type: 'datetime-local', step: 1, id: `filter-${name}`, test: `filter-${name}`, value: toLocal(this.values.get(name)) });
      input.addEventListener('change', () => this.set({ [name]: fromLocal(input.value), since: 'custom' }));
      return field(name, input);
    });
  }

  // The ids of keys say little; their names are added as soon as they are known.
  async nameKeys() {
    try {
      this.keys = (await api.keys()).keys;
      this.showKeys();
    } catch {
      // The list below says what is wrong; its filter works with what it has.
    }
  }
}

const field = (name, input) => h('label', { class: 'field', for: input.id }, h('span', {}, t(`filter.${name}`)), input);

const two = (n) => String(n).padStart(2, '0');

function toLocal(stamp) {
  const at = new Date(stamp ?? NaN);
  if (Number.isNaN(at.getTime())) return '';
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function fromLocal(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
