-- Only how checks are written: a program of the version before goes on. SQLite fills a table of its own with the values of a
-- list of three or more, in each statement that checks it. The same checks without lists; what is stored stays as it is, so
-- that the text of the schema may be exchanged (the documented way to change a table's CHECK).

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
    'CHECK (state IN (''QUEUED'', ''RUNNING'', ''SUCCEEDED'', ''FAILED'', ''CANCELED''))',
    'CHECK (state = ''QUEUED'' OR state = ''RUNNING'' OR state = ''SUCCEEDED'' OR state = ''FAILED'' OR state = ''CANCELED'')'),
    'CHECK (phase IN (''submit'', ''follow'', ''save'', ''done''))',
    'CHECK (phase = ''submit'' OR phase = ''follow'' OR phase = ''save'' OR phase = ''done'')'),
    '(state IN (''SUCCEEDED'', ''FAILED'', ''CANCELED''))',
    '(state = ''SUCCEEDED'' OR state = ''FAILED'' OR state = ''CANCELED'')')
    WHERE type = 'table' AND name = 'studio_jobs';
PRAGMA writable_schema = RESET;
