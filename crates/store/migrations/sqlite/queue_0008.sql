-- Only how checks and indexes are written: a program of the version before goes on.
-- SQLite fills a table of its own with the values of a list of three or more, in each statement that checks it or keeps an
-- index on it, which cost more than the rest of an insert. The same checks without lists; what is stored stays as it is, so
-- that the text of the schema may be exchanged (the documented way to change a table's CHECK).

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
    'CHECK (state IN (''ready'', ''delayed'', ''running'', ''completed''))',
    'CHECK (state = ''ready'' OR state = ''delayed'' OR state = ''running'' OR state = ''completed'')'),
    'CHECK (payloads IN (''keep'', ''drop'', ''drop_output'', ''dropped''))',
    'CHECK (payloads = ''keep'' OR payloads = ''drop'' OR payloads = ''drop_output'' OR payloads = ''dropped'')'),
    'CHECK (ending IN (''succeeded'', ''refused'', ''failed'', ''cancelled''))',
    'CHECK (ending = ''succeeded'' OR ending = ''refused'' OR ending = ''failed'' OR ending = ''cancelled'')')
    WHERE type = 'table' AND name = 'queue_requests';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (state IN (''pending'', ''delivered'', ''dead''))',
    'CHECK (state = ''pending'' OR state = ''delivered'' OR state = ''dead'')')
    WHERE type = 'table' AND name = 'queue_deliveries';
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (how IN (''answered'', ''failed'', ''handed_back'', ''lapsed''))',
    'CHECK (how = ''answered'' OR how = ''failed'' OR how = ''handed_back'' OR how = ''lapsed'')')
    WHERE type = 'table' AND name = 'queue_attempts';
PRAGMA writable_schema = RESET;

DROP INDEX queue_requests_ending;
CREATE INDEX queue_requests_ending ON queue_requests (ending, seq) WHERE ending <> 'succeeded';
-- What runs is found by its lease.
DROP INDEX queue_requests_running;
