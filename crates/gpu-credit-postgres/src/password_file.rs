//! The file of passwords, as `libpq` has it: `host:port:database:user:password`, a line each.

use std::path::PathBuf;
use std::{env, fs};

use crate::address::Address;

/// What a password is for.
pub(crate) struct For<'f> {
    pub(crate) host: &'f str,
    pub(crate) port: u16,
    pub(crate) database: &'f str,
    pub(crate) user: &'f str,
}

/// The password of the first line that fits; `None` if there is none, or no file, or others may read it.
pub(crate) fn password(address: &Address, wanted: &For<'_>) -> Option<String> {
    let path = path(address)?;
    if !is_private(&path) {
        return None;
    }
    find(&fs::read_to_string(path).ok()?, wanted)
}

/// The file that the address names, or `PGPASSFILE`, or else `.pgpass` at home.
fn path(address: &Address) -> Option<PathBuf> {
    let named = address.password_file.as_ref().map(PathBuf::from);
    let said = || env::var_os("PGPASSFILE").map(PathBuf::from);
    let at_home = || Some(env::home_dir()?.join(".pgpass"));
    named.or_else(said).or_else(at_home)
}

#[cfg(unix)]
fn is_private(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(path: &std::path::Path) -> bool {
    path.exists()
}

fn find(text: &str, wanted: &For<'_>) -> Option<String> {
    let port = wanted.port.to_string();
    let columns = [wanted.host, &port, wanted.database, wanted.user];
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.find_map(|line| {
        let mut rest = line;
        for column in columns {
            let (found, after) = column_of(rest)?;
            // A star that is written out is a star.
            if found != column && !rest.starts_with("*:") {
                return None;
            }
            rest = after;
        }
        Some(unescaped(rest))
    })
}

/// The text up to the next colon, and what follows.
fn column_of(line: &str) -> Option<(String, &str)> {
    let mut is_escaped = false;
    let end = line.find(|character| {
        let is_end = character == ':' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    })?;
    Some((unescaped(&line[..end]), &line[end + 1..]))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let file = "# a comment\n\
            other:5432:credit:me:one\n\
            db:5433:*:me:two\n\
            db:*:cre\\:dit:me:th\\:r\\\\ee\n\
            not a line\n\
            *:*:*:you:four:five\n";
        for (host, port, database, user, expected) in [
            ("other", 5432, "credit", "me", Some("one")),
            ("db", 5433, "credit", "me", Some("two")),
            ("db", 5432, "cre:dit", "me", Some("th:r\\ee")),
            ("db", 5432, "credit", "me", None),
            ("*", 1, "any", "you", Some("four:five")),
            ("any", 1, "any", "they", None),
        ] {
            let wanted = For {
                host,
                port,
                database,
                user,
            };
            let found = find(file, &wanted);
            assert_eq!(
                found.as_deref(),
                expected,
                "{host} {port} {database} {user}"
            );
        }
    }
}
