-- Only an index: a program of the version before sees nothing of it.

-- Contains only what waits under a deadline.
CREATE INDEX queue_requests_deadline ON queue_requests (start_by)
    WHERE start_by IS NOT NULL AND state IN ('ready', 'delayed');
