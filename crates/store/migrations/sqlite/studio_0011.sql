-- A program of the version before goes on: it neither reads nor writes what is new here, and what it does owes nobody a message.

-- Who wants to be told of what.
CREATE TABLE studio_hooks (
    id TEXT NOT NULL PRIMARY KEY,
    -- Of whose jobs; NULL: of all.
    owner TEXT,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    -- Words with commas between; none: everything.
    events TEXT NOT NULL,
    -- As it is, since it signs.
    secret TEXT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX studio_hooks_by_owner ON studio_hooks (owner);

-- What others are told, each written in the commit that owes it.
CREATE TABLE studio_messages (
    -- Sorts by the time at which it was owed.
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    job_id TEXT REFERENCES studio_jobs (id) ON DELETE CASCADE,
    batch_id TEXT,
    hook_id TEXT,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    secret TEXT,
    event TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state = 'pending' OR state = 'delivered' OR state = 'dead'),
    -- With the id, the fence of a lease.
    attempts BIGINT NOT NULL,
    earlier BIGINT NOT NULL,
    in_hand BIGINT NOT NULL,
    -- When it is tried next, or its lease is over.
    due_at BIGINT,
    created_at BIGINT NOT NULL,
    -- Messages to one line wait for each other: a host, or a server.
    line TEXT NOT NULL,
    CHECK ((state = 'pending') = (due_at IS NOT NULL))
);

-- Contain no message that is settled, or none that is not.
CREATE INDEX studio_messages_due ON studio_messages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX studio_messages_settled ON studio_messages (created_at) WHERE due_at IS NULL;
CREATE INDEX studio_messages_by_owner ON studio_messages (owner, id) WHERE owner IS NOT NULL;
CREATE INDEX studio_messages_by_job ON studio_messages (job_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX studio_messages_by_hook ON studio_messages (hook_id) WHERE due_at IS NOT NULL;

CREATE TABLE studio_message_attempts (
    message_id TEXT NOT NULL REFERENCES studio_messages (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    latency BIGINT NOT NULL,
    status BIGINT,
    answer BLOB NOT NULL,
    why TEXT,
    PRIMARY KEY (message_id, number)
) WITHOUT ROWID;
