// The list of all jobs: asks before it deletes, and tells times as this place tells them.
import { forget } from './api.js';
import { $, announce, change, refused, say } from './dom.js';
import * as recent from './recent.js';
import { lang } from './text.js';
import { t } from './words.js';

const when = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
for (const time of document.querySelectorAll('time')) say(time, when.format(new Date(time.dateTime)));

function asked(question) {
  const dialog = $('ask');
  say($('ask-text'), question);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

// Another tab has deleted it, or somebody else: it is as was wished.
function gone(error) {
  if (error.status !== 404) throw error;
}

async function remove(form) {
  const row = form.closest('[data-id]');
  const button = form.querySelector('button');
  if (!(await asked(form.dataset.ask))) return;
  button.disabled = true;
  refused(form.parentElement);
  try {
    await forget(row.dataset.id).catch(gone);
    recent.forget(row.dataset.id);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    await change(() => row.remove(), 'list');
    announce(t('history.deleted'));
    if (next) next.querySelector('h2 a').focus();
    else location.reload();
  } catch (error) {
    button.disabled = false;
    refused(form.parentElement, error);
  }
}

$('past').addEventListener('submit', (event) => {
  if (typeof $('ask').showModal !== 'function') return;
  event.preventDefault();
  remove(event.target);
});
