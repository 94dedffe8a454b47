//! Names and ids that are given on the command line.

/// Reads the name of an account that is opened, or an id that is posted. One that begins or ends with a
/// space would be another than the same without it, and look like it. Other spaces are shown escaped.
pub(crate) fn new_name(typed: &str) -> Result<String, String> {
    match typed.starts_with(' ') || typed.ends_with(' ') {
        true => Err("it begins or ends with a space, expected a name without".to_owned()),
        false => Ok(typed.to_owned()),
    }
}
