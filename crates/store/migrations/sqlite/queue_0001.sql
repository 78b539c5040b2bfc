-- The first version: no older program has to read it.
-- Times are microseconds since 1970. Big values have tables of their own, so that the rows which are scanned stay small.

CREATE TABLE queue_requests (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    app TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    gateway_request_id TEXT NOT NULL,
    webhook TEXT,
    -- 0 normal, 1 low.
    priority INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'delayed', 'running', 'completed')),
    -- Of a delayed request: when it becomes ready. Of a running one: when its lease ends.
    due_at INTEGER,
    start_by INTEGER,
    -- Attempts begun; with the id, the fence of a lease.
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    CHECK ((state = 'completed') = (finished_at IS NOT NULL)),
    CHECK ((state IN ('delayed', 'running')) = (due_at IS NOT NULL))
) STRICT;

-- None of these contains a completed request, so that they stay as small as the queue is long.
CREATE INDEX queue_requests_ready ON queue_requests (priority, seq) WHERE state = 'ready';
CREATE INDEX queue_requests_due ON queue_requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX queue_requests_waiting ON queue_requests (app, priority, seq) WHERE state IN ('ready', 'delayed');

CREATE TABLE queue_inputs (
    request INTEGER PRIMARY KEY REFERENCES queue_requests (seq) ON DELETE CASCADE,
    input BLOB NOT NULL
) STRICT;

CREATE TABLE queue_outcomes (
    request INTEGER PRIMARY KEY REFERENCES queue_requests (seq) ON DELETE CASCADE,
    -- Either an answer of the model…
    http_status INTEGER,
    inference INTEGER,
    body BLOB,
    -- …or a failure around it.
    error_type TEXT,
    detail TEXT,
    CHECK ((http_status IS NULL) = (error_type IS NOT NULL))
) STRICT;

CREATE TABLE queue_logs (
    request INTEGER NOT NULL REFERENCES queue_requests (seq) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    at INTEGER,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (request, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_idempotency_keys (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    host TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    -- When the next attempt may begin, or when the lease of the current one ends.
    due_at INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    CHECK ((state = 'pending') = (due_at IS NOT NULL))
) STRICT;

CREATE INDEX queue_deliveries_due ON queue_deliveries (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX queue_deliveries_request ON queue_deliveries (request_id);

CREATE TABLE queue_delivery_attempts (
    delivery INTEGER NOT NULL REFERENCES queue_deliveries (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    latency INTEGER NOT NULL,
    http_status INTEGER,
    reason TEXT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (delivery, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_files (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
