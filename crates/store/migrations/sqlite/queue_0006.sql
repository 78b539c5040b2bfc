-- Only indexes: a program of the version before goes on, more slowly.

-- Who has something waiting is found key by key, without what waits behind it.
CREATE INDEX queue_requests_turn ON queue_requests (priority, key_id, seq) WHERE state = 'ready';
DROP INDEX queue_requests_ready;
-- What runs, by lease and with its key, and what is delayed.
DROP INDEX queue_requests_due;
CREATE INDEX queue_requests_due ON queue_requests (state, due_at, key_id) WHERE due_at IS NOT NULL;
