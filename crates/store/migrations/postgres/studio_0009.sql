-- A program of the version before goes on: what it accepts is told without its model and pictures, and when its keys were used isn't.

-- The model that is asked, and the pictures that are asked for, or came.
ALTER TABLE studio_jobs ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
ALTER TABLE studio_jobs ADD COLUMN pictures BIGINT NOT NULL DEFAULT 0;

-- By their letters, since a spec that was damaged is no JSON and must keep nothing from starting.
UPDATE studio_jobs SET
    endpoint = coalesce(substring(spec from '"endpoint":"([^"]*)"'), ''),
    pictures = coalesce(CASE WHEN price > 0 THEN cost / price END, substring(spec from '"num_images":([0-9]{1,3})')::bigint, 0);

-- Holds all that a month's account needs, so that no job's row is read for it.
CREATE INDEX studio_jobs_by_day ON studio_jobs (created_at, owner, state, endpoint, pictures, cost);

ALTER TABLE studio_spent ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
ALTER TABLE studio_spent ADD COLUMN pictures BIGINT NOT NULL DEFAULT 0;

CREATE INDEX studio_spent_by_day ON studio_spent (at);

-- NULL: not yet.
ALTER TABLE studio_keys ADD COLUMN used_at BIGINT;
