// A word from the browser when pictures are ready: asked for by a click alone, remembered, and off at first.
import { $ } from './dom.js';
import { t } from './words.js';

const KEY = 'plantain.notify';

export function wanted() {
  try {
    return localStorage.getItem(KEY) === 'yes';
  } catch {
    return false;
  }
}

function remember(on) {
  try {
    localStorage.setItem(KEY, on ? 'yes' : 'no');
  } catch {
    // Then it is wished for anew next time.
  }
}

const allowed = () => 'Notification' in window && Notification.permission === 'granted';

// Only to whoever looks elsewhere.
export function tell(title, body) {
  if (!document.hidden || !wanted() || !allowed()) return;
  try {
    new Notification(title, { body, tag: title });
  } catch {
    // Some phones only let a service worker do it.
  }
}

// `refused` is told where the browser won't.
export function start(refused) {
  const box = $('notify');
  box.closest('label').hidden = !('Notification' in window);
  box.checked = wanted() && allowed();
  box.addEventListener('change', async () => {
    if (box.checked && (await Notification.requestPermission()) !== 'granted') {
      box.checked = false;
      refused(t('make.notify.refused'));
    }
    remember(box.checked);
  });
}
