-- A program of the version before goes on: it finds the same rows, and sums what a key spent from another index.

-- Nobody's jobs are not listed by their owner, and only keys have a budget. An index costs as much for a job that it is never asked
-- about, at each change of its state.
DROP INDEX studio_jobs_of_owner;
CREATE INDEX studio_jobs_of_owner ON studio_jobs (owner, id, state, search) WHERE owner IS NOT NULL;
DROP INDEX studio_jobs_by_cost;
CREATE INDEX studio_jobs_by_cost ON studio_jobs (owner, created_at, state, cost) WHERE owner >= 'key:' AND owner < 'key;';

-- One row after the other: for a choice of two, SQLite fills a table of its own.
DROP TRIGGER studio_jobs_grow;
CREATE TRIGGER studio_jobs_grow AFTER UPDATE OF bytes ON studio_jobs WHEN old.bytes <> new.bytes BEGIN
    UPDATE studio_totals SET bytes = bytes + new.bytes - old.bytes WHERE owner = coalesce(old.owner, '');
    UPDATE studio_totals SET bytes = bytes + new.bytes - old.bytes WHERE owner = '*';
END;
