//! The SQL keeps to what CockroachDB and YugabyteDB document, too.
//!
//! Every statement of the sources is taken apart into words. What is not in the lists below is looked up in the
//! documentation of both before it is added:
//! `cockroachlabs.com/docs/stable/sql-statements` and `docs.yugabyte.com/stable/api/ysql/the-sql-language/statements/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Statements, clauses and types.
const WORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "BEGIN",
    "BY",
    "COLLATE",
    "COMMIT",
    "CONFLICT",
    "CONSTRAINT",
    "CREATE",
    "DELETE",
    "DESC",
    "DO",
    "EXISTS",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INDEX",
    "INSERT",
    "INTO",
    "JOIN",
    "KEY",
    "LATERAL",
    "LEFT",
    "LIMIT",
    "LOCAL",
    "MATERIALIZED",
    "NOT",
    "NOTHING",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "PRIMARY",
    "RETURNING",
    "ROLLBACK",
    "SELECT",
    "SET",
    "TABLE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "VALUES",
    "WHERE",
    "WITH",
];

/// What is called.
const FUNCTIONS: &[&str] = &[
    "array_agg",
    "bool_and",
    "coalesce",
    "count",
    "length",
    "max",
    "substr",
    "unnest",
];

/// Beginnings of statements, by which a text of the sources is one.
const BEGINNINGS: &[&str] = &[
    "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "BEGIN", "COMMIT", "ROLLBACK",
    "ALTER ", "SET ", "LOCK ", "LISTEN ", "NOTIFY ", "COPY ", "DO ",
];

#[test]
fn the_statements_keep_to_what_other_databases_document() {
    let statements = statements();
    assert!(
        statements.len() >= 20,
        "they are found: {}",
        statements.len()
    );
    let mut unknown = BTreeSet::new();
    for statement in &statements {
        unknown.extend(unknown_words(statement));
    }
    assert_eq!(unknown, BTreeSet::new());
}

/// What must not be there is found.
#[test]
fn what_is_not_in_the_subset_is_found() {
    for statement in [
        "SELECT pg_advisory_xact_lock($1)",
        "LISTEN posted",
        "NOTIFY posted",
        "COPY entry FROM STDIN",
        "SELECT nextval('numbers')",
        "CREATE SEQUENCE numbers",
        "CREATE TEMP TABLE t (a int8)",
        "CREATE TRIGGER t BEFORE INSERT ON entry EXECUTE FUNCTION f()",
        "DO $$ BEGIN END $$ LANGUAGE plpgsql",
        "SELECT txid_current()",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "SELECT 1 FROM account FOR UPDATE SKIP LOCKED",
        "CREATE TABLE t (a int8) PARTITION BY HASH (a)",
        "LOCK TABLE account",
    ] {
        assert!(!unknown_words(statement).is_empty(), "{statement}");
    }
}

fn unknown_words(statement: &str) -> BTreeSet<String> {
    let is_of_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut unknown = BTreeSet::new();
    let mut rest = statement;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphabetic()) {
        let word = &rest[start..];
        let end = word.find(|character| !is_of_word(character));
        let (word, after) = word.split_at(end.unwrap_or(word.len()));
        let is_called = after.starts_with('(');
        let is_keyword = word.len() > 1 && word.chars().all(|letter| letter.is_ascii_uppercase());
        if is_keyword && !WORDS.contains(&word)
            || is_called && !FUNCTIONS.contains(&word) && !is_keyword
        {
            unknown.insert(word.to_owned());
        }
        rest = after;
    }
    unknown
}

/// All statements of the sources.
fn statements() -> Vec<String> {
    let mut statements = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let lines = text.lines().map(|line| line.split("--").next().unwrap());
            statements.push(lines.collect::<Vec<_>>().join("\n"));
            continue;
        }
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let code = code.join("\n").replace("\\\"", "");
        let texts = code.split('"').skip(1).step_by(2);
        let is_statement = |text: &&str| {
            let text = text.trim_start();
            BEGINNINGS
                .iter()
                .any(|beginning| text.starts_with(beginning))
        };
        statements.extend(texts.filter(is_statement).map(without_inserts));
    }
    statements
}

/// A text without what is put into it, in braces, which is a text of its own.
fn without_inserts(text: &str) -> String {
    let parts = text
        .split('{')
        .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    parts.collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.collect()
}
