-- A program of the version before goes on: what it takes in asks for nothing special, and of what it ends the history
-- shows no attempts.

-- JSON: what the caller asked for in headers.
ALTER TABLE queue_requests ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
-- A run was answered at once and never waited here; it is on record only.
ALTER TABLE queue_requests ADD COLUMN origin TEXT NOT NULL DEFAULT 'queue' CHECK (origin IN ('queue', 'run'));
-- Of `failures`, by fal's conditions for retries.
ALTER TABLE queue_requests ADD COLUMN server_errors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue_requests ADD COLUMN timeouts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue_requests ADD COLUMN connection_errors INTEGER NOT NULL DEFAULT 0;
-- When the latest attempt began.
ALTER TABLE queue_requests ADD COLUMN attempt_started_at INTEGER;
-- What the last attempt left for the next one.
ALTER TABLE queue_requests ADD COLUMN note TEXT;
-- Whether input and output are kept for as long as the request, or only until the result was fetched or delivered.
ALTER TABLE queue_requests ADD COLUMN payloads TEXT NOT NULL DEFAULT 'keep'
    CHECK (payloads IN ('keep', 'drop', 'drop_output', 'dropped'));
-- Of a completed request whose payloads are not kept: when they go.
ALTER TABLE queue_requests ADD COLUMN drop_at INTEGER;
-- Of a completed request, for listings.
ALTER TABLE queue_requests ADD COLUMN ending TEXT CHECK (ending IN ('succeeded', 'refused', 'failed', 'cancelled'));
ALTER TABLE queue_requests ADD COLUMN retry_of TEXT;
-- Deleted together with the request.
ALTER TABLE queue_requests ADD COLUMN idempotency_key TEXT;

UPDATE queue_requests SET
    idempotency_key = known.key
    FROM queue_idempotency_keys known WHERE known.request_id = queue_requests.id;
UPDATE queue_requests SET ending = (
    SELECT CASE
        WHEN error_type IN ('client_cancelled', 'client_disconnected') THEN 'cancelled'
        WHEN error_type IS NOT NULL OR http_status >= 500 THEN 'failed'
        WHEN http_status >= 400 THEN 'refused'
        ELSE 'succeeded' END
    FROM queue_outcomes WHERE request = seq)
    WHERE state = 'completed';

-- JSON: what the model said beside its body.
ALTER TABLE queue_outcomes ADD COLUMN headers TEXT;

-- Attempts that have ended; the one that runs is in the request's own row.
CREATE TABLE queue_attempts (
    request INTEGER NOT NULL REFERENCES queue_requests (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    gateway_request_id TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('answered', 'failed', 'handed_back', 'lapsed')),
    http_status INTEGER,
    error_type TEXT,
    PRIMARY KEY (request, attempt)
) STRICT, WITHOUT ROWID;

-- What is on record, by age, and what of it is to lose its payloads.
CREATE INDEX queue_requests_finished ON queue_requests (finished_at, ending) WHERE finished_at IS NOT NULL;
CREATE INDEX queue_requests_dropping ON queue_requests (drop_at) WHERE drop_at IS NOT NULL;

-- For listings, newest first.
CREATE INDEX queue_requests_of_key ON queue_requests (key_id, seq);
CREATE INDEX queue_requests_of_app ON queue_requests (app, seq);
CREATE INDEX queue_requests_created ON queue_requests (created_at);
CREATE INDEX queue_requests_ending ON queue_requests (ending, seq) WHERE ending IN ('refused', 'failed', 'cancelled');
CREATE INDEX queue_requests_open ON queue_requests (seq) WHERE finished_at IS NULL;
CREATE INDEX queue_requests_running ON queue_requests (seq) WHERE state = 'running';
