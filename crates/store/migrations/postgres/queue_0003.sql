-- Only a table: a program of the version before sees nothing of it.

CREATE TABLE queue_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 BYTEA NOT NULL CHECK (length(secret_sha256) = 32),
    user_id TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('API', 'ADMIN')),
    concurrency BIGINT,
    per_minute BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
