// Runs groups of cases with fal's official client and prints one JSON report: what passed, what failed, which webhooks are owed.
//
//   node run.mjs GROUP[+GROUP]…
//
// One after the other, but for those that are joined: large files keep the one thread from looking at anything else.
//
// The environment says how the client reaches the queue. Every way is one that the client documents; nothing of the
// client's package is replaced.
//
//   CLIENTS     folder with node_modules
//   WAY         middleware, proxy or plain (plain: the names lead here)
//   QUEUE       where the queue listens, without a slash at its end
//   FAL_KEY     credentials, as the client reads them itself
//   HOOK        a receiver's address; absent where none can be reached

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const clients = createRequire(join(process.env.CLIENTS, "here.cjs"));
const official = clients("@fal-ai/client");
// The package does not export its own description.
const described = join(process.env.CLIENTS, "node_modules/@fal-ai/client/package.json");
const { version } = JSON.parse(readFileSync(described, "utf8"));

const { WAY: way, QUEUE: base, HOOK: hook } = process.env;

const prefixes = {
  "queue.fal.run": "queue",
  "fal.run": "run",
  "rest.fal.ai": "rest",
  "v3.fal.media": "cdn",
};

/** The same address below the prefix of its host. */
function toHere(address) {
  const { host, pathname, search } = new URL(address);
  if (!(host in prefixes)) throw new Error(`the client calls a host that is not served: ${host}`);
  return `${base}/${prefixes[host]}${pathname}${search}`;
}

const ways = {
  middleware: { requestMiddleware: async (request) => ({ ...request, url: toHere(request.url) }) },
  proxy: { proxyUrl: { url: `${base}/api/fal/proxy`, when: "always" } },
  plain: {},
};

/** A client as an application would make one; `more` wins. */
export function connect(more = {}) {
  return official.createFalClient({ ...ways[way], ...more });
}

/** Where a program that speaks HTTP itself finds the address that the client would call. */
export const address = (fal) => (way === "plain" ? fal : toHere(fal));

export const fal = connect();
export const { ApiError, ValidationError } = official;
export { hook, way };

/** Serves whatever the input says. */
export const SIMULATED = "plantain/simulated";

/** Requests that were told to report to the receiver, and the word that must come. */
export const webhooks = {};

/** What a call threw; a call that succeeds is a failure here. */
export async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the call was expected to fail");
}

/** Waits until a request has the wanted status. */
export async function until(requestId, wanted, endpoint = SIMULATED) {
  for (;;) {
    const status = await fal.queue.status(endpoint, { requestId, logs: true });
    if (status.status === wanted) return status;
    if (status.status === "COMPLETED") throw new Error(`${wanted} was expected, it is over: ${JSON.stringify(status)}`);
    await pause(20);
  }
}

export const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Cases of a group run beside each other, but for those of a group that says `inOrder`. */
async function runGroup(name, report) {
  const { default: cases, inOrder } = await import(`./${name}.mjs`);
  const one = async ([title, run]) => {
    const began = performance.now();
    try {
      await run();
      report.passed.push(`${name}: ${title}`);
    } catch (error) {
      report.failed[`${name}: ${title}`] = describe(error);
    }
    report.millis[`${name}: ${title}`] = Math.round(performance.now() - began);
  };
  if (!inOrder) return Promise.all(Object.entries(cases).map(one));
  for (const entry of Object.entries(cases)) await one(entry);
}

function describe(error) {
  const said = error instanceof ApiError ? ` ${error.status} ${JSON.stringify(error.body)}` : "";
  return `${error.stack}${said}${error.cause ? ` because ${error.cause}` : ""}`;
}

async function main() {
  const report = { client: version, way, passed: [], failed: {}, millis: {}, webhooks };
  process.on("unhandledRejection", (error) => (report.failed[`nobody awaited: ${error.message}`] = describe(error)));
  for (const names of process.argv.slice(2)) {
    await Promise.all(names.split("+").map((name) => runGroup(name, report)));
  }
  console.log(JSON.stringify(report));
}

// The groups import this module, so it has to be whole before they are read.
setImmediate(main);
