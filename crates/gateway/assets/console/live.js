// Asks again and again while the page is looked at; less often while nobody answers.

const SLOWEST_MS = 15_000;

// `ask` fetches and shows; `rhythm` says how long to wait after it, or `null` when all is known. `heard` learns how it goes:
// 'live', 'lost', 'paused', 'still', or the refusal that ended it.
export function follow(ask, rhythm, heard) {
  let timer = 0;
  let failures = 0;
  let stopped = false;
  let asking = false;

  const turn = async () => {
    clearTimeout(timer);
    if (stopped || asking) return;
    if (document.hidden) return heard('paused');
    asking = true;
    try {
      await ask();
      failures = 0;
      if (!stopped) heard(rhythm() === null ? 'still' : 'live');
    } catch (error) {
      if (stopped) return;
      if (!('status' in error)) throw error;
      if (error.status !== 0 && error.status !== 429 && error.status < 500) {
        stopped = true;
        return heard(error);
      }
      failures += 1;
      heard('lost', error);
    } finally {
      asking = false;
    }
    const wait = failures > 0 ? Math.min(SLOWEST_MS, 1000 * 2 ** failures) : rhythm();
    if (!stopped && wait !== null) timer = setTimeout(turn, wait);
  };

  const seen = () => turn();
  document.addEventListener('visibilitychange', seen);
  addEventListener('online', seen);
  turn();
  return {
    now: turn,
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
      removeEventListener('online', seen);
    },
  };
}
