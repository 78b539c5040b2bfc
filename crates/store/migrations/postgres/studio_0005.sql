-- A program of the version before goes on: it knows no keys, and what it accepts is free.

-- Millionths of a US dollar: what one picture costs, and what the job does, estimated until its end. NULL: by today's price.
ALTER TABLE studio_jobs ADD COLUMN price BIGINT;
ALTER TABLE studio_jobs ADD COLUMN cost BIGINT NOT NULL DEFAULT 0;

-- Keys of the studio's API. Only a digest of the secret is kept.
CREATE TABLE studio_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE,
    tier TEXT NOT NULL CHECK (tier IN ('free', 'paid')),
    -- Millionths of a US dollar in a calendar month; NULL: as much as is asked for.
    budget BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- What jobs cost that were forgotten since: money that is spent stays so.
CREATE TABLE studio_spent (
    owner TEXT NOT NULL,
    at BIGINT NOT NULL,
    cost BIGINT NOT NULL
);

CREATE INDEX studio_spent_by_owner ON studio_spent (owner, at);
