-- Times and amounts are whole numbers: times in the unit of the store, record times in milliseconds since
-- 1970. What has 64 bits without a sign is kept as the signed number of the same bits: sums never need the
-- last bit, but the rate of metered usage without a tick may, and so may the length of a window.

-- An account, as it stands after its last entry.
CREATE TABLE account (
    account         int8 PRIMARY KEY,          -- a number at random, never given again
    name            text COLLATE "C" NOT NULL, -- empty once it is deleted
    state           int2 NOT NULL,             -- 0: open, 1: deleted
    policy          int2 NOT NULL,             -- of overdraft; 0: carry, 1: forfeit, 2: carry up to a credit line
    line            int8,                      -- the credit line
    head            int8 NOT NULL,             -- the revision of its last entry
    recorded_at     int8 NOT NULL,             -- of that entry
    granted         int8 NOT NULL,
    used            int8 NOT NULL,
    grants          int8 NOT NULL,
    usage_records   int8 NOT NULL,
    credit_id_bytes int8 NOT NULL,
    closed          int8                       -- the first instant that is open, if the books were closed
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX account_name ON account (name) WHERE state = 0;
CREATE INDEX account_deleted ON account (account) WHERE state = 1;

-- What was posted. Rows are added, and never changed.
CREATE TABLE entry (
    account     int8 NOT NULL,
    revision    int8 NOT NULL,                 -- 1, 2, 3 and so on without gaps
    id          text COLLATE "C" NOT NULL,
    recorded_at int8 NOT NULL,
    kind        int2 NOT NULL,                 -- see rows.rs
    amount      int8,                          -- amount, rate or credit line
    starts      int8,                          -- timestamp, first tick, or the instant from which on it is
    ends        int8,                          -- the first tick that is no longer used
    expiration  int8,
    priority    int2,
    corrects    text COLLATE "C",              -- the id of the record that it corrects
    credit_id   text COLLATE "C",
    crc         int4 NOT NULL,
    PRIMARY KEY (account, revision),
    CONSTRAINT entry_id UNIQUE (account, id)
);

-- What is kept of accounts that are gone.
CREATE TABLE deletion (
    digest   bytea NOT NULL,                   -- SHA-256 of the name
    id       text COLLATE "C" NOT NULL,        -- of the deletion
    account  int8 NOT NULL,
    revision int8 NOT NULL,
    PRIMARY KEY (digest, id)
);

-- What the store keeps about itself.
CREATE TABLE note (
    name   text COLLATE "C" PRIMARY KEY,
    number int8 NOT NULL
);

-- Written to by each new connection: once that is confirmed, all that was visible before is replicated.
CREATE TABLE barrier (
    place int8 PRIMARY KEY,
    beat  int8 NOT NULL
);
