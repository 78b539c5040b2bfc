-- A program of the version before goes on: what it hands in declares no pieces, and where it makes a job of an item it declares none.

-- How many pieces a photo shows, as the list says of it, or else what was handed in with it.
ALTER TABLE studio_batches ADD COLUMN products BIGINT;
ALTER TABLE studio_batch_items ADD COLUMN products BIGINT;
