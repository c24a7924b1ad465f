-- The catalogue of a centre. Portable rules: ids and digests TEXT, times BIGINT microseconds since 1970-01-01 UTC,
-- truth BIGINT 0/1, JSON TEXT.

CREATE TABLE episodes (
    digest       TEXT PRIMARY KEY NOT NULL,
    episode      TEXT NOT NULL UNIQUE,
    task         TEXT,
    scene        TEXT,
    station      TEXT,
    campaign     TEXT,
    robot        TEXT,
    trainer      TEXT,
    embodiment   TEXT NOT NULL,
    card         TEXT NOT NULL,
    origin       TEXT NOT NULL,
    clock        TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    licence      TEXT,
    started_us   BIGINT,
    duration_us  BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    added_us     BIGINT NOT NULL,
    verdict      TEXT,
    rules        TEXT,
    accepted     BIGINT,
    manifest     TEXT NOT NULL
);

CREATE INDEX episodes_by_task ON episodes (task, episode);
CREATE INDEX episodes_by_embodiment ON episodes (embodiment, episode);

CREATE TABLE verdicts (
    layer        TEXT PRIMARY KEY NOT NULL,
    digest       TEXT NOT NULL REFERENCES episodes (digest),
    rules        TEXT NOT NULL,
    accepted     BIGINT NOT NULL,
    findings     TEXT NOT NULL,
    added_us     BIGINT NOT NULL
);

CREATE INDEX verdicts_by_episode ON verdicts (digest, added_us);

CREATE TABLE measurements (
    layer        TEXT NOT NULL REFERENCES verdicts (layer),
    number       BIGINT NOT NULL,
    digest       TEXT NOT NULL,
    name         TEXT NOT NULL,
    topic        TEXT,
    channel      TEXT,
    value        DOUBLE PRECISION,
    unit         TEXT NOT NULL,
    from_ns      BIGINT,
    to_ns        BIGINT,
    detail       TEXT NOT NULL,
    PRIMARY KEY (layer, number)
);

CREATE INDEX measurements_by_name ON measurements (name, digest);

CREATE TABLE releases (
    name         TEXT PRIMARY KEY NOT NULL,
    digest       TEXT NOT NULL,
    query        TEXT,
    episodes     BIGINT NOT NULL,
    created_us   BIGINT NOT NULL
);
