-- Snapshots of accounts, which spare reading entries: bytes, of which the database knows nothing.
CREATE TABLE snapshot (
    account  int8 NOT NULL,
    revision int8 NOT NULL,
    header   bytea NOT NULL,
    PRIMARY KEY (account, revision)
);

-- What headers name. A segment has its number from what it holds.
CREATE TABLE segment (
    account int8 NOT NULL,
    number  int8 NOT NULL,
    body    bytea NOT NULL,
    PRIMARY KEY (account, number)
);

-- Who writes snapshots of an account at present, so that others need not.
CREATE TABLE snapshot_writer (
    account int8 PRIMARY KEY,
    writer  int8 NOT NULL,                     -- a number at random
    until   int8 NOT NULL                      -- milliseconds since 1970: then it has given up
);
