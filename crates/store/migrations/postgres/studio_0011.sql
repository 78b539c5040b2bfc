-- A program of the version before goes on: it neither reads nor writes what is new here, and knows a seller with a name as a
-- browser that it has never seen.

-- Sellers with a name.
CREATE TABLE studio_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    -- As it is written to; empty once its owner has left.
    address TEXT NOT NULL,
    -- The same for every way to write the mailbox; of who left, the id.
    mailbox TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    notify BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    -- Its owner has left; what is still kept goes.
    closed_at BIGINT
);

CREATE INDEX studio_accounts_closed ON studio_accounts (closed_at) WHERE closed_at IS NOT NULL;

-- Links into accounts, by the digests of their words. They are also what is counted, so they outlive their use by an hour.
CREATE TABLE studio_links (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    language TEXT NOT NULL,
    -- The session of the browser that asked.
    asker TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    followed_at BIGINT,
    -- When the letter is to be handed in; NULL: no more.
    due_at BIGINT,
    tries BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX studio_links_by_age ON studio_links (created_at);
CREATE INDEX studio_links_owed ON studio_links (due_at) WHERE due_at IS NOT NULL;
