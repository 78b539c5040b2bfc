-- A program of the version before goes on: it neither reads nor writes what is new here, and shows a corrected job with its
-- first pictures.

-- JSON: the pictures that were made of a corrected cut-out.
ALTER TABLE studio_jobs ADD COLUMN corrected TEXT;

-- What a seller has drawn on a job's cut-out.
CREATE TABLE studio_strokes (
    job_id TEXT NOT NULL PRIMARY KEY REFERENCES studio_jobs (id) ON DELETE CASCADE,
    -- Raised by each change.
    revision BIGINT NOT NULL,
    -- JSON: all strokes in order.
    strokes TEXT NOT NULL
);
