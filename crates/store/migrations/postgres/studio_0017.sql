-- A program of the version before goes on: it knows no wish for a batch by its key, and a wish for a job under a key that stands
-- for a batch fails there until the key is a day old.

-- A wish becomes a job or a batch.
ALTER TABLE studio_wishes ALTER COLUMN job_id DROP NOT NULL;
ALTER TABLE studio_wishes ADD COLUMN batch_id TEXT REFERENCES studio_batches (id) ON DELETE CASCADE;
ALTER TABLE studio_wishes ADD CHECK ((job_id IS NULL) <> (batch_id IS NULL));

-- For batches that go.
CREATE INDEX studio_wishes_by_batch ON studio_wishes (batch_id);
