-- A program of the version before goes on: it writes to mailboxes that want no letters, owes no letter about a single job or
-- batch, and looks at closed accounts in the order in which they were closed.

-- Mailboxes that want no letters about pictures, by their digests.
CREATE TABLE studio_silent (
    mailbox TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL
);

-- Whom its maker wants to be told of its end by letter, as JSON.
ALTER TABLE studio_batches ADD COLUMN notify TEXT;

-- When a closed account is cleared next, and how often in a row that failed.
ALTER TABLE studio_accounts ADD COLUMN clear_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE studio_accounts ADD COLUMN clear_failures BIGINT NOT NULL DEFAULT 0;

DROP INDEX studio_accounts_closed;
CREATE INDEX studio_accounts_to_clear ON studio_accounts (clear_at) WHERE closed_at IS NOT NULL;
