-- A program of the version before goes on: it throws no batch away, and what others threw away is cleared by them.

-- Batches that were thrown away: their rows are gone, and what they left behind is removed piece by piece.
CREATE TABLE studio_batches_left (
    id TEXT NOT NULL PRIMARY KEY,
    -- When the next piece is removed.
    clear_at BIGINT NOT NULL,
    -- In a row.
    failures BIGINT NOT NULL
);

CREATE INDEX studio_batches_left_due ON studio_batches_left (clear_at, id);

-- Jobs of items that were made again since: an item itself knows its last job alone.
CREATE TABLE studio_batch_tries (
    job_id TEXT NOT NULL REFERENCES studio_jobs (id) ON DELETE CASCADE,
    batch_id TEXT NOT NULL,
    PRIMARY KEY (job_id, batch_id)
);

CREATE INDEX studio_batch_tries_of_batch ON studio_batch_tries (batch_id);

CREATE INDEX studio_messages_by_batch ON studio_messages (batch_id) WHERE batch_id IS NOT NULL;
