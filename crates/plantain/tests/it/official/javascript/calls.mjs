// Submit, status, streams, subscribe, result, cancel.

import assert from "node:assert/strict";

import { SIMULATED, address, fal, hook, pause, thrown, until, way, webhooks } from "./run.mjs";

const submit = (input, more = {}) => fal.queue.submit(SIMULATED, { input, ...more });
const HUGE = "17454220438242315174";

/** One call without the client, whose JSON reader and writer know no big integers; by the way that the client takes. */
async function raw(method, path, body) {
  const headers = { "content-type": "application/json" };
  if (process.env.FAL_KEY) headers.authorization = `Key ${process.env.FAL_KEY}`;
  const wanted = `https://queue.fal.run/${SIMULATED}${path}`;
  const url = way === "proxy" ? `${process.env.QUEUE}/api/fal/proxy` : address(wanted);
  if (way === "proxy") headers["x-fal-target-url"] = wanted;
  return (await fetch(url, { method, headers, body })).text();
}

export default {
  async "submit answers what the client's types promise"() {
    const said = await submit({ duration_ms: 1, output: {} });
    assert.equal(said.status, "IN_QUEUE");
    assert.ok(Number.isInteger(said.queue_position) && said.queue_position >= 0);
    for (const name of ["response_url", "status_url", "cancel_url"]) assert.ok(new URL(said[name]).href, name);
    assert.equal(said.logs, null);
    assert.deepEqual(said.metrics, {});
    assert.equal(said.gateway_request_id, said.request_id);
  },

  async "an input may be sent in the query"() {
    const { request_id: requestId } = await fal.queue.submit(SIMULATED, { method: "get", input: { prompt: "a mug" } });
    await fal.queue.subscribeToStatus(SIMULATED, { requestId, pollInterval: 50 });
    const { data } = await fal.queue.result(SIMULATED, { requestId });
    assert.deepEqual(data, {});
  },

  async "a request goes through its states, with logs and without"() {
    const { request_id: requestId } = await submit({ duration_ms: 1500, output: { a: 1 } });
    const running = await until(requestId, "IN_PROGRESS");
    assert.ok(Array.isArray(running.logs));
    const quiet = await fal.queue.status(SIMULATED, { requestId });
    assert.ok("logs" in quiet && quiet.logs === null);
    const done = await until(requestId, "COMPLETED");
    assert.ok(done.logs.length > 0);
    for (const line of done.logs) {
      assert.equal(typeof line.message, "string");
      assert.ok(["STDERR", "STDOUT", "ERROR", "INFO", "WARN", "DEBUG"].includes(line.level));
      assert.equal(line.source, "USER");
      assert.ok(!Number.isNaN(Date.parse(line.timestamp)));
    }
    assert.ok(done.metrics.inference_time >= 1.4, JSON.stringify(done.metrics));
    assert.equal(done.error, undefined);
    assert.equal((await fal.queue.status(SIMULATED, { requestId, logs: false })).logs, null);
  },

  async "a result is the model's own object, with the request's id"() {
    const output = { images: [{ url: "https://cdn.test/a.png" }], nothing: null, text: "ü 🍌 \u2028" };
    const { request_id: requestId } = await submit({ duration_ms: 1, output });
    await until(requestId, "COMPLETED");
    const result = await fal.queue.result(SIMULATED, { requestId });
    assert.deepEqual(result.data, output);
    assert.equal(result.requestId, requestId);
  },

  async "big integers arrive as they were sent"() {
    const output = `{"seed": ${HUGE}, "half": 0.50, "large": 1E+400}`;
    const { request_id: requestId } = JSON.parse(await raw("POST", "", `{"duration_ms": 1, "output": ${output}}`));
    await until(requestId, "COMPLETED");
    assert.equal(await raw("GET", `/requests/${requestId}`), output);
    assert.equal((await fal.queue.result(SIMULATED, { requestId })).data.seed, Number(HUGE));
  },

  async "a result that is asked for too early is refused"() {
    const { request_id: requestId } = await submit({ duration_ms: 30000 });
    const error = await thrown(fal.queue.result(SIMULATED, { requestId }));
    assert.equal(error.status, 400);
    assert.equal(typeof error.body.detail, "string");
    assert.equal(error.requestId, requestId);
    await fal.queue.cancel(SIMULATED, { requestId });
  },

  async "a status stream tells every change and ends by itself"() {
    const { request_id: requestId } = await submit({ duration_ms: 300, output: {} });
    const stream = await fal.queue.streamStatus(SIMULATED, { requestId, logs: true });
    const seen = [];
    for await (const status of stream) seen.push(status);
    const last = await stream.done();
    assert.equal(last.status, "COMPLETED");
    assert.equal(last.request_id, requestId);
    assert.deepEqual(seen.at(-1), last);
    const order = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"];
    const places = seen.map((status) => order.indexOf(status.status));
    assert.deepEqual(places, [...places].sort());
    // The client appends what each event brings, so no line may come twice.
    const lines = seen.flatMap((status) => status.logs ?? []).map((line) => line.timestamp + line.message);
    assert.ok(lines.length > 0 && new Set(lines).size === lines.length, JSON.stringify(lines));
  },

  async "a stream of a finished request tells that and closes"() {
    const { request_id: requestId } = await submit({ duration_ms: 1, output: {} });
    await until(requestId, "COMPLETED");
    const stream = await fal.queue.streamStatus(SIMULATED, { requestId, logs: false });
    const last = await stream.done();
    assert.equal(last.status, "COMPLETED");
    assert.equal(last.logs, null);
  },

  async "subscribe by polling"() {
    const seen = [];
    let enqueued;
    const result = await fal.subscribe(SIMULATED, {
      input: { duration_ms: 1500, output: { n: 1 } },
      logs: true,
      pollInterval: 20,
      onEnqueue: (id) => (enqueued = id),
      onQueueUpdate: (update) => seen.push(update),
    });
    assert.deepEqual(result.data, { n: 1 });
    assert.equal(result.requestId, enqueued);
    assert.equal(seen.at(-1).status, "COMPLETED");
    assert.ok(seen.some((update) => update.status === "IN_PROGRESS"));
    assert.ok(seen.at(-1).logs.length > 0);
  },

  async "subscribe by streaming"() {
    const seen = [];
    const result = await fal.subscribe(SIMULATED, {
      input: { duration_ms: 250, output: { n: 2 } },
      logs: true,
      mode: "streaming",
      onQueueUpdate: (update) => seen.push(structuredClone(update)),
    });
    assert.deepEqual(result.data, { n: 2 });
    assert.ok(result.requestId);
    const { logs } = seen.at(-1);
    assert.ok(logs.length > 0 && new Set(logs.map((line) => line.timestamp + line.message)).size === logs.length);
  },

  async "a request that was submitted elsewhere is watched in both modes"() {
    const { request_id: requestId } = await submit({ duration_ms: 200, output: {} });
    const [polled, streamed] = await Promise.all([
      fal.queue.subscribeToStatus(SIMULATED, { requestId, pollInterval: 20 }),
      fal.queue.subscribeToStatus(SIMULATED, { requestId, mode: "streaming" }),
    ]);
    assert.deepEqual([polled.status, streamed.status], ["COMPLETED", "COMPLETED"]);
  },

  async "a running request is cancelled"() {
    const { request_id: requestId } = await submit({ duration_ms: 30000 });
    await until(requestId, "IN_PROGRESS");
    await fal.queue.cancel(SIMULATED, { requestId });
    const done = await until(requestId, "COMPLETED");
    assert.equal(done.error_type, "client_cancelled");
    assert.ok(done.error.length > 0);
    const error = await thrown(fal.queue.result(SIMULATED, { requestId }));
    assert.equal(error.status, 499);
    assert.equal(error.body.error_type, "client_cancelled");
    assert.equal(typeof error.body.detail, "string");
    assert.equal(error.requestId, requestId);
  },

  async "a finished request is not cancelled"() {
    const { request_id: requestId } = await submit({ duration_ms: 1, output: {} });
    await until(requestId, "COMPLETED");
    const error = await thrown(fal.queue.cancel(SIMULATED, { requestId }));
    assert.equal(error.status, 400);
    assert.deepEqual(error.body, { status: "ALREADY_COMPLETED" });
    assert.deepEqual((await fal.queue.result(SIMULATED, { requestId })).data, {});
  },

  async "nobody's request is not found, whatever is asked of it"() {
    const requestId = "019d9e0b-6eb0-7920-827a-868d042ec76e";
    for (const call of ["status", "result", "cancel"]) {
      const error = await thrown(fal.queue[call](SIMULATED, { requestId }));
      assert.equal(error.status, 404, call);
      assert.equal(error.body.status, "NOT_FOUND", call);
    }
    const stream = await fal.queue.streamStatus(SIMULATED, { requestId });
    const error = await thrown(stream.done());
    assert.equal(error.status, 404);
  },

  async "a client that gives up cancels its request"() {
    let requestId;
    const options = { input: { duration_ms: 30000 }, timeout: 400, pollInterval: 50, onEnqueue: (id) => (requestId = id) };
    const error = await thrown(fal.subscribe(SIMULATED, options));
    assert.match(error.message, /timed out/);
    assert.equal((await until(requestId, "COMPLETED")).error_type, "client_cancelled");
  },

  async "everything that can be said about a request is accepted"() {
    const result = await fal.subscribe(SIMULATED, {
      input: { duration_ms: 1, output: { ok: true } },
      pollInterval: 20,
      priority: "low",
      startTimeout: 60,
      headers: { "X-Fal-Store-IO": "1", "X-Fal-No-Retry": "1", "x-app-fal-disable-fallback": "true" },
    });
    assert.deepEqual(result.data, { ok: true });
    const hinted = await submit({ duration_ms: 1, output: {} }, { hint: "lora-7", priority: "normal" });
    const settings = { expiresIn: "1h", initialAcl: { default: "hide", rules: [{ user: "u", decision: "allow" }] } };
    const stored = await submit({ duration_ms: 1, output: {} }, { storageSettings: settings });
    await Promise.all([hinted, stored].map((said) => until(said.request_id, "COMPLETED")));
  },

  async "paths below an application are one application"() {
    const edit = "fal-ai/nano-banana/edit";
    const { request_id: requestId } = await fal.queue.submit(edit, { input: { prompt: 7 } });
    for (const endpoint of [edit, "fal-ai/nano-banana"]) {
      assert.equal((await fal.queue.status(endpoint, { requestId })).request_id, requestId);
    }
    await until(requestId, "COMPLETED", edit);
  },

  async "eight jobs at once"() {
    const job = (n) => fal.subscribe(SIMULATED, {
      input: { duration_ms: 150 + 10 * n, output: { n } },
      pollInterval: 50,
      mode: n % 2 ? "streaming" : "polling",
    });
    const results = await Promise.all([...Array(8).keys()].map(job));
    assert.deepEqual(results.map((result) => result.data.n), [...Array(8).keys()]);
    assert.equal(new Set(results.map((result) => result.requestId)).size, 8);
  },

  async "webhooks are owed for what ends well and for what does not"() {
    if (!hook) return;
    const [good, bad, cancelled] = await Promise.all([
      submit({ duration_ms: 1, output: { n: 1 } }, { webhookUrl: `${hook}/js?job=1&x=%20y` }),
      submit({ fail: { status: 422, body: { detail: "no" } }, duration_ms: 1 }, { webhookUrl: `${hook}/js?job=2` }),
      submit({ duration_ms: 30000 }, { webhookUrl: `${hook}/js` }),
    ]);
    await fal.queue.cancel(SIMULATED, { requestId: cancelled.request_id });
    webhooks[good.request_id] = { status: "OK", at: "/js?job=1&x=%20y", payload: { n: 1 } };
    webhooks[bad.request_id] = { status: "ERROR", at: "/js?job=2", payload: { detail: "no" } };
    webhooks[cancelled.request_id] = { status: "ERROR", at: "/js" };
    await pause(0);
  },
};
