-- A program of the version before goes on, and gives up messages by WhatsApp that it takes, since it knows no such channel: let
-- all processes be of one version before anybody gives a number.

-- What is known of a message that left, as JSON, and the name by which others tell how it fares.
ALTER TABLE studio_messages ADD COLUMN receipt TEXT;
ALTER TABLE studio_messages ADD COLUMN wamid TEXT;

CREATE INDEX studio_messages_by_wamid ON studio_messages (wamid) WHERE wamid IS NOT NULL;

-- Whom to tell by WhatsApp when all of a batch is through, as JSON.
ALTER TABLE studio_batches ADD COLUMN whatsapp TEXT;

-- Who wrote that they want messages, or none any more. It outlives everything else: a refusal has to be honoured for good.
CREATE TABLE studio_whatsapp_consents (
    number TEXT NOT NULL PRIMARY KEY,
    wants BIGINT NOT NULL,
    at BIGINT NOT NULL
);
