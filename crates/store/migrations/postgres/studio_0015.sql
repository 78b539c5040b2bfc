-- A program of the version before goes on: what it gives up since nobody wants it, it doesn't mark so.

-- Given up since whoever it goes to wants none. Until now a sentence of the attempt said it.
ALTER TABLE studio_messages ADD COLUMN unwanted BIGINT NOT NULL DEFAULT 0;

UPDATE studio_messages SET unwanted = 1 WHERE state = 'dead' AND EXISTS (
    SELECT 1 FROM studio_message_attempts a WHERE a.message_id = studio_messages.id AND (
        a.why = 'Whoever has the mailbox wants no letters.'
        OR a.why = 'Whoever has this number wrote STOP, and gets no messages until they write START.'));
