// What happens while a queue of one slot is full. In order, since every case fills it.

import assert from "node:assert/strict";

import { SIMULATED, fal, hook, pause, thrown, until, webhooks } from "./run.mjs";

export const inOrder = true;

const submit = (input, more = {}) => fal.queue.submit(SIMULATED, { input, ...more });
const status = (said) => fal.queue.status(SIMULATED, { requestId: said.request_id });
const cancel = (said) => fal.queue.cancel(SIMULATED, { requestId: said.request_id });

/** Keeps the one slot busy while `run` runs. */
async function full(run) {
  const busy = await submit({ duration_ms: 60000 });
  await until(busy.request_id, "IN_PROGRESS");
  try {
    return await run(busy);
  } finally {
    await cancel(busy).catch(() => {});
    await until(busy.request_id, "COMPLETED");
  }
}

export default {
  async "positions count who is ahead, and low priority goes behind"() {
    const order = [];
    const [low, first, second] = await full(async () => {
      const low = await submit({ duration_ms: 1, output: {} }, { priority: "low" });
      const first = await submit({ duration_ms: 1, output: {} });
      const second = await submit({ duration_ms: 1, output: {} }, { priority: "normal" });
      assert.equal(low.queue_position, 0);
      const places = await Promise.all([low, first, second].map(status));
      assert.deepEqual(places.map((said) => said.status), ["IN_QUEUE", "IN_QUEUE", "IN_QUEUE"]);
      assert.deepEqual(places.map((said) => said.queue_position), [2, 0, 1]);
      for (const said of places) assert.ok("logs" in said && said.logs === null);
      for (const [name, said] of Object.entries({ low, first, second })) {
        fal.queue.subscribeToStatus(SIMULATED, { requestId: said.request_id, mode: "streaming" }).then(() => order.push(name));
      }
      return [low, first, second];
    });
    await Promise.all([low, first, second].map((said) => until(said.request_id, "COMPLETED")));
    while (order.length < 3) await pause(10);
    assert.deepEqual(order, ["first", "second", "low"]);
  },

  async "a waiting request is cancelled and never runs"() {
    await full(async () => {
      const waiting = await submit({ duration_ms: 1 }, hook ? { webhookUrl: `${hook}/waiting` } : {});
      if (hook) webhooks[waiting.request_id] = { status: "ERROR", at: "/waiting" };
      const stream = await fal.queue.streamStatus(SIMULATED, { requestId: waiting.request_id, logs: true });
      await cancel(waiting);
      const last = await stream.done();
      assert.equal(last.status, "COMPLETED");
      assert.equal(last.error_type, "client_cancelled");
      assert.deepEqual(last.metrics, last.metrics.inference_time === null ? { inference_time: null } : {});
      const error = await thrown(fal.queue.result(SIMULATED, { requestId: waiting.request_id }));
      assert.equal(error.status, 499);
      const again = await thrown(cancel(waiting));
      assert.deepEqual([again.status, again.body], [400, { status: "ALREADY_COMPLETED" }]);
    });
  },

  async "a start deadline that passes is the user's own timeout"() {
    await full(async () => {
      const timing = submit({ duration_ms: 1 }, { startTimeout: 1.2 });
      const newer = submit({ duration_ms: 1 }, { headers: { "X-Fal-Request-Start-Timeout": "1.2" } });
      for (const { request_id: requestId } of await Promise.all([timing, newer])) {
        const done = await until(requestId, "COMPLETED");
        assert.equal(done.error_type, "request_timeout");
        const error = await thrown(fal.queue.result(SIMULATED, { requestId }));
        assert.equal(error.status, 504);
        assert.equal(error.timeoutType, "user");
        assert.ok(error.isUserTimeout);
        assert.equal(error.body.error_type, "request_timeout");
      }
    });
  },

};
