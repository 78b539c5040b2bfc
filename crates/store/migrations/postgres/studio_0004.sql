-- A program of the version before must not run beside this one: it doesn't note which bytes it refers to, and they might be removed.

-- Bytes of the job's photos and pictures.
ALTER TABLE studio_jobs ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;

-- The picture that the seller has chosen, counted from 1.
ALTER TABLE studio_jobs ADD COLUMN chosen BIGINT;

-- Which bytes a job refers to: its photos, its pictures, and what belongs to them.
CREATE TABLE studio_blobs (
    blob TEXT NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (blob, job_id)
);

CREATE INDEX studio_blobs_by_job ON studio_blobs (job_id);

-- Bytes that lost a reference, or that nobody is known to refer to.
CREATE TABLE studio_garbage (
    blob TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL,
    -- 1: they are being removed, and nobody may refer to them until they are gone.
    doomed BIGINT NOT NULL DEFAULT 0
);

-- Every text of 64 hexadecimal digits counts: one reference too many keeps bytes, one too few would lose them.
INSERT INTO studio_blobs (blob, job_id)
SELECT DISTINCT found[1], job.id
FROM studio_jobs job, regexp_matches(job.spec || coalesce(job.outcome, '') || coalesce(job.corrected, ''), '"([0-9a-f]{64})"', 'g') found;
