-- A program of the version before goes on: it finds the same rows, and sums what a key spent from another index.

-- Nobody's jobs are not listed by their owner, and only keys have a budget. An index costs as much for a job that it is never asked
-- about, at each change of its state.
DROP INDEX studio_jobs_of_owner;
CREATE INDEX studio_jobs_of_owner ON studio_jobs (owner, id, state, search) WHERE owner IS NOT NULL;
DROP INDEX studio_jobs_by_cost;
CREATE INDEX studio_jobs_by_cost ON studio_jobs (owner, created_at, state, cost) WHERE owner >= 'key:' AND owner < 'key;';
