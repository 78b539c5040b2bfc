-- A program of the version before goes on: it gives every account what a free one gets, and makes new ones free.

-- How much an account gets, `free` or `paid`, as the operator says.
ALTER TABLE studio_accounts ADD COLUMN tier TEXT NOT NULL DEFAULT 'free';
