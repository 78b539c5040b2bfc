-- A program of the version before goes on: to it, a redelivered webhook has used up its schedule after one more attempt.

-- Attempts before the latest redelivery; the schedule counts from there.
ALTER TABLE queue_deliveries ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;
CREATE INDEX queue_deliveries_dead ON queue_deliveries (seq) WHERE state = 'dead';
CREATE INDEX queue_deliveries_dead_host ON queue_deliveries (host, seq) WHERE state = 'dead';
-- What was redelivered and has not been tried since: a further recovery of the same host goes behind it.
CREATE INDEX queue_deliveries_again ON queue_deliveries (host, due_at)
    WHERE due_at IS NOT NULL AND earlier > 0 AND attempt = earlier;
