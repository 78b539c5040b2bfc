// Photos that were not sent yet, over a change of the page: kept in the browser, taken out once, and never for long.
const KEPT_MS = 10 * 60_000;

function store(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('plantain', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('unsent');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction('unsent', mode);
      const asked = act(change.objectStore('unsent'));
      change.oncomplete = () => {
        opening.result.close();
        resolve(asked.result);
      };
      // Where there is no room, the change is taken back without an error of its own.
      change.onabort = () => reject(change.error);
      change.onerror = () => reject(change.error);
    };
  });
}

export const keep = (form, value) => store('readwrite', (unsent) => unsent.put({ value, at: Date.now() }, form));

export async function take(form) {
  const kept = await store('readonly', (unsent) => unsent.get(form));
  await store('readwrite', (unsent) => unsent.delete(form));
  return kept && Date.now() - kept.at < KEPT_MS ? kept.value : null;
}
