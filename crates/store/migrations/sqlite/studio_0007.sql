-- A program of the version before goes on: it neither reads nor writes what is new here, and takes a wish that is sent again for
-- another one.

-- Wishes whose senders gave them a key, and the job that each became.
CREATE TABLE studio_wishes (
    -- Who sent it, such as `session:5f…` or `operator`.
    whose TEXT NOT NULL,
    -- The key.
    word TEXT NOT NULL,
    -- Of what it asked for.
    digest TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES studio_jobs (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (whose, word)
) WITHOUT ROWID;

-- For forgetting, and for jobs that go.
CREATE INDEX studio_wishes_by_age ON studio_wishes (created_at);
CREATE INDEX studio_wishes_by_job ON studio_wishes (job_id);
