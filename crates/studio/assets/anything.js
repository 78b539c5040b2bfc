// For developers: any endpoint of the queue with an input of their own.
import * as api from './api.js';
import { $, say } from './dom.js';
import * as recent from './recent.js';
import { t } from './words.js';

function read(text) {
  try {
    const input = JSON.parse(text);
    return input && typeof input === 'object' && !Array.isArray(input);
  } catch {
    return false;
  }
}

async function ask(event) {
  event.preventDefault();
  const [endpoint, input] = [$('any-endpoint').value.trim(), $('any-input').value.trim()];
  if (!read(input)) {
    say($('any-said'), t('make.any.json'));
    $('any-input').focus();
    return;
  }
  const button = $('any-go');
  button.disabled = true;
  say($('any-said'), '');
  try {
    const job = await api.askAny(endpoint, input, $('any-sku').value.trim());
    recent.remember(job.jobId);
    location.assign(job.pageUrl);
  } catch (error) {
    say($('any-said'), `${error.message} ${error.hint ?? ''}`);
    button.disabled = false;
  }
}

$('any-form').addEventListener('submit', ask);
