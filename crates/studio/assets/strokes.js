// The strokes on one job's cut-out, as the server keeps them. They change one after the other, since each change names the
// revision that the one before has led to; a change whose answer is lost is sent again as it was, until its fate is known.
import * as api from './api.js';

// How long to wait before each further try. After the last one somebody has to ask for more.
const PAUSES_MS = [400, 1_200, 3_000];

export const isLost = (error) => error.code === 'lost' || error.code === 'unread';

const rest = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// For calls that may be repeated: they come to the same when they arrive twice. `again` is told before each further try.
export async function insist(call, again) {
  for (const pause of PAUSES_MS) {
    try {
      return await call();
    } catch (error) {
      if (!isLost(error)) throw error;
      again();
    }
    await rest(pause);
  }
  return call();
}

function alike(some, others) {
  const text = (strokes) => JSON.stringify(strokes.map(({ kind, radius, points }) => [kind, radius, points]));
  return text(some) === text(others);
}

function decoded(text) {
  return new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], { type: 'image/png' });
}

export class Strokes {
  // `page` gets show (a matte as PNG), trying, lost and refused (an error), and settled.
  constructor(id, side, page) {
    Object.assign(this, { id, side, page, revision: 0, kept: [], began: null, waiting: [], running: null });
  }

  // What the server has. Only while nothing waits, or as part of a change.
  async look() {
    const [kept, matte] = await Promise.all([api.strokes(this.id), api.matte(this.id, this.side)]);
    Object.assign(this, { kept: kept.strokes, revision: kept.revision });
    this.began ??= kept.strokes;
    return { matte, photo: kept.photo };
  }

  // `stroke` is what is drawn while the change waits.
  change(next, stroke = null) {
    this.waiting.push({ next, stroke, sent: null });
    return this.go();
  }

  // Sends what waits, and stops at what can't be delivered.
  go() {
    this.running ??= this.run().finally(() => {
      this.running = null;
      this.page.settled();
    });
    return this.running;
  }

  async run() {
    while (this.waiting.length > 0) {
      try {
        await this.page.show(await this.deliver(this.waiting[0]));
      } catch (error) {
        if (isLost(error)) return this.page.lost(error);
        this.page.refused(error);
      }
      this.waiting.shift();
      this.page.settled();
    }
  }

  async deliver(change) {
    change.sent ??= this.meant(change.next(this.kept));
    try {
      const said = await insist(() => this.send(change.sent), () => this.page.trying());
      Object.assign(this, { kept: change.sent.strokes, revision: said.revision });
      return decoded(said.matte);
    } catch (error) {
      if (error.code !== 'strokes_changed') throw error;
      const { matte } = await this.look();
      if (alike(this.kept, change.sent.strokes)) return matte;
      await this.page.show(matte);
      throw error;
    }
  }

  meant(strokes) {
    return { revision: this.revision, strokes, isFurther: strokes.length === this.kept.length + 1 };
  }

  send({ revision, strokes, isFurther }) {
    return isFurther
      ? api.addStrokes(this.id, revision, strokes.slice(-1), this.side)
      : api.putStrokes(this.id, revision, strokes, this.side);
  }

  // What was drawn here is taken back. Changes that never left are forgotten; one that may have arrived is settled first.
  async takeBack() {
    this.waiting = this.waiting.filter((change) => change.sent);
    if (this.waiting.length > 0) await this.go();
    if (this.waiting.length === 0 && !this.isAsBegun()) await this.change(() => this.began);
    return this.waiting.length === 0 && this.isAsBegun();
  }

  isAsBegun() {
    return this.began === null || alike(this.kept, this.began);
  }
}
