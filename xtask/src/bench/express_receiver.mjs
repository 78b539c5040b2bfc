// A receiver of webhooks as it is usually written: Express 5, node:crypto, pg. It keeps the event and applies it to its job in one
// statement, which is one round trip and one commit. Prints its address when it listens.
import { createHash, createPublicKey, verify } from "node:crypto";
import express from "express";
import pg from "pg";

const [database, jwks, user, jobs] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, max: 20 });
await pool.query(`
  DROP TABLE IF EXISTS webhook_events; DROP TABLE IF EXISTS webhook_jobs;
  CREATE TABLE webhook_jobs (request_id text PRIMARY KEY, status text NOT NULL, result bytea, updated_at timestamptz);
  CREATE TABLE webhook_events (request_id text, sha256 text, headers jsonb, body bytea, received_at timestamptz DEFAULT now(),
    PRIMARY KEY (request_id, sha256));
  INSERT INTO webhook_jobs SELECT '019d9e0b-6eb0-7920-827a-' || lpad(n::text, 12, '0'), 'RUNNING'
    FROM generate_series(0, ${Number(jobs) - 1}) n`);

const keys = JSON.parse(jwks).keys
  .filter((key) => !key.x.endsWith("="))
  .map((key) => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key.x }, format: "jwk" }));

const app = express();
app.disable("x-powered-by");
app.post("/api/fal/webhook", express.raw({ type: "*/*", limit: "8mb" }), async (request, response) => {
  const id = request.get("x-fal-webhook-request-id");
  const account = request.get("x-fal-webhook-user-id");
  const timestamp = request.get("x-fal-webhook-timestamp");
  const signature = request.get("x-fal-webhook-signature");
  if (!id || !account || !timestamp || !signature) return response.status(401).json({ error: "missing headers" });
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return response.status(401).json({ error: "stale" });
  const sha256 = createHash("sha256").update(request.body).digest("hex");
  const message = Buffer.from([id, account, timestamp, sha256].join("\n"));
  const bytes = Buffer.from(signature, "hex");
  if (!keys.some((key) => verify(null, message, key, bytes))) return response.status(401).json({ error: "forged" });
  if (account !== user) return response.status(401).json({ error: "other account" });
  const body = JSON.parse(request.body);
  const status = body.status === "OK" ? "SUCCEEDED" : "FAILED";
  await pool.query({
    name: "accept",
    text: `WITH event AS (
        INSERT INTO webhook_events (request_id, sha256, headers, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING request_id
      ) UPDATE webhook_jobs SET status = $5, result = $6, updated_at = now() FROM event
        WHERE webhook_jobs.request_id = event.request_id AND webhook_jobs.status = 'RUNNING'`,
    values: [id, sha256, JSON.stringify(request.headers), request.body, status, JSON.stringify(body.payload)],
  });
  response.json({ ok: true });
});
const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
