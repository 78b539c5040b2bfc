// Every word the page says comes from one table, which the server also uses. Values go in as text, never as HTML.
import { text, lang } from './text.js';

const plural = new Intl.PluralRules(lang);
const number = new Intl.NumberFormat(lang);

export function t(key, values = {}) {
  const sentence = text[key];
  if (sentence === undefined) return key;
  return sentence.replace(/\{(\w+)\}/g, (hole, name) => {
    const value = values[name];
    if (value === undefined) return hole;
    return typeof value === 'number' ? number.format(value) : String(value);
  });
}

// The form of a sentence that fits the count: `key.one`, `key.other`, or whatever the language has.
export function many(key, n, values = {}) {
  const form = `${key}.${plural.select(n)}`;
  return t(form in text ? form : `${key}.other`, { n, ...values });
}

// What so many pictures cost, said before anybody asks for them: whole cents, upwards, but for what fractions leave.
const dollars = new Intl.NumberFormat(lang, { style: 'currency', currency: 'USD' });
const most = (cents) => dollars.format(Math.ceil(cents - 1e-6) / 100);

export const price = (cents, pictures, key = 'make.price') =>
  cents * pictures > 0 ? t(key, { price: most(cents * pictures), n: pictures }) : t('make.price.free');

export function has(key) {
  return key in text;
}

// What somebody else named in English, in our words where they have it; otherwise as it was said.
export const named = (family, id, said) => text[`${family}.${id}`] ?? said;

// What a model calls a composition: parts with commas between.
export function variant(said) {
  const part = (one) => named('variant', one.toLowerCase().replaceAll(' ', '_'), one);
  return said.split(', ').map(part).join(', ');
}

export function stopwatch(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const rest = String(seconds % 60).padStart(2, '0');
  return `${Math.floor(seconds / 60)}:${rest}`;
}

export function duration(milliseconds) {
  if (milliseconds >= 60_000) return stopwatch(milliseconds);
  const seconds = new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(milliseconds / 1000);
  return t('unit.seconds', { n: seconds });
}

export function bytes(count) {
  const mega = count / 1_000_000;
  if (mega >= 1) return `${new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(mega)} MB`;
  return `${number.format(Math.max(1, Math.round(count / 1000)))} KB`;
}
