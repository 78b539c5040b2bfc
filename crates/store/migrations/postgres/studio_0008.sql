-- A program of the version before goes on: it neither reads nor writes what is new here, and paces all keys alike.

-- Calls of the key that make something, in a minute; NULL: as many as everybody's.
ALTER TABLE studio_keys ADD COLUMN per_minute BIGINT;
