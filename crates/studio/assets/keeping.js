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
      change.onerror = () => reject(change.error);
    };
  });
}

export const keep = (value) => store('readwrite', (unsent) => unsent.put({ value, at: Date.now() }, 'wish'));

export async function take() {
  const kept = await store('readonly', (unsent) => unsent.get('wish'));
  await store('readwrite', (unsent) => unsent.delete('wish'));
  return kept && Date.now() - kept.at < KEPT_MS ? kept.value : null;
}
