// Synchronous runs and streams of a model's partial answers.

import assert from "node:assert/strict";

import { ApiError, SIMULATED, ValidationError, fal, thrown } from "./run.mjs";

export default {
  async "run answers on the same connection"() {
    const { data, requestId } = await fal.run(SIMULATED, { input: { duration_ms: 100, output: { n: 1 } } });
    assert.deepEqual(data, { n: 1 });
    assert.ok(requestId.length > 0);
  },

  async "run uploads what is in its input"() {
    const output = { file: new Blob(["bytes"], { type: "text/plain" }) };
    const { data } = await fal.run(SIMULATED, { input: { duration_ms: 1, output } });
    assert.equal(await (await fetch(data.file)).text(), "bytes");
  },

  async "run throws what the model says"() {
    const body = { detail: [{ loc: ["body"], msg: "no", type: "missing" }] };
    const error = await thrown(fal.run(SIMULATED, { input: { duration_ms: 1, fail: { status: 422, body } } }));
    assert.ok(error instanceof ValidationError, String(error));
    assert.deepEqual(error.body, body);
    assert.ok(error.requestId.length > 0);
  },

  async "run throws what the infrastructure says"() {
    const error = await thrown(fal.run(SIMULATED, { input: { duration_ms: 1, fail: "runner_server_error" } }));
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 500);
    assert.equal(error.body.error_type, "runner_server_error");
  },

  async "run of an unknown application"() {
    assert.equal((await thrown(fal.run("nobody/nothing", { input: {} }))).status, 404);
  },

  async "run is broken off"() {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    const error = await thrown(fal.run(SIMULATED, { input: { duration_ms: 30000 }, abortSignal: abort.signal }));
    assert.equal(error.name, "AbortError");
  },

  async "stream gives partial answers and ends with the last"() {
    const partials = [{ n: 1 }, { n: 2 }, { n: 3 }];
    const stream = await fal.stream(SIMULATED, { input: { duration_ms: 60, partials, output: { n: 4 } } });
    const seen = [];
    for await (const event of stream) seen.push(event);
    const last = await stream.done();
    assert.deepEqual(last, seen.at(-1));
    assert.deepEqual(last, { n: 4 });
    assert.deepEqual(seen, [...partials, { n: 4 }]);
  },

  async "stream throws what the model says"() {
    const body = { detail: "no" };
    const stream = await fal.stream(SIMULATED, { input: { duration_ms: 1, fail: { status: 422, body } } });
    const error = await thrown(stream.done());
    assert.equal(error.status, 422);
    assert.deepEqual(error.body, body);
  },
};
