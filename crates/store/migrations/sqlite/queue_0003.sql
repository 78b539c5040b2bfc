-- Only a table: a program of the version before sees nothing of it.

CREATE TABLE queue_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    user_id TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('API', 'ADMIN')),
    concurrency INTEGER,
    per_minute INTEGER,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
