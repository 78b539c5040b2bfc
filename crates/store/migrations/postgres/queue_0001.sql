-- The first version: no older program has to read it.
-- Times are microseconds since 1970. Big values have tables of their own, so that the rows which are scanned stay small.

CREATE TABLE queue_requests (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    app TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    gateway_request_id TEXT NOT NULL,
    webhook TEXT,
    -- 0 normal, 1 low.
    priority BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'delayed', 'running', 'completed')),
    -- Of a delayed request: when it becomes ready. Of a running one: when its lease ends.
    due_at BIGINT,
    start_by BIGINT,
    -- Attempts begun; with the id, the fence of a lease.
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    CHECK ((state = 'completed') = (finished_at IS NOT NULL)),
    CHECK ((state IN ('delayed', 'running')) = (due_at IS NOT NULL))
);

-- None of these contains a completed request, so that they stay as small as the queue is long.
CREATE INDEX queue_requests_ready ON queue_requests (priority, seq) WHERE state = 'ready';
CREATE INDEX queue_requests_due ON queue_requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX queue_requests_waiting ON queue_requests (app, priority, seq) WHERE state IN ('ready', 'delayed');

CREATE TABLE queue_inputs (
    request BIGINT PRIMARY KEY REFERENCES queue_requests (seq) ON DELETE CASCADE,
    input BYTEA NOT NULL
);

CREATE TABLE queue_outcomes (
    request BIGINT PRIMARY KEY REFERENCES queue_requests (seq) ON DELETE CASCADE,
    -- Either an answer of the model…
    http_status BIGINT,
    inference BIGINT,
    body BYTEA,
    -- …or a failure around it.
    error_type TEXT,
    detail TEXT,
    CHECK ((http_status IS NULL) = (error_type IS NOT NULL))
);

CREATE TABLE queue_logs (
    request BIGINT NOT NULL REFERENCES queue_requests (seq) ON DELETE CASCADE,
    line BIGINT NOT NULL,
    at BIGINT,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (request, line)
);

CREATE TABLE queue_idempotency_keys (
    user_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE TABLE queue_deliveries (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    host TEXT NOT NULL,
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    -- When the next attempt may begin, or when the lease of the current one ends.
    due_at BIGINT,
    attempt BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    CHECK ((state = 'pending') = (due_at IS NOT NULL))
);

CREATE INDEX queue_deliveries_due ON queue_deliveries (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX queue_deliveries_request ON queue_deliveries (request_id);

CREATE TABLE queue_delivery_attempts (
    delivery BIGINT NOT NULL REFERENCES queue_deliveries (seq) ON DELETE CASCADE,
    attempt BIGINT NOT NULL,
    at BIGINT NOT NULL,
    latency BIGINT NOT NULL,
    http_status BIGINT,
    reason TEXT NOT NULL,
    answer BYTEA NOT NULL,
    PRIMARY KEY (delivery, attempt)
);

CREATE TABLE queue_files (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    blob TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
