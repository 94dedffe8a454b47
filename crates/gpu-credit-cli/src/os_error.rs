//! What the system reports, in words.

use std::io::{self, ErrorKind};

/// An error without what the system and libraries add behind their words: its number, and the name of a
/// temporary file.
pub(crate) fn words(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::NotFound, Some(_)) => "there is no such file".to_owned(),
        (ErrorKind::IsADirectory, Some(_)) => "it is a directory: name a file in it".to_owned(),
        (ErrorKind::StorageFull, Some(_)) => "there is no room left on the device".to_owned(),
        _ => {
            let said = error.to_string();
            let words = said.split_once(" (os error ");
            words.map_or(said.as_str(), |(words, _)| words).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_is_told_without_its_number() {
        for number in 1..130 {
            let error = io::Error::from_raw_os_error(number);
            assert!(!words(&error).contains("os error"), "{}", words(&error));
        }
        let named = io::Error::other("Permission denied (os error 13) at path \"/tmp/.x7f\"");
        assert_eq!(words(&named), "Permission denied");
        let other = io::Error::other("too long");
        assert_eq!(words(&other), "too long");
    }
}
