-- A program of the version before goes on: it reads and writes as before, and what it accepts belongs to nobody.

-- Whose job it is, such as `session:5f…`; NULL: whoever knows its id.
ALTER TABLE studio_jobs ADD COLUMN owner TEXT;

-- What it is found by, in small letters. Jobs from before are found by their id alone.
ALTER TABLE studio_jobs ADD COLUMN search TEXT;

CREATE INDEX studio_jobs_by_owner ON studio_jobs (owner, id) WHERE owner IS NOT NULL;
