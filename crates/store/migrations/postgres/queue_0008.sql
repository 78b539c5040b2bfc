-- Only indexes: a program of the version before goes on.

-- Said as for SQLite.
DROP INDEX queue_requests_ending;
CREATE INDEX queue_requests_ending ON queue_requests (ending, seq) WHERE ending <> 'succeeded';
-- What runs is found by its lease. Each index less is one less to write whenever a request changes.
DROP INDEX queue_requests_running;
