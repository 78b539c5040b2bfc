// The same product for another marketplace: made of what is kept, for nothing.
import * as api from './api.js';
import { $, announce, say } from './dom.js';
import { t } from './words.js';

// The same wish has the same name, so that two clicks are one job.
const keyOf = (view, preset) => `elsewhere ${view.jobId} ${preset} ${view.corrected ?? 'first'}`;

// `begun` is told of each new job.
export function offer(slotOf, view, begun) {
  const chips = slotOf('elsewhere-chips');
  chips.replaceChildren($('preset-chips').content.cloneNode(true));
  for (const chip of chips.children) chip.hidden = chip.value === view.preset;
  chips.onclick = async (event) => {
    const chip = event.target.closest('button');
    if (!chip || chip.disabled) return;
    chip.disabled = true;
    say(slotOf('elsewhere-said'), '');
    try {
      begun(await api.forPreset(view.jobId, chip.value, keyOf(view, chip.value)));
      announce(t('job.elsewhere.begun', { preset: chip.textContent }));
    } catch (error) {
      say(slotOf('elsewhere-said'), `${error.message} ${error.hint ?? ''}`);
    }
    chip.disabled = false;
  };
  slotOf('elsewhere').hidden = false;
}
