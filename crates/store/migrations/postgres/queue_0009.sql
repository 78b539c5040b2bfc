-- A program of the version before goes on: attempts that it records say nothing of whose fault they were, and what it sends
-- carries the official headers alone.

-- Of an attempt that failed: who has to change something.
ALTER TABLE queue_delivery_attempts ADD COLUMN fault TEXT CHECK (fault IN ('theirs', 'ours'));
UPDATE queue_delivery_attempts SET fault = 'theirs' WHERE http_status IS NOT NULL AND reason <> '';

-- JSON: what the webhooks of a key's requests carry beside the official form; NULL means nothing.
ALTER TABLE queue_keys ADD COLUMN webhooks TEXT;

-- Each host's line, for claims that step over the lines of hosts that may not get anything now.
CREATE INDEX queue_deliveries_line ON queue_deliveries (host, due_at, seq) WHERE due_at IS NOT NULL;
