//! What others have written, such as names and ids, made fit to be shown.
//!
//! A name may hold anything: sequences that steer a terminal, characters that turn the direction of the
//! text, line ends, formulas. [`printable`] is what messages, tables and plots show of it; [`Screen`]
//! keeps whole files that are written to a terminal printable; [`cell`] is for spreadsheets.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
pub(crate) use gpu_credit_plot::printable;

/// A line without its middle, if it is long: what it is about stands at its beginning, and what is wrong
/// at its end.
pub(crate) fn shortened(line: &str) -> Cow<'_, str> {
    const PART: usize = 1_000;
    let place = |(place, _)| place;
    let start = line.char_indices().nth(PART).map(place);
    let end = line.char_indices().nth_back(PART).map(place);
    match (start, end) {
        (Some(start), Some(end)) if start < end => {
            Cow::Owned(format!("{} ... {}", &line[..start], &line[end..]))
        }
        _ => Cow::Borrowed(line),
    }
}

/// Of the options that say how answers are written.
pub(crate) const OUTPUT_HEADING: &str = "Output (see gpu-credit help output)";

#[derive(Args)]
pub(crate) struct EscapeArguments {
    /// Whether names in CSV are made safe for terminals and spreadsheets: auto, always or never
    #[arg(
        long,
        value_enum,
        default_value_t = Escape::Auto,
        help_heading = OUTPUT_HEADING,
        hide_possible_values = true
    )]
    escape: Escape,
}

#[derive(Clone, Copy, ValueEnum)]
enum Escape {
    /// If standard output is a terminal
    Auto,
    /// For spreadsheets
    Always,
    /// For programs: every name exactly as it is, on a terminal too
    Never,
}

impl EscapeArguments {
    /// Whether cells go to standard output escaped.
    pub(crate) fn is_on(&self) -> bool {
        match self.escape {
            Escape::Auto => io::stdout().is_terminal(),
            Escape::Always => true,
            Escape::Never => false,
        }
    }
}

/// The text as a cell that no spreadsheet takes for a formula.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    /// The last four are what spreadsheets of East Asia take for the first.
    const FORMULA: [char; 11] = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    let is_formula = text.starts_with(FORMULA) && text.parse::<i128>().is_err();
    match (is_formula, printable(text)) {
        (true, text) => Cow::Owned(format!("'{text}")),
        (false, text) => text,
    }
}

/// How a text is escaped that goes to a terminal as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// As [`printable`] does, but for line ends.
    Text,
    /// As JSON does: it stays the same JSON.
    Json,
}

/// An output; if it is a terminal, behind a [`Screen`].
pub(crate) fn onto<'w>(
    output: impl Write + IsTerminal + 'w,
    escapes: Escapes,
) -> Box<dyn Write + 'w> {
    match output.is_terminal() {
        true => Box::new(Screen::new(output, escapes)),
        false => Box::new(output),
    }
}

/// Passes lines of text on, with everything escaped that is not seen as itself.
pub(crate) struct Screen<W: Write> {
    output: W,
    escapes: Escapes,
    /// A line of which the end is still to come.
    line: Vec<u8>,
}

impl<W: Write> Screen<W> {
    fn new(output: W, escapes: Escapes) -> Self {
        Self {
            output,
            escapes,
            line: Vec::new(),
        }
    }

    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let (line, end) = match line.strip_suffix(b"\n") {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let line = String::from_utf8_lossy(line);
        let shown = match self.escapes {
            Escapes::Text => printable(&line),
            Escapes::Json => in_json(&line),
        };
        self.output.write_all(shown.as_bytes())?;
        self.output.write_all(end.as_bytes())
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.write_line(&line)?;
            }
        }
        Ok(bytes.len())
    }

    /// Writes the last line too, if it has no end.
    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.write_line(&line)?;
        self.output.flush()
    }
}

/// Anything unprintable stands inside a string of JSON, which has escapes for it.
fn in_json(line: &str) -> Cow<'_, str> {
    if matches!(printable(line), Cow::Borrowed(_)) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::new();
    for character in line.chars() {
        let mut bytes = [0; 4];
        let text = &*character.encode_utf8(&mut bytes);
        if printable(text) == text {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_as_itself_is_escaped() {
        for (text, shown) in [
            ("month\n of \"é\".csv", "month\\n of \"é\".csv"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\\'日本👍\"", "\\'日本👍\""),
            ("e\u{301}\0\u{9b}", "e\u{301}\\0\\u{9b}"),
            ("\u{2028}\u{feff}\u{a0}", "\\u{2028}\\u{feff}\\u{a0}"),
            ("", ""),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn a_long_line_keeps_its_ends() {
        assert_eq!(shortened("short"), "short");
        let line = format!("begin{}end", "é".repeat(5_000));
        let short = shortened(&line);
        assert!(short.starts_with("beginé") && short.ends_with("éend"));
        assert_eq!(short.chars().count(), 2_006);
        let limit = "é".repeat(2_000);
        assert_eq!(shortened(&limit), limit);
    }

    #[test]
    fn formulas_become_texts_and_numbers_stay_numbers() {
        for (text, shown) in [
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("\t=1", "'\\t=1"),
            ("＝1", "'＝1"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("+5", "+5"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(cell(text), shown);
        }
    }

    #[test]
    fn a_screen_shows_lines_however_they_are_cut() {
        let text = "{\"id\":\"é\u{9b}\u{e0001}\u{202e}\"}\nlast \u{1b}";
        for size in 1..8 {
            let mut shown = Vec::new();
            let mut screen = Screen::new(&mut shown, Escapes::Json);
            for piece in text.as_bytes().chunks(size) {
                screen.write_all(piece).unwrap();
            }
            screen.flush().unwrap();
            let shown = String::from_utf8(shown).unwrap();
            let expected = "{\"id\":\"é\\u009b\\udb40\\udc01\\u202e\"}\nlast \\u001b";
            assert_eq!(shown, expected);
        }
        let mut shown = Vec::new();
        let mut screen = Screen::new(&mut shown, Escapes::Text);
        screen.write_all(b"a\x1b\r\n\xffb\n").unwrap();
        assert_eq!(shown, "a\\u{1b}\\r\n\u{fffd}b\n".as_bytes());
    }
}
