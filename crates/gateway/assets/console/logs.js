// The log of a request. Follows its end while somebody is there.
import { fill, h, part } from './dom.js';
import { moment, preciseTime } from './format.js';
import { t } from './words.js';

const LOUD = ['WARN', 'ERROR', 'STDERR'];

export class Logs {
  constructor() {
    this.lines = h('ol', { class: 'lines', tabindex: 0, test: 'log-lines' });
    this.note = h('p', { class: 'quiet' });
    this.level = h('select', { 'aria-label': t('logs.level'), test: 'log-level', on: { change: () => this.redraw() } },
      h('option', { value: 'all' }, t('logs.all')), h('option', { value: 'loud' }, t('logs.loud')));
    this.count = h('span', { class: 'quiet' });
    this.element = h('section', { class: 'panel', test: 'logs' },
      h('div', { class: 'panel-head' }, h('h2', {}, t('logs')), this.count, h('span', { class: 'push' }), this.level), this.note, this.lines);
    this.draw = part(this.lines, (entries) => entries.map(line));
    this.shown = [{ entries: [], total: 0 }, true];
  }

  show(logs, isEnded) {
    this.shown = [logs, isEnded];
    this.redraw();
  }

  redraw() {
    const [{ entries, total }, isEnded] = this.shown;
    const wanted = this.level.value === 'loud' ? entries.filter((entry) => LOUD.includes(entry.level)) : entries;
    const isAtEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 4;
    this.draw(wanted);
    this.lines.hidden = wanted.length === 0;
    this.level.hidden = entries.length === 0;
    fill(this.count, total > 0 ? String(total) : '');
    const cut = total > entries.length ? t('logs.cut', { n: entries.length, all: total }) : '';
    fill(this.note, wanted.length > 0 ? cut : t(isEnded || entries.length > 0 ? 'logs.none' : 'logs.waiting'));
    this.note.hidden = this.note.textContent === '';
    if (isAtEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }
}

function line(entry) {
  return h('li', { data: { level: entry.level } },
    h('time', { datetime: entry.timestamp ?? '', title: moment(entry.timestamp) }, preciseTime(entry.timestamp)),
    h('span', { class: 'level' }, entry.level),
    h('span', { class: 'message' }, entry.message));
}
