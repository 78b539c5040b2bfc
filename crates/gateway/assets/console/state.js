// The words for where a request stands, and what they look like.
import { h } from './dom.js';
import { has, t } from './words.js';

export const STATES = ['waiting', 'running', 'succeeded', 'refused', 'failed', 'cancelled'];

export const ended = (request) => request.finishedAt !== null;

// A shape for each word, so that colour is not the only difference.
export function badge(state) {
  const word = has(`state.${state}`) ? t(`state.${state}`) : state;
  return h('span', { class: 'badge', data: { state }, test: 'state' }, h('span', { class: 'dot', 'aria-hidden': 'true' }), word);
}
