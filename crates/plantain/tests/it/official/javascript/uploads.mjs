// Uploads: small, large, in parts, within inputs; and what comes back from the CDN.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { SIMULATED, fal } from "./run.mjs";

const MIB = 1024 * 1024;

/** The client splits what is larger than this. */
const PARTS_FROM = 90 * MIB;

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Uploads, fetches without a key, and compares. */
async function thereAndBack(bytes, type, more) {
  const url = await fal.storage.upload(new Blob([bytes], { type }), more);
  const file = await fetch(url);
  assert.equal(file.status, 200, url);
  assert.equal(hash(Buffer.from(await file.arrayBuffer())), hash(bytes));
  return { url, file };
}

export default {
  async "a small file, by the name and type that it has"() {
    const url = await fal.storage.upload(new File(["hello, world"], "hello world.txt", { type: "text/plain" }));
    assert.ok(url.includes("hello"), url);
    const file = await fetch(url);
    assert.equal(await file.text(), "hello, world");
    assert.match(file.headers.get("content-type"), /^text\/plain/);
  },

  async "an empty file"() {
    await thereAndBack(Buffer.alloc(0), "application/octet-stream");
  },

  async "a file that is to expire"() {
    const lifecycle = { expiresIn: "1h", initialAcl: { default: "allow" } };
    await thereAndBack(Buffer.from("soon gone"), "text/plain", { lifecycle });
  },

  async "a large file in one piece"() {
    const bytes = randomBytes(30 * MIB);
    const { url } = await thereAndBack(bytes, "application/octet-stream");
    const part = await fetch(url, { headers: { range: "bytes=1048576-1048585" } });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(MIB, MIB + 10));
  },

  async "a file so large that the client sends it in parts"() {
    const bytes = Buffer.concat([randomBytes(PARTS_FROM), Buffer.from("the odd end of it")]);
    await thereAndBack(bytes, "video/mp4");
  },

  async "files anywhere within an input become addresses"() {
    const texts = ["one", "two", "three"];
    const [one, two, three] = texts.map((text) => new Blob([text], { type: "text/plain" }));
    const output = { picture: one, list: [two, { deep: three }], data: "data:text/plain;base64,b25l" };
    const { data } = await fal.subscribe(SIMULATED, { input: { duration_ms: 1, output }, pollInterval: 20 });
    assert.equal(data.data, output.data);
    const urls = [data.picture, data.list[0], data.list[1].deep];
    const back = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
    assert.deepEqual(back, texts);
  },
};
