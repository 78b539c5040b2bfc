// For developers: any endpoint of the queue with an input of their own.
import * as api from './api.js';
import { $, say } from './dom.js';
import * as recent from './recent.js';
import { price, t } from './words.js';

function read(text) {
  try {
    const input = JSON.parse(text);
    return input && typeof input === 'object' && !Array.isArray(input);
  } catch {
    return false;
  }
}

// How many pictures the queue is asked for, as the server counts them.
function pictures() {
  try {
    const count = JSON.parse($('any-input').value)?.num_images;
    return Number.isInteger(count) && count > 0 ? count : 1;
  } catch {
    return 1;
  }
}

// The endpoint whose price was asked for last, and that price.
let [priced, cents] = ['', null];

const told = (said) => say($('any-price'), said);

async function tellPrice() {
  const endpoint = $('any-endpoint').value.trim();
  if (endpoint !== priced) {
    priced = endpoint;
    const known = await api.priceOf(endpoint).catch(() => null);
    if (priced !== endpoint) return;
    // What is no name yet has no price either, and asking it says why.
    cents = known && (known.centsPerImage ?? NaN);
  }
  if (cents === null) told('');
  else told(Number.isNaN(cents) ? t('make.any.price.unknown') : price(cents, pictures()));
}

// While a name is typed it is not asked for at each letter.
const PAUSE_MS = 300;
let typing = 0;

function typed() {
  clearTimeout(typing);
  typing = setTimeout(tellPrice, PAUSE_MS);
}

// The newest wish and its name: it keeps that until it is another one.
let wished = ['', ''];

function nameOf(...wish) {
  const words = JSON.stringify(wish);
  if (wished[0] !== words) wished = [words, api.named()];
  return wished[1];
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
    const sku = $('any-sku').value.trim();
    const job = await api.askAny(endpoint, input, sku, nameOf(endpoint, input, sku));
    recent.remember(job.jobId);
    wished = ['', ''];
    location.assign(job.pageUrl);
  } catch (error) {
    say($('any-said'), `${error.message} ${error.hint ?? ''}`);
    button.disabled = false;
  }
}

$('any-form').addEventListener('submit', ask);
$('any-form').addEventListener('input', typed);
