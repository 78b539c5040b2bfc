-- The first version: no older program has to read it.
-- Times are microseconds since 1970. Big values have tables of their own, so that the rows which are scanned stay small.

CREATE TABLE studio_jobs (
    -- Sorts by the time at which the job was made.
    id TEXT NOT NULL PRIMARY KEY,
    token TEXT NOT NULL,
    -- JSON; never changes.
    spec TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED')),
    phase TEXT NOT NULL CHECK (phase IN ('submit', 'follow', 'save', 'done')),
    -- With the id, the fence of a lease.
    epoch BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT,
    failures BIGINT NOT NULL,
    -- JSON: addresses of the photos at the queue.
    uploads TEXT NOT NULL,
    submit_started_at BIGINT,
    request_id TEXT UNIQUE,
    cancel_asked_at BIGINT,
    created_at BIGINT NOT NULL,
    running_at BIGINT,
    result_at BIGINT,
    finished_at BIGINT,
    -- JSON.
    outcome TEXT,
    CHECK ((phase = 'done') = (outcome IS NOT NULL)),
    CHECK ((phase = 'done') = (finished_at IS NOT NULL)),
    CHECK ((phase = 'done') = (state IN ('SUCCEEDED', 'FAILED', 'CANCELED'))),
    CHECK (phase <> 'save' OR result_at IS NOT NULL)
) WITHOUT ROWID;

-- Contains no job that is done, so that it stays as small as there is work.
CREATE INDEX studio_jobs_owed ON studio_jobs (due_at) WHERE phase <> 'done';

CREATE TABLE studio_results (
    job_id TEXT NOT NULL PRIMARY KEY REFERENCES studio_jobs (id) ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('webhook', 'reconciler')),
    ended TEXT NOT NULL CHECK (ended IN ('output', 'error')),
    body BLOB,
    said TEXT
);

-- Webhooks that were accepted. The same body for the same request is one row, however often it comes.
CREATE TABLE studio_events (
    request_id TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES studio_jobs (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    -- JSON: a list of pairs.
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    times BIGINT NOT NULL DEFAULT 1,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (request_id, body_sha256)
);

-- The account whose webhooks are believed, once one is known: one row or none.
CREATE TABLE studio_account (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    user_id TEXT NOT NULL
);

-- Webhooks that were refused: the newest ones, for people to look at.
CREATE TABLE studio_rejected (
    seq INTEGER PRIMARY KEY,
    received_at BIGINT NOT NULL,
    code TEXT NOT NULL,
    explanation TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    body_bytes BIGINT NOT NULL
);
