-- A program of the version before must not run beside this one: it would remove the bytes of photos that still wait in a batch.

-- Many photos that were handed in at once.
CREATE TABLE studio_batches (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    state TEXT NOT NULL,
    preset TEXT NOT NULL,
    prompt TEXT,
    num_images BIGINT NOT NULL,
    file_name TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE INDEX studio_batches_by_owner ON studio_batches (owner, id) WHERE owner IS NOT NULL;
CREATE INDEX studio_batches_live ON studio_batches (id) WHERE state IN ('OPEN', 'PAUSED');

-- One photo of a batch, for one preset. While it waits, studio_blobs has its bytes under the batch's id.
CREATE TABLE studio_batch_items (
    batch_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    sku TEXT,
    preset TEXT,
    prompt TEXT,
    blob TEXT,
    state TEXT NOT NULL,
    job_id TEXT,
    error TEXT,
    -- Somebody makes its job until then.
    leased_until BIGINT,
    PRIMARY KEY (batch_id, number)
);

CREATE INDEX studio_batch_items_by_state ON studio_batch_items (batch_id, state, number);
CREATE INDEX studio_batch_items_running ON studio_batch_items (job_id) WHERE state = 'running';
