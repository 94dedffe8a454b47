//! What others have written, such as names and ids, made fit to be shown on one line.

use std::borrow::Cow;

/// The text on one line, with everything escaped that is not seen as itself: control characters, marks
/// that turn the direction of the text, spaces but the usual one, what Unicode has not assigned. O(its length)
///
/// ```
/// use gpu_credit_plot::printable;
///
/// assert_eq!(printable("march \"26\""), "march \"26\"");
/// assert_eq!(printable("a\nb\u{202e}c"), "a\\nb\\u{202e}c");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut line = String::new();
    // Quotes and backslashes, which `escape_debug` would escape too, are harmless.
    for piece in text.split_inclusive(['"', '\'', '\\']) {
        let harmless = piece.trim_end_matches(['"', '\'', '\\']).len();
        line.extend(piece[..harmless].escape_debug());
        line.push_str(&piece[harmless..]);
    }
    Cow::Owned(line)
}
