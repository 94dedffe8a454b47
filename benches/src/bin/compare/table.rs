//! The table of rows: what is measured, against what, and what it should come to.

/// One row.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) work: &'static str,
    pub(crate) against: &'static str,
    /// In words; the cases carry the numbers.
    pub(crate) at_most: &'static str,
}

const fn row(
    id: &'static str,
    work: &'static str,
    against: &'static str,
    at_most: &'static str,
) -> Row {
    Row {
        id,
        work,
        against,
        at_most,
    }
}

/// What this program measures.
pub(crate) const ROWS: &[Row] = &[
    row(
        "Q1",
        "single random query, 10 M usage, 1,000 grants, settled",
        "`partition_point` over precomputed answers",
        "0.30",
    ),
    row(
        "Q2",
        "unsorted batch of 4,096 queries, per query",
        "the same",
        "0.10",
    ),
    row(
        "Q3",
        "batch of 1 M queries sorted by the caller, per query",
        "the same",
        "0.035",
    ),
    row(
        "Q4",
        "unsorted batch of 1 M on two threads",
        "on one",
        "0.60",
    ),
    row(
        "W1",
        "10 M usage writes in random order, per write, settled at the end",
        "`BTreeMap<(i64, u32), u64>` insert of the same",
        "0.50",
    ),
    row(
        "W2",
        "in-order appends, per write",
        "the same, in order",
        "0.10",
    ),
    row(
        "W3",
        "bulk load of 10 M shuffled records to the first answer, on one thread",
        "`sort_unstable` of the records by time",
        "1.25",
    ),
    row(
        "W4",
        "1 M grants in random posting order, per write, settled at the end",
        "`BTreeMap` insert of the same",
        "2",
    ),
    row(
        "M1",
        "heap bytes for a usage entry at 10 M after W1, all structures counted",
        "16 bytes of raw record",
        "0.70",
    ),
    row(
        "M2",
        "heap bytes for a grant at 1 M",
        "32 bytes of raw record",
        "-",
    ),
    row(
        "S1",
        "late write (usage and grants, added and removed), settled, and a query at the end; \
         1 M grants; mean",
        "a bare heap replay from the write to the end",
        "0.001",
    ),
    row("S2", "mean time of S1 at 1 M grants", "at 10,000", "3"),
    row(
        "S3",
        "S1 at loads around 1; 50 live, and 500 live",
        "the bare replay",
        "0.01, and 0.1",
    ),
    row(
        "S4",
        "S1 with 1 % of the grants living a tenth of history among short ones",
        "the bare replay",
        "0.06",
    ),
    row(
        "S5",
        "100,000 windows nested, all live at once; and a chain of dominoes to the end",
        "the bare replay",
        "1.3, and 2.5",
    ),
    row(
        "S6",
        "S1 by how late the write is; 1 M grants, 50 live",
        "the bare replay",
        "-",
    ),
    row(
        "C1",
        "questions after one late record, without `settle`; daily windows, 1,000 and 1 M grants",
        "the same questions to a settled account",
        "10",
    ),
    row(
        "C2",
        "boundaries of a call, at most: usage and a grant dated 100,000 ticks ahead in turns, \
         200,000 live",
        "256",
        "1.0",
    ),
    row(
        "C3",
        "boundaries of 16 and of 17 late entries posted at once, settled; 1 M daily grants",
        "1,000",
        "1.0",
    ),
    row(
        "C4",
        "boundaries of usage in time order under 1 M daily grants to come, settled after each, \
         at most",
        "1,000",
        "1.0",
    ),
    row(
        "C5",
        "usage of one instant retracted, the first posted first; 50,000 entries",
        "5,000 entries",
        "2",
    ),
    row(
        "C6",
        "the shapes of S4 and S5: boundaries of a late write, settled; and questions after one, \
         without `settle`",
        "the boundaries to the end of history; a settled account",
        "-",
    ),
    row(
        "J1",
        "single random query, 1 M jobs, three in ten of them posted late, 1,000 grants, settled",
        "the same account with the usage of each job at its first instant",
        "2.0",
    ),
    row(
        "J2",
        "late job that spans no boundary, posted and retracted, settled, and a query at the end",
        "as much usage at an instant of the same epoch",
        "3.0",
    ),
    row(
        "J3",
        "the same of late jobs that span 1,000 boundaries, for each of these",
        "100 boundaries",
        "1.0",
    ),
    row(
        "J4",
        "heap bytes for a job without a name after J1, all structures counted",
        "64",
        "1.0",
    ),
    row(
        "X1",
        "Q1, Q2 and W1 at other sizes",
        "the same",
        "Q1 0.8, 0.6, 0.5 at 1,000, 10,000, 100,000, crowded 2.0; W1 1.5, 1.0, 0.9; 1.0 at 1 M",
    ),
    row(
        "R1",
        "settled query, 10 M usage, 1,000 grants",
        "heap replay of the account",
        "0.000001",
    ),
    row(
        "D1",
        "late write to one account of many, and its answers (feature `heavy`)",
        "a differential-dataflow program that maintains them",
        "-",
    ),
    row(
        "B1",
        "ingest into a book: 200,000 accounts of 10 grants and 50 usage entries, two threads",
        "one thread",
        "0.625",
    ),
    row(
        "B2",
        "heap bytes of such an account in a book of a million, names and what finds them counted",
        "1,024",
        "0.75; with metered usage 1.125",
    ),
    row(
        "B3",
        "batch of 1 M questions across those accounts",
        "finding the name in a `HashMap`, the answer beside it",
        "0.8; of 1,000 records 0.9; with metered usage 1.2",
    ),
    row("B4", "the same questions one by one", "the same", "-"),
    row(
        "B5",
        "one usage record at a time into a book of 20,000 such accounts, in time order, and late",
        "the same into a `HashMap` of `BTreeMap`",
        "1.5, and 4",
    ),
    row(
        "E1",
        "a whole file of real events through the program, parsing included",
        "decompressing and splitting it with `csv` alone",
        "1.5",
    ),
];

/// What `bench/peers` of the Python package measures, and [`Record::printed`](crate::record::Record::printed) keeps.
pub(crate) const PEERS: &[Row] = &[
    row(
        "P1",
        "from Python: balance of an account now, from its file",
        "SQLite, a column of what remains",
        "-",
    ),
    row(
        "P2",
        "from Python: balance of an account at a past instant",
        "SQLite, a replay of its rows in Python",
        "-",
    ),
    row(
        "P3",
        "from Python: month-end statement of all accounts of a trace",
        "the same",
        "-",
    ),
    row(
        "P4",
        "from Python: correction of usage a year back, on the disk, and the balance now",
        "the same, and the column written again",
        "-",
    ),
    row(
        "P5",
        "from Python: posting of usage, on the disk when it returns",
        "SQLite, a transaction for each",
        "-",
    ),
    row(
        "P6",
        "from Python: import of a file, to a balance of every account",
        "SQLite, one transaction",
        "-",
    ),
    row(
        "P7",
        "from Python: bytes a record, on the disk and in memory",
        "SQLite; a frame of pandas",
        "-",
    ),
];

/// All rows, in the order of the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(PEERS)
}

/// The ids of the rows that this program measures.
pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.id)
}
