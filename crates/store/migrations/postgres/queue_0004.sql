-- A program of the version before goes on: it reads files without their owner and access list, and knows nothing of the
-- new tables. What it deletes or leaves behind is found by the walk through all bytes.

ALTER TABLE queue_files ADD COLUMN owner TEXT;
-- JSON; NULL means that everybody may read.
ALTER TABLE queue_files ADD COLUMN access TEXT;
CREATE INDEX queue_files_blob ON queue_files (blob);
CREATE INDEX queue_files_expiry ON queue_files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE queue_parts (
    file_id TEXT NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    blob TEXT NOT NULL,
    size BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (file_id, number)
);
CREATE INDEX queue_parts_blob ON queue_parts (blob);
CREATE INDEX queue_parts_expiry ON queue_parts (expires_at);

-- Bytes that nobody may refer to any more. `removing`: somebody removes them until `due_at`, when another one may.
CREATE TABLE queue_unused (
    blob TEXT NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL,
    removing BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX queue_unused_due ON queue_unused (due_at);
