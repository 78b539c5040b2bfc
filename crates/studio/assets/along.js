// Another language is another page: what was filled in and not sent yet comes along, and meanwhile the session's storage has an entry by
// the form's name, for which dom.js looks. `unsent` says of a form its name, the fields in it that are not of its kind, whether there is
// something to lose, and what is to be kept and taken back besides its fields.
import { $ } from './dom.js';
import { t } from './words.js';

const filled = ({ form, but }) => [...$(form).querySelectorAll(`[id]:is(input, select, textarea):not(${but})`)];

function valueOf(field) {
  if (field.type === 'file') return [...field.files];
  return ['checkbox', 'radio'].includes(field.type) ? field.checked : field.value;
}

function fill(field, value) {
  if (['checkbox', 'radio'].includes(field.type)) field.checked = value;
  else if (field.type !== 'file') field.value = value;
  else if (value.length > 0) {
    const files = new DataTransfer();
    for (const file of value) files.items.add(file);
    field.files = files.files;
  }
}

// To the other page, with all of it.
export async function bring(href, unsent) {
  const fields = Object.fromEntries(filled(unsent).map((field) => [field.id, valueOf(field)]));
  try {
    const { keep } = await import('./keeping.js');
    await keep(unsent.form, { fields, more: unsent.more() });
    sessionStorage.setItem(unsent.form, 'comes along');
  } catch {
    if (unsent.any() && !confirm(t('make.unsent'))) return;
  }
  location.assign(href);
}

export async function takeBack(unsent) {
  try {
    sessionStorage.removeItem(unsent.form);
    const { take } = await import('./keeping.js');
    const kept = await take(unsent.form);
    if (!kept) return;
    for (const field of filled(unsent)) if (field.id in kept.fields) fill(field, kept.fields[field.id]);
    unsent.take(kept.more);
  } catch {
    // It is filled in anew.
  }
}
