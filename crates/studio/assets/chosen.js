// The picture in use, and the link for others to look.
import * as api from './api.js';
import { announce, refused, say, slot } from './dom.js';
import { lang } from './text.js';
import { t } from './words.js';

export function fill(card, view, n, shown) {
  const button = slot(card, 'use');
  button.hidden = false;
  const on = view.chosen === n;
  button.setAttribute('aria-pressed', String(on));
  say(button.querySelector('span'), t(on ? 'result.used' : 'result.use'));
  button.onclick = async () => {
    button.disabled = true;
    refused(button.parentElement);
    try {
      shown(await api.use(view.jobId, on ? null : n));
      announce(t(on ? 'result.unused.said' : 'result.used.said', { n }));
    } catch (error) {
      refused(button.parentElement, error);
    }
    button.disabled = false;
    button.focus();
  };
}

// The link stands in a field, since not every browser may write to the clipboard.
export async function share(id, slotOf) {
  const button = slotOf('share');
  button.disabled = true;
  refused(button.parentElement);
  try {
    const { url, expiresAt } = await api.share(id);
    const day = new Intl.DateTimeFormat(lang, { dateStyle: 'medium' }).format(new Date(expiresAt));
    say(slotOf('shared-until'), t('job.shared', { day }));
    slotOf('shared').hidden = false;
    const field = slotOf('shared-link');
    field.value = url;
    field.select();
    await navigator.clipboard?.writeText(url).then(() => announce(t('job.copied')), () => {});
  } catch (error) {
    refused(button.parentElement, error);
  }
  button.disabled = false;
}
