-- A program of the version before goes on: it knows no wish for a batch by its key, and a wish for a job under a key that stands
-- for a batch fails there until the key is a day old.

-- Wishes whose senders gave them a key, and the job or the batch that each became.
CREATE TABLE studio_wishes_anew (
    -- Who sent it, such as `session:5f…` or `operator`.
    whose TEXT NOT NULL,
    -- The key.
    word TEXT NOT NULL,
    -- Of what it asked for.
    digest TEXT NOT NULL,
    job_id TEXT REFERENCES studio_jobs (id) ON DELETE CASCADE,
    batch_id TEXT REFERENCES studio_batches (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (whose, word),
    CHECK ((job_id IS NULL) <> (batch_id IS NULL))
) WITHOUT ROWID;

INSERT INTO studio_wishes_anew (whose, word, digest, job_id, created_at)
SELECT whose, word, digest, job_id, created_at FROM studio_wishes;

DROP TABLE studio_wishes;
ALTER TABLE studio_wishes_anew RENAME TO studio_wishes;

-- For forgetting, and for jobs and batches that go.
CREATE INDEX studio_wishes_by_age ON studio_wishes (created_at);
CREATE INDEX studio_wishes_by_job ON studio_wishes (job_id);
CREATE INDEX studio_wishes_by_batch ON studio_wishes (batch_id);
