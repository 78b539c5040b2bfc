-- A program of the version before goes on: these are the same rows, and the same columns in another order.

-- A row is several pages long, since what a job made stands in it. A table WITHOUT ROWID reads whole rows to find its way, some
-- ninety pages for each; one with row numbers reads none. What is long comes last, so that the rest is read from a row's first page.
CREATE TABLE studio_jobs_anew (
    -- Sorts by the time at which the job was made.
    id TEXT NOT NULL PRIMARY KEY,
    token TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'QUEUED' OR state = 'RUNNING' OR state = 'SUCCEEDED' OR state = 'FAILED' OR state = 'CANCELED'),
    phase TEXT NOT NULL CHECK (phase = 'submit' OR phase = 'follow' OR phase = 'save' OR phase = 'done'),
    -- With the id, the fence of a lease.
    epoch BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT,
    failures BIGINT NOT NULL,
    submit_started_at BIGINT,
    request_id TEXT UNIQUE,
    cancel_asked_at BIGINT,
    created_at BIGINT NOT NULL,
    running_at BIGINT,
    result_at BIGINT,
    finished_at BIGINT,
    -- Whose job it is, such as `session:5f…`; NULL: whoever knows its id.
    owner TEXT,
    -- Bytes of the job's photos and pictures.
    bytes BIGINT NOT NULL DEFAULT 0,
    -- The picture that the seller has chosen, counted from 1.
    chosen BIGINT,
    -- Of a picture, in millionths of a US dollar, on the day on which the job was accepted.
    price BIGINT,
    -- Of the job, as far as is known.
    cost BIGINT NOT NULL DEFAULT 0,
    endpoint TEXT NOT NULL DEFAULT '',
    -- As many as are charged.
    pictures BIGINT NOT NULL DEFAULT 0,
    -- JSON: addresses of the photos at the queue.
    uploads TEXT NOT NULL,
    -- What it is found by, in small letters.
    search TEXT,
    -- JSON; never changes.
    spec TEXT NOT NULL,
    -- JSON.
    outcome TEXT,
    -- JSON: the pictures of a corrected cut-out.
    corrected TEXT,
    CHECK ((phase = 'done') = (outcome IS NOT NULL)),
    CHECK ((phase = 'done') = (finished_at IS NOT NULL)),
    CHECK ((phase = 'done') = (state = 'SUCCEEDED' OR state = 'FAILED' OR state = 'CANCELED')),
    CHECK (phase <> 'save' OR result_at IS NOT NULL)
);

INSERT INTO studio_jobs_anew (
    id, token, state, phase, epoch, due_at, leased_until, failures, submit_started_at, request_id, cancel_asked_at, created_at, running_at,
    result_at, finished_at, owner, bytes, chosen, price, cost, endpoint, pictures, uploads, search, spec, outcome, corrected
)
SELECT
    id, token, state, phase, epoch, due_at, leased_until, failures, submit_started_at, request_id, cancel_asked_at, created_at, running_at,
    result_at, finished_at, owner, bytes, chosen, price, cost, endpoint, pictures, uploads, search, spec, outcome, corrected
FROM studio_jobs ORDER BY id;

DROP TABLE studio_jobs;
ALTER TABLE studio_jobs_anew RENAME TO studio_jobs;

-- Contains no job that is done, so that it stays as small as there is work.
CREATE INDEX studio_jobs_owed ON studio_jobs (due_at) WHERE phase <> 'done';
CREATE INDEX studio_jobs_by_day ON studio_jobs (created_at, owner, state, endpoint, pictures, cost);

-- All that lists, search and sums look at, so that they open only the rows that they show.
CREATE INDEX studio_jobs_of_owner ON studio_jobs (owner, id, state, search);
CREATE INDEX studio_jobs_of_all ON studio_jobs (id, state, search);
CREATE INDEX studio_jobs_by_cost ON studio_jobs (owner, created_at, state, cost);

-- What is kept for each owner, '' where the jobs are nobody's, and for all ('*'): counting them takes longer the more there are.
CREATE TABLE studio_totals (
    owner TEXT NOT NULL PRIMARY KEY,
    jobs BIGINT NOT NULL,
    -- Of photos, pictures and what belongs to them.
    bytes BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO studio_totals (owner, jobs, bytes)
SELECT coalesce(owner, ''), count(*), sum(bytes) FROM studio_jobs GROUP BY coalesce(owner, '')
UNION ALL SELECT '*', count(*), coalesce(sum(bytes), 0) FROM studio_jobs;

CREATE TRIGGER studio_jobs_come AFTER INSERT ON studio_jobs BEGIN
    INSERT INTO studio_totals (owner, jobs, bytes) VALUES (coalesce(new.owner, ''), 1, new.bytes), ('*', 1, new.bytes)
    ON CONFLICT (owner) DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER studio_jobs_grow AFTER UPDATE OF bytes ON studio_jobs WHEN old.bytes <> new.bytes BEGIN
    UPDATE studio_totals SET bytes = bytes + new.bytes - old.bytes WHERE owner = coalesce(old.owner, '') OR owner = '*';
END;

CREATE TRIGGER studio_jobs_move AFTER UPDATE OF owner ON studio_jobs WHEN old.owner IS NOT new.owner BEGIN
    INSERT INTO studio_totals (owner, jobs, bytes) VALUES (coalesce(new.owner, ''), 1, new.bytes)
    ON CONFLICT (owner) DO UPDATE SET jobs = jobs + 1, bytes = bytes + excluded.bytes;
    UPDATE studio_totals SET jobs = jobs - 1, bytes = bytes - new.bytes WHERE owner = coalesce(old.owner, '');
    DELETE FROM studio_totals WHERE owner = coalesce(old.owner, '') AND jobs = 0;
END;

CREATE TRIGGER studio_jobs_go AFTER DELETE ON studio_jobs BEGIN
    UPDATE studio_totals SET jobs = jobs - 1, bytes = bytes - old.bytes WHERE owner = coalesce(old.owner, '') OR owner = '*';
    DELETE FROM studio_totals WHERE owner = coalesce(old.owner, '') AND owner <> '*' AND jobs = 0;
END;
