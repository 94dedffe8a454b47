//! The address of a database: what the driver reads of it, and what it does not know.

use percent_encoding::percent_decode_str;

/// An address, with what the driver does not know taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) text: String,
    /// What is asked for by `sslmode`.
    pub(crate) encryption: Option<String>,
    /// The file that `sslrootcert` names,
    pub(crate) root_certificates: Option<String>,
    /// `sslcert`,
    pub(crate) certificate: Option<String>,
    /// `sslkey`,
    pub(crate) key: Option<String>,
    /// and `passfile`.
    pub(crate) password_file: Option<String>,
    /// What is said by `strict_reads`, which is this store's own.
    pub(crate) strict_reads: Option<String>,
}

impl Address {
    /// Of a URL, or of words such as `host=...`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once("://") {
            Some(_) => Self::of_url(text),
            None => Self::of_words(text),
        }
    }

    fn of_url(url: &str) -> Self {
        let mut address = Address::default();
        let (start, query) = url.split_once('?').unwrap_or((url, ""));
        let options = query.split('&').filter(|option| !option.is_empty());
        let kept: Vec<&str> = options
            .filter(|option| match option.split_once('=') {
                Some((name, value)) => !address.take(name, || {
                    let value = percent_decode_str(value);
                    value.decode_utf8_lossy().into_owned()
                }),
                None => true,
            })
            .collect();
        address.text = match kept.is_empty() {
            true => start.to_owned(),
            false => format!("{start}?{}", kept.join("&")),
        };
        address
    }

    fn of_words(text: &str) -> Self {
        let mut address = Address::default();
        let kept: Vec<&str> = words(text)
            .filter(|word| match word.split_once('=') {
                Some((name, value)) => !address.take(name, || value.trim_matches('\'').to_owned()),
                None => true,
            })
            .collect();
        address.text = kept.join(" ");
        address
    }

    /// Whether an option is one that the driver does not know: then it is taken.
    fn take(&mut self, name: &str, value: impl FnOnce() -> String) -> bool {
        let place = match name {
            "sslmode" => &mut self.encryption,
            "sslrootcert" => &mut self.root_certificates,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            "passfile" => &mut self.password_file,
            "strict_reads" => &mut self.strict_reads,
            _ => return false,
        };
        *place = Some(value());
        true
    }
}

/// Words between spaces, of which some have spaces within quotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character: char| {
        is_quoted ^= character == '\'';
        character.is_whitespace() && !is_quoted
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out() {
        for (text, kept, mode, roots) in [
            (
                "postgres://me@db/credit",
                "postgres://me@db/credit",
                None,
                None,
            ),
            (
                "postgres://me@db/credit?sslmode=verify-full&options=-c%20a%3Db&sslrootcert=%2Fetc%2Fa%20b.pem",
                "postgres://me@db/credit?options=-c%20a%3Db",
                Some("verify-full"),
                Some("/etc/a b.pem"),
            ),
            (
                "postgres://db?sslmode=require",
                "postgres://db",
                Some("require"),
                None,
            ),
            (
                "host=db sslmode=require options='-c a=b sslmode=no' sslrootcert='/a b.pem' user=me",
                "host=db options='-c a=b sslmode=no' user=me",
                Some("require"),
                Some("/a b.pem"),
            ),
        ] {
            let address = Address::parse(text);
            assert_eq!(address.text, kept);
            assert_eq!(address.encryption.as_deref(), mode, "{text}");
            assert_eq!(address.root_certificates.as_deref(), roots, "{text}");
        }
        let text = "postgres://db?sslcert=a.pem&strict_reads=true&sslkey=b.pem&passfile=c";
        let all = Address {
            text: "postgres://db".to_owned(),
            certificate: Some("a.pem".to_owned()),
            key: Some("b.pem".to_owned()),
            password_file: Some("c".to_owned()),
            strict_reads: Some("true".to_owned()),
            ..Address::default()
        };
        assert_eq!(Address::parse(text), all);
    }
}
