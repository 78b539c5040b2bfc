// Every class of error that fal documents, as the client shows it.

import assert from "node:assert/strict";

import { ApiError, SIMULATED, ValidationError, connect, fal, thrown, until, way } from "./run.mjs";

/** Submits something that fails and gives what the result call throws. */
async function failing(input, headers = {}) {
  const { request_id: requestId } = await fal.queue.submit(SIMULATED, { input: { duration_ms: 1, ...input }, headers });
  const status = await until(requestId, "COMPLETED");
  const error = await thrown(fal.queue.result(SIMULATED, { requestId }));
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.requestId, requestId);
  return { error, status };
}

/** What the infrastructure says, as a flat body. */
async function infrastructure(word, http) {
  const { error, status } = await failing({ fail: word }, { "X-Fal-No-Retry": "1" });
  assert.equal(error.status, http);
  assert.equal(error.body.error_type, word);
  assert.equal(typeof error.body.detail, "string");
  assert.equal(status.error_type, word);
  assert.ok(status.error.length > 0);
}

const words = {
  runner_scheduling_failure: 503,
  runner_connection_timeout: 503,
  runner_disconnected: 503,
  runner_connection_refused: 503,
  runner_connection_error: 503,
  runner_incomplete_response: 502,
  runner_server_error: 500,
  startup_timeout: 504,
  internal_error: 500,
};

const infrastructures = Object.entries(words).map(([word, http]) => [
  `the infrastructure fails with ${word}`,
  () => infrastructure(word, http),
]);

const own = [400, 403, 404, 413, 422, 500, 502].map((http) => [
  `a model answers ${http} itself`,
  async () => {
    const body = { detail: [{ loc: ["body", "prompt"], msg: "no", type: "content_policy_violation", url: "u" }], n: 1 };
    const { error } = await failing({ fail: { status: http, body } }, { "X-Fal-No-Retry": "1" });
    assert.equal(error.status, http);
    assert.deepEqual(error.body, body);
    assert.equal(error instanceof ValidationError, http === 422);
  },
]);

export default {
  ...Object.fromEntries([...infrastructures, ...own]),

  async "a bad input is a ValidationError with its fields"() {
    const endpoint = "fal-ai/nano-banana/edit";
    const { request_id: requestId } = await fal.queue.submit(endpoint, { input: { num_images: 9 } });
    await until(requestId, "COMPLETED", endpoint);
    const error = await thrown(fal.queue.result(endpoint, { requestId }));
    assert.ok(error instanceof ValidationError, String(error));
    assert.equal(error.status, 422);
    assert.ok(error.fieldErrors.length >= 1);
    for (const field of error.fieldErrors) {
      assert.ok(Array.isArray(field.loc) && field.loc[0] === "body");
      assert.equal(typeof field.msg, "string");
      assert.equal(typeof field.type, "string");
      assert.equal(typeof field.url, "string");
    }
    assert.equal(error.getFieldErrors("prompt")[0].type, "missing");
    assert.equal(error.requestId, requestId);
    // Subscribing throws the same.
    assert.ok((await thrown(fal.subscribe(endpoint, { input: {} }))) instanceof ValidationError);
  },

  async "an unknown key is refused"() {
    const stranger = connect({ credentials: "stranger:0123456789abcdef" });
    const error = await thrown(stranger.queue.submit(SIMULATED, { input: {} }));
    assert.equal(error.status, 401);
    assert.equal(error.body.detail, "No user found for Key ID and Secret");
    for (const call of ["status", "result", "cancel"]) {
      const { request_id: requestId } = await fal.queue.submit(SIMULATED, { input: { duration_ms: 1 } });
      const error = await thrown(stranger.queue[call](SIMULATED, { requestId }));
      assert.equal(error.status, 401, call);
      assert.equal(typeof error.body.detail, "string");
    }
    const upload = await thrown(stranger.storage.upload(new Blob(["x"])));
    assert.equal(upload.status, 401);
  },

  async "a key that is none is refused"() {
    const error = await thrown(connect({ credentials: "hunter2" }).queue.submit(SIMULATED, { input: {} }));
    assert.equal(error.status, 401);
    assert.equal(typeof error.body.detail, "string");
  },

  async "no key is refused, but for the proxy of this machine"() {
    if (way === "proxy" || process.env.FAL_KEY === undefined) return;
    const error = await thrown(connect({ credentials: () => undefined }).queue.submit(SIMULATED, { input: {} }));
    assert.equal(error.status, 401);
  },

  async "an unknown application is named"() {
    const error = await thrown(fal.queue.submit("nobody/nothing", { input: {} }));
    assert.equal(error.status, 404);
    assert.match(error.body.detail, /^Application ".*nothing" not found$/);
  },

  async "a start timeout that is none is refused"() {
    const error = await thrown(fal.queue.submit(SIMULATED, { input: {}, headers: { "x-fal-request-timeout": "soon" } }));
    assert.equal(error.status, 400);
    assert.equal(error.body.error_type, "bad_request");
  },

  async "an endpoint with another method is refused in JSON"() {
    const error = await thrown(fal.queue.submit(SIMULATED, { method: "patch", input: {} }));
    assert.equal(error.status, 405);
    assert.equal(typeof error.body.detail, "string");
  },
};
