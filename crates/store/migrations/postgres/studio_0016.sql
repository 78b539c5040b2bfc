-- A program of the version before goes on: these are two indexes more.

-- Items that somebody makes jobs of right now, or that wait for money. Counting them looked at all that wait.
CREATE INDEX studio_batch_items_leased ON studio_batch_items (batch_id, leased_until)
WHERE state = 'waiting' AND leased_until IS NOT NULL;

-- Whether another photo of the batch has the same bytes was asked of all that wait.
CREATE INDEX studio_batch_items_by_blob ON studio_batch_items (batch_id, blob) WHERE state = 'waiting';
