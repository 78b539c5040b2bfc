// A word from the browser when pictures are ready: asked for by a click alone, remembered, and off at first.
import { $ } from './dom.js';
import { t } from './words.js';

const KEY = 'plantain.notify';

// The worker that says it has no page under this.
const WORKER = '/worker.js';
const SCOPE = '/worker/';

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

async function worker() {
  const registered = await navigator.serviceWorker?.getRegistration(SCOPE);
  return registered?.active ? registered : null;
}

// Phones let only a worker tell; without one the page does it.
async function show(title, options) {
  const by = await worker().catch(() => null);
  if (by) return by.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = () => {
    shown.close();
    window.focus();
    if (location.pathname !== options.data.path) location.assign(options.data.path);
  };
  return shown;
}

// Only to whoever looks elsewhere. What it tells of is at `path`.
export function tell(title, body, path) {
  if (!document.hidden || !wanted() || !allowed()) return;
  show(title, { body, tag: path, data: { path } }).catch(() => {
    // The browser won't, whatever it said; the page shows the pictures.
  });
}

// The worker is there for whoever ticks the box, and for nobody else.
async function keep(on) {
  try {
    if (on) await navigator.serviceWorker?.register(WORKER, { scope: SCOPE });
    else await (await navigator.serviceWorker?.getRegistration(SCOPE))?.unregister();
  } catch {
    // The page tells by itself, where it may.
  }
}

// `refused` is told where the browser won't.
export function start(refused) {
  const box = $('notify');
  box.closest('label').hidden = !('Notification' in window);
  box.checked = wanted() && allowed();
  if (box.checked) keep(true);
  box.addEventListener('change', async () => {
    if (box.checked && (await Notification.requestPermission()) !== 'granted') {
      box.checked = false;
      refused(t('make.notify.refused'));
    }
    remember(box.checked);
    await keep(box.checked);
  });
}
