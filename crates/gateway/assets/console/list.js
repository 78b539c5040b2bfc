// The list of requests: filters that live in the address, counts, rows that keep themselves up to date.
import * as api from './api.js';
import { fill, h, part, say } from './dom.js';
import { ago, count, duration, moment, ms, now, shortId } from './format.js';
import { Filters } from './filters.js';
import { go, link, toDeliveries, toList, toRequest } from './links.js';
import { follow } from './live.js';
import { badge, ended, STATES } from './state.js';
import { t } from './words.js';

const PAGE = 50;
// As many as one call can give; older rows stay as they were when they were fetched.
const FRESH_MAX = 200;
const REFRESH_MS = 2000;
// Counting looks at many requests; nobody reads these numbers every two seconds.
const COUNT_EVERY_MS = 6000;

const COLUMNS = ['state', 'endpoint', 'request', 'key', 'labels', 'created', 'waited', 'ran', 'attempts'];

export class List {
  constructor(place, live) {
    this.rows = new Map();
    this.next = null;
    this.counts = null;
    this.countAt = 0;
    this.filters = new Filters((query) => this.filtered(query));
    this.body = h('tbody', { test: 'rows' });
    this.table = h('table', { class: 'list', hidden: true },
      h('thead', {}, h('tr', {}, COLUMNS.map((name) => h('th', { scope: 'col', data: { column: name } }, t(`list.${name}`))))),
      this.body);
    this.more = h('button', { class: 'button', type: 'button', hidden: true, test: 'more', on: { click: () => this.older() } }, t('list.more'));
    this.empty = h('div', { class: 'empty', hidden: true, test: 'empty' });
    this.trouble = h('p', { class: 'trouble', hidden: true, test: 'trouble', role: 'alert' });
    this.hint = h('p', { class: 'hint keys-hint', hidden: true }, t('list.keys'));
    this.states = h('nav', { class: 'states', 'aria-label': t('list.state') });
    this.rate = h('p', { class: 'rate' });
    this.showStates = part(this.states, (counts, chosen, query) => chips(counts, chosen, new URLSearchParams(query)));
    this.showEmpty = part(this.empty, nothing);
    fill(place, h('div', { class: 'over' }, this.states, this.rate), this.filters.element, this.trouble, this.table, this.empty,
      h('div', { class: 'below' }, this.more, this.hint));
    this.table.addEventListener('click', opened);
    this.showStates(null, this.filters.state, this.filters.query());
    this.following = follow(() => this.refresh(), () => REFRESH_MS, live);
  }

  leave() {
    this.following.stop();
  }

  // Typing changes the address in place, so that Back leads to where one came from.
  filtered(query) {
    history.replaceState(null, '', toList(query));
    this.rows = new Map();
    this.next = null;
    this.following.now();
  }

  // Newest first, as many as are shown; the ones of later pages stay where they are.
  async refresh() {
    const asked = this.filters.query();
    const wanted = Math.min(FRESH_MAX, Math.max(PAGE, this.rows.size));
    try {
      const [page] = await Promise.all([api.requests(this.filters.toApi(wanted)), this.count()]);
      // The filters may have changed meanwhile; what belongs to the earlier ones is not shown.
      if (asked !== this.filters.query()) return this.refresh();
      this.trouble.hidden = true;
      this.take(page, wanted);
      this.showStates(this.counts, this.filters.state, asked);
    } catch (error) {
      // What the filters say can't be; asking again would not help, but their author may mend them.
      if (error.status !== 400) throw error;
      this.rows = new Map();
      this.next = null;
      this.arrange();
      this.empty.hidden = true;
      say(this.trouble, error.message);
      this.trouble.hidden = false;
    }
  }

  async count() {
    if (performance.now() < this.countAt) return;
    const { counts, failingHosts } = await api.summary();
    this.countAt = performance.now() + COUNT_EVERY_MS;
    this.counts = counts;
    const done = STATES.slice(2).reduce((sum, state) => sum + counts[state], 0);
    fill(this.rate, t('rate', { n: done }), failingHosts > 0 && [' · ', link(toDeliveries(), { class: 'bad', test: 'hosts-fail' }, t('hosts.fail', { n: failingHosts }))]);
  }

  take(page, wanted) {
    const order = [];
    for (const request of page.requests) {
      const row = this.rows.get(request.requestId) ?? new Row();
      row.show(request);
      order.push([request.requestId, row]);
    }
    const oldest = page.requests.at(-1);
    const isWhole = page.next === null;
    if (!isWhole && this.rows.size > wanted && oldest) {
      for (const [id, row] of this.rows) {
        const isFresh = order.some(([known]) => known === id);
        if (!isFresh && row.createdAt < ms(oldest.createdAt)) order.push([id, row]);
      }
    } else this.next = page.next;
    this.rows = new Map(order);
    this.arrange();
  }

  // Moves only what has moved, so that focus and selection stay.
  arrange() {
    let at = this.body.firstChild;
    for (const row of this.rows.values()) {
      if (row.element === at) at = at.nextSibling;
      else this.body.insertBefore(row.element, at);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    const isEmpty = this.rows.size === 0 && this.next === null;
    this.table.hidden = this.rows.size === 0;
    this.hint.hidden = this.table.hidden;
    this.empty.hidden = !isEmpty;
    this.more.hidden = this.next === null;
    if (isEmpty) this.showEmpty(this.filters.query() !== '');
  }

  async older() {
    this.more.disabled = true;
    try {
      const page = await api.requests(this.filters.toApi(PAGE, this.next));
      this.next = page.next;
      for (const request of page.requests) {
        const row = this.rows.get(request.requestId) ?? new Row();
        row.show(request);
        this.rows.set(request.requestId, row);
      }
      this.arrange();
    } catch (error) {
      say(this.trouble, error.message);
      this.trouble.hidden = false;
    }
    this.more.disabled = false;
  }

  // `by` is 1 for the next row, -1 for the one before.
  move(by) {
    const links = [...this.body.querySelectorAll('a.id')];
    const at = links.indexOf(document.activeElement);
    const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
    links[to]?.focus();
  }
}

// Anywhere on a row opens it, unless somebody selects text.
function opened(event) {
  const row = event.target.closest('tbody tr');
  if (!row || event.target.closest('a') || String(getSelection()) !== '') return;
  const anchor = row.querySelector('a.id');
  if (event.metaKey || event.ctrlKey) open(anchor.href);
  else go(anchor.href);
}

function chips(counts, chosen, query) {
  const chip = (state) => {
    const wanted = new URLSearchParams(query);
    wanted.delete('state');
    if (state) wanted.set('state', state);
    const label = state ? t(`state.${state}`) : t('state.all');
    return link(toList(wanted.toString()), {
      class: 'chip', test: `chip-${state || 'all'}`, 'aria-current': state === chosen ? 'true' : null,
      title: state ? t(`state.hint.${state}`) : null, data: state ? { state } : {},
    }, state && h('span', { class: 'dot', 'aria-hidden': 'true' }), label, counts && state && h('span', { class: 'count' }, count(counts[state])));
  };
  return ['', ...STATES].map(chip);
}

function nothing(isFiltered) {
  if (isFiltered) {
    return [h('h2', {}, t('list.none.filtered')), h('p', {}, t('list.none.filtered.lead')),
      link(toList(), { class: 'button', test: 'clear' }, t('filter.clear'))];
  }
  const origin = new URL('../', api.root).href.replace(/\/$/, '');
  const example = `curl ${origin}/fal-ai/nano-banana/edit \\\n  -H "Authorization: Key $FAL_KEY" -H 'Content-Type: application/json' \\\n  -d '{"prompt": "on white", "image_urls": ["data:…"]}'`;
  return [h('h2', {}, t('list.none')), h('p', {}, t('list.none.lead')), h('pre', { class: 'code' }, example)];
}

class Row {
  constructor() {
    this.element = h('tr', { test: 'row' });
    this.createdAt = 0;
    this.show = part(this.element, (request) => this.cells(request));
    // What moves by itself is not part of what is compared.
    const show = this.show;
    this.show = (request) => {
      this.createdAt = ms(request.createdAt);
      show(request);
      this.tick(request);
    };
  }

  cells(request) {
    const cell = (column, ...children) => h('td', { data: { column } }, ...children);
    this.created = h('time', { datetime: request.createdAt, title: moment(request.createdAt) });
    this.waited = h('span', {});
    this.ran = h('span', {});
    return [
      cell('state', badge(request.state)),
      cell('endpoint', h('span', { class: 'cut', title: request.endpoint }, request.endpoint)),
      cell('request', link(toRequest(request.requestId), { class: 'id mono', test: 'open', title: request.requestId, 'aria-label': `${request.endpoint} ${request.requestId}` },
        shortId(request.requestId)), request.origin === 'run' && h('span', { class: 'tag' }, t('list.run'))),
      cell('key', h('span', { class: 'cut mono', title: request.keyId }, request.keyId)),
      cell('labels', labels(request.labels)),
      cell('created', this.created),
      cell('waited', this.waited),
      cell('ran', this.ran),
      cell('attempts', request.attempts > 0 ? count(request.attempts) : '', request.failures > 0 && request.attempts > 1 && h('span', { class: 'retried', title: t('list.attempts') }, '↻')),
    ];
  }

  tick(request) {
    say(this.created, ago(request.createdAt));
    const from = ms(request.createdAt);
    const start = request.startedAt ? ms(request.startedAt) : NaN;
    const end = request.finishedAt ? ms(request.finishedAt) : now();
    say(this.waited, duration((Number.isNaN(start) ? end : start) - from));
    say(this.ran, Number.isNaN(start) ? '' : duration(end - start));
    this.element.classList.toggle('active', !ended(request));
  }
}

export function labels(pairs) {
  return Object.entries(pairs).map(([key, value]) =>
    link(toList(new URLSearchParams({ label: `${key}=${value}` }).toString()), { class: 'tag cut', title: `${key}=${value}` }, `${key}=${value}`));
}

