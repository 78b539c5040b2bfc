// The door. The token stays in this tab's session storage and goes nowhere but into the header of the API's calls.
import * as api from './api.js';
import { fill, h, say } from './dom.js';
import { t } from './words.js';

// A token in the fragment never reaches a server; it is taken and does not stay in the address or the history.
export function takeFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return;
  api.session.begin(token);
  history.replaceState(null, '', location.pathname + location.search);
}

export function login(place, said, done) {
  const trouble = h('p', { class: 'trouble', role: 'alert', hidden: !said, test: 'login-trouble' }, said ?? '');
  const token = h('input', {
    id: 'token', type: 'password', test: 'token', autocomplete: 'current-password', spellcheck: 'false', required: true, maxlength: 400,
  });
  const go = h('button', { class: 'button loud', type: 'submit', test: 'sign-in' }, t('login.go'));
  const enter = async (event) => {
    event.preventDefault();
    go.disabled = true;
    api.session.begin(token.value.trim());
    try {
      await api.summary();
      done();
    } catch (error) {
      api.session.end();
      say(trouble, error.signedOut ? t('login.refused') : error.message);
      trouble.hidden = false;
      go.disabled = false;
      token.select();
    }
  };
  fill(place, h('main', { class: 'door', id: 'main' },
    h('form', { class: 'panel', test: 'login', on: { submit: enter } },
      h('img', { src: new URL('mark.svg', import.meta.url).href, alt: '', width: 40, height: 40 }),
      h('h1', {}, t('login.title')), h('p', {}, t('login.lead')),
      h('label', { class: 'field', for: 'token' }, h('span', {}, t('login.token')), token), trouble, go,
      h('p', { class: 'quiet' }, t('login.where')))));
  token.focus();
}
