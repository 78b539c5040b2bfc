// Starts the console: who is there, which page is meant, what the keyboard does.
import * as api from './api.js';
import { fill, h, say } from './dom.js';
import { Keys } from './keys.js';
import { catchClicks, go, link, read, toDeliveries, toKeys, toList, toRequest } from './links.js';
import { List } from './list.js';
import { login, takeFromAddress } from './login.js';
import { Mailbag } from './mailbag.js';
import { Request } from './request.js';
import { t } from './words.js';

const place = document.getElementById('console');
let page = null;
let main = null;
let pulse = null;
let tabs = null;
let find = null;

function frame() {
  const tab = (name, href) => link(href, { test: `tab-${name}`, data: { tab: name } }, t(`tab.${name}`));
  find = h('input', { type: 'search', id: 'find', test: 'find', 'aria-label': t('find'), placeholder: t('find.hint'), spellcheck: 'false', autocomplete: 'off', maxlength: 200 });
  tabs = h('nav', { class: 'tabs' }, tab('requests', toList()), tab('deliveries', toDeliveries()), tab('keys', toKeys()));
  pulse = h('span', { class: 'pulse', test: 'pulse', role: 'status' }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', { class: 'pulse-word' }));
  main = h('main', { id: 'main', tabindex: -1 });
  const found = (event) => {
    event.preventDefault();
    const id = find.value.trim();
    if (id === '') return;
    find.value = '';
    find.blur();
    go(toRequest(id));
  };
  fill(place,
    h('a', { class: 'skip', href: '#main' }, t('skip')),
    h('header', { class: 'top' },
      link(toList(), { class: 'brand' }, h('img', { src: new URL('mark.svg', import.meta.url).href, alt: '', width: 22, height: 22 }),
        h('strong', {}, t('brand')), h('span', { class: 'quiet' }, t('brand.of'))),
      tabs, h('form', { class: 'find', role: 'search', on: { submit: found } }, find), pulse,
      h('button', { class: 'button small', type: 'button', test: 'sign-out', on: { click: () => signOut() } }, t('sign.out'))),
    main);
}

function signOut(said) {
  page?.leave();
  page = null;
  main = null;
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  api.session.end();
  login(place, said, open);
}

// What a page tells about its questions to the queue.
function heard(how, error) {
  if (how instanceof api.Refusal) return refused(how);
  if (!pulse) return;
  pulse.dataset.how = how;
  const words = { live: t('live'), paused: t('live.paused'), lost: error?.lost === false ? error.message : t('live.lost'), still: '' };
  say(pulse.lastChild, words[how]);
  const isBlank = how === 'lost' && main?.querySelector('.loading');
  if (isBlank) fill(main, trouble(error.message, t('trouble.lost.hint')));
  if (how === 'live' || how === 'still') {
    if (main?.querySelector('[data-test=lost]')) open();
  }
}

function refused(error) {
  if (error.signedOut) return signOut(t('login.ended'));
  if (error.status === 404) return fill(main, trouble(t('trouble.missing'), t('trouble.missing.hint')));
  return fill(main, trouble(t('trouble'), error.message));
}

function trouble(title, lead) {
  return h('div', { class: 'empty', test: 'lost' }, h('h2', {}, title), h('p', {}, lead),
    h('div', { class: 'actions' }, link(toList(), { class: 'button' }, t('back'))));
}

function open() {
  page?.leave();
  page = null;
  document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  if (api.session.token === '') return login(place, null, open);
  if (!main?.isConnected) frame();
  const wanted = read(location);
  const tab = ['keys', 'deliveries'].includes(wanted?.page) ? wanted.page : 'requests';
  for (const anchor of tabs.children) anchor.toggleAttribute('aria-current', anchor.dataset.tab === tab);
  document.title = wanted?.page === 'request' ? `${wanted.id} · ${t('title')}` : t('title');
  if (wanted?.page === 'list') page = new List(main, heard);
  else if (wanted?.page === 'keys') page = new Keys(main, heard);
  else if (wanted?.page === 'deliveries') page = new Mailbag(main, heard);
  else if (wanted?.page === 'request') page = new Request(main, wanted.id, heard);
  else fill(main, trouble(t('trouble.page'), location.pathname));
}

function moved() {
  open();
  scrollTo(0, 0);
  main?.focus({ preventScroll: true });
}

function pressed(event) {
  const isWriting = event.target.closest?.('input, select, textarea, dialog');
  if (event.metaKey || event.ctrlKey || event.altKey || !main?.isConnected) return;
  if (event.key === 'Escape' && event.target === find) return find.blur();
  if (isWriting) return;
  if (event.key === '/') {
    event.preventDefault();
    find.focus();
  } else if (event.key === 'Escape' && !(page instanceof List)) {
    go(toList());
  } else if (page instanceof List) {
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const isScrolling = event.key.startsWith('Arrow') && !page.body.contains(document.activeElement) && document.activeElement !== main && document.activeElement !== document.body;
    if (by && !isScrolling) {
      event.preventDefault();
      page.move(by);
    }
  }
}

takeFromAddress();
catchClicks();
addEventListener('console:moved', moved);
addEventListener('popstate', open);
addEventListener('hashchange', () => {
  if (!location.hash.includes('token=')) return;
  takeFromAddress();
  open();
});
document.addEventListener('keydown', pressed);
open();
