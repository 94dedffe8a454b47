//! The file of tokens: read whole, and replaced whole.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Token;

/// The only format so far.
const FORMAT: u32 = 1;
/// A longer file is none of tokens.
const BYTES_MAX: u64 = 16 << 20;

/// The file in which tokens are kept: their ids, digests, scopes, ends and notes as JSON, and no text of any.
///
/// ```
/// use gpu_credit_server::access::{Token, TokenFile};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tokens.json");
/// let file = TokenFile::new(path);
/// let (token, text) = Token::make(vec!["read=team/".parse()?], None, "dashboard".into())?;
/// file.change(|tokens| tokens.push(token))?;
/// assert_eq!(file.read()?[0].note, "dashboard");
/// assert!(text.reveal().starts_with("gct_"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// What is in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: u32,
    tokens: Vec<Token>,
}

/// Why a file of tokens cannot be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// There is none.
    #[error("{}: there is no such file", .0.display())]
    NotFound(PathBuf),
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no file of tokens.
    #[error("{}: {problem}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl TokenFile {
    /// The file at this path, whether there is one or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        TokenFile { path: path.into() }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tokens in it.
    ///
    /// # Errors
    /// If there is none, if it cannot be read, and if it is not as this version writes it.
    pub fn read(&self) -> Result<Vec<Token>, TokenFileError> {
        let bytes = File::open(&self.path).and_then(|file| {
            let length = file.metadata()?.len();
            match length <= BYTES_MAX {
                true => fs::read(&self.path),
                false => Err(io::Error::other(format!(
                    "it has {length} bytes, expected at most {BYTES_MAX}"
                ))),
            }
        });
        let bytes = bytes.map_err(|error| self.failed(error))?;
        self.parse(&bytes)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Vec<Token>, TokenFileError> {
        let wrong = |problem| TokenFileError::Contents {
            path: self.path.clone(),
            problem,
        };
        let contents: Contents =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if contents.format != FORMAT {
            return Err(wrong(format!(
                "found format {}, expected {FORMAT}",
                contents.format
            )));
        }
        let mut ids = HashSet::new();
        let twice = contents.tokens.iter().find(|token| !ids.insert(&token.id));
        if let Some(token) = twice {
            return Err(wrong(format!("two tokens have the id {:?}", token.id)));
        }
        Ok(contents.tokens)
    }

    /// Changes the tokens: the file is replaced as a whole, durably, and only its owner may read it. If there is
    /// none, it is made. Of several who change it at once, each finds what the others have done.
    ///
    /// # Errors
    /// As [`read`](Self::read); the file is then as it was.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> T,
    ) -> Result<T, TokenFileError> {
        let _locked = self.lock().map_err(|error| self.failed(error))?;
        let mut tokens = match self.read() {
            Err(TokenFileError::NotFound(_)) => Vec::new(),
            tokens => tokens?,
        };
        let changed = change(&mut tokens);
        self.replace(tokens).map_err(|error| self.failed(error))?;
        Ok(changed)
    }

    fn replace(&self, tokens: Vec<Token>) -> io::Result<()> {
        let contents = Contents {
            format: FORMAT,
            tokens,
        };
        let mut bytes = serde_json::to_vec_pretty(&contents)?;
        bytes.push(b'\n');
        // A temporary file is its owner's alone: mode 0600.
        let place = self.place()?;
        let mut file = tempfile::NamedTempFile::new_in(folder_of(&place))?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(&place)?;
        sync(folder_of(&place))
    }

    /// The path that a link leads to, or the path itself.
    fn place(&self) -> io::Result<PathBuf> {
        match fs::canonicalize(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.path.clone()),
            place => place,
        }
    }

    /// Keeps others from changing it, by the lock of its folder: the file itself is replaced.
    fn lock(&self) -> io::Result<Option<File>> {
        if !cfg!(unix) {
            return Ok(None);
        }
        let folder = File::open(folder_of(&self.place()?))?;
        folder.lock()?;
        Ok(Some(folder))
    }

    fn failed(&self, source: io::Error) -> TokenFileError {
        let path = self.path.clone();
        match source.kind() {
            ErrorKind::NotFound if folder_of(&path).is_dir() => TokenFileError::NotFound(path),
            _ => TokenFileError::Io { path, source },
        }
    }
}

/// Makes a name in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(note: &str) -> Token {
        let scopes = vec!["read=team/".parse().unwrap()];
        Token::make(scopes, None, note.into()).unwrap().0
    }

    #[test]
    fn tokens_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("tokens.json"));
        assert!(matches!(file.read(), Err(TokenFileError::NotFound(_))));
        let mut token = made("one");
        token.end = Some("2027-01-01T00:00:00Z".parse().unwrap());
        file.change(|tokens| tokens.push(token.clone())).unwrap();
        file.change(|tokens| tokens.push(made("two"))).unwrap();
        let tokens = file.read().unwrap();
        assert_eq!(tokens[0], token);
        assert_eq!(tokens[1].note, "two");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("tokens.json"));
        file.change(|tokens| tokens.push(made("one"))).unwrap();
        let mode = || fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.change(Vec::clear).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn those_who_change_it_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("tokens.json"));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for number in 0..8 {
                        let token = made(&format!("{writer}-{number}"));
                        file.change(|tokens| tokens.push(token)).unwrap();
                    }
                });
            }
        });
        assert_eq!(file.read().unwrap().len(), 32);
    }

    #[test]
    fn what_is_no_file_of_tokens_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let token = serde_json::to_string(&made("x")).unwrap();
        let wrong = [
            String::new(),
            "[]".into(),
            "{\"format\":1}".into(),
            "{\"format\":2,\"tokens\":[]}".into(),
            "{\"format\":1,\"tokens\":[],\"more\":0}".into(),
            format!("{{\"format\":1,\"tokens\":[{token},{token}]}}"),
            format!(
                "{{\"format\":1,\"tokens\":[{}]}}",
                token.replace("team/", "team*")
            ),
            format!(
                "{{\"format\":1,\"tokens\":[{}]}}",
                token.replace("\"read\"", "\"write\"")
            ),
            format!(
                "{{\"format\":1,\"tokens\":[{}]}}",
                token.replacen("sha256\":\"", "sha256\":\"0", 1)
            ),
            format!("{{\"format\":1,\"tokens\":[{token}]").to_owned(),
        ];
        for contents in wrong {
            fs::write(file.path(), &contents).unwrap();
            let changed = file.change(Vec::clear);
            assert!(
                matches!(changed, Err(TokenFileError::Contents { .. })),
                "{contents}"
            );
            assert_eq!(fs::read_to_string(file.path()).unwrap(), contents);
        }
        fs::write(
            file.path(),
            format!("{{\"format\":1,\"tokens\":[{token}]}}"),
        )
        .unwrap();
        assert_eq!(file.read().unwrap().len(), 1);
    }
}
