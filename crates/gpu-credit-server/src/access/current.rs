//! The tokens that are accepted now: those of the file as it is, or as it last was good.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::token::{id_in, now};
use super::{Token, TokenFile, TokenFileError};
use crate::file_stamp::FileStamp;

/// How often the file is looked at although no request asks for it, so that streams end.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The tokens of a file that may be replaced at any time. Each request looks whether it was, which takes about a
/// microsecond: so a token that is revoked is refused from then on.
#[derive(Debug)]
pub struct CurrentTokens {
    /// None if they never change.
    file: Option<TokenFile>,
    seen: Mutex<FileStamp>,
    tokens: watch::Sender<Arc<ById>>,
}

type ById = HashMap<String, Arc<Token>>;

/// A token that was accepted, for as long as it is.
#[derive(Clone, Debug)]
pub struct Accepted {
    token: Arc<Token>,
    tokens: watch::Receiver<Arc<ById>>,
}

impl CurrentTokens {
    /// The tokens of a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(file: TokenFile) -> Result<Arc<Self>, TokenFileError> {
        let seen = FileStamp::of(file.path());
        let tokens = file.read()?;
        Ok(Self::of(Some(file), seen, tokens))
    }

    /// These tokens, for good: for tests, and for a service whose tokens are kept elsewhere.
    pub fn fixed(tokens: Vec<Token>) -> Arc<Self> {
        Self::of(None, FileStamp::default(), tokens)
    }

    fn of(file: Option<TokenFile>, seen: FileStamp, tokens: Vec<Token>) -> Arc<Self> {
        Arc::new(CurrentTokens {
            file,
            seen: Mutex::new(seen),
            tokens: watch::Sender::new(Arc::new(by_id(tokens))),
        })
    }

    /// The token of this text, if there is one and it is not over.
    pub fn accept(&self, text: &str) -> Option<Accepted> {
        self.refresh();
        let tokens = self.tokens.subscribe();
        let token = tokens.borrow().get(id_in(text)?).map(Arc::clone)?;
        let is_accepted = token.has_text(text) && !token.has_ended(now());
        is_accepted.then_some(Accepted { token, tokens })
    }

    /// Whether a token that was accepted is so still, by the file as it is now.
    pub fn still_accept(&self, accepted: &Accepted) -> bool {
        self.refresh();
        accepted.is_accepted()
    }

    /// Reads the file again if it has changed. One that cannot be read changes nothing, and is logged.
    fn refresh(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let mut seen = self.seen.lock();
        if !seen.may_have_changed(file.path()) {
            return;
        }
        let before = *seen;
        *seen = FileStamp::of(file.path());
        match file.read() {
            Ok(tokens) => {
                let tokens = by_id(tokens);
                self.tokens.send_if_modified(|known| {
                    let is_other = **known != tokens;
                    if is_other {
                        tracing::info!(tokens = tokens.len(), "the file of tokens was read again");
                        *known = Arc::new(tokens);
                    }
                    is_other
                });
            }
            Err(error) if !seen.is_like(&before) => {
                tracing::error!(%error, "the file of tokens cannot be read: the tokens stay as they were");
            }
            Err(_) => {}
        }
    }

    /// Looks at the file again and again, until all who use the tokens are gone.
    pub async fn watch(self: Arc<Self>) {
        let tokens = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            let Some(tokens) = tokens.upgrade() else {
                return;
            };
            tokens.refresh();
        }
    }
}

impl Accepted {
    /// The token, as it was accepted.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether it is in the file as it was, and is not over.
    pub fn is_accepted(&self) -> bool {
        let tokens = self.tokens.borrow();
        let same = tokens.get(&self.token.id);
        same.is_some_and(|same| *same == self.token) && !self.token.has_ended(now())
    }

    /// Returns once it is no longer accepted: it was revoked, it has other scopes, or its end is there.
    pub async fn ended(&mut self) {
        while self.is_accepted() {
            let remaining = self
                .token
                .end
                .map(|end| end.duration_since(now()).unsigned_abs());
            let changed = self.tokens.changed();
            match remaining {
                // Not for longer than a day: the clock may be set meanwhile.
                Some(remaining) => {
                    let remaining = remaining.min(A_DAY);
                    let _ = tokio::time::timeout(remaining, changed).await;
                }
                None if changed.await.is_err() => std::future::pending().await,
                None => {}
            }
        }
    }
}

fn by_id(tokens: Vec<Token>) -> ById {
    let tokens = tokens.into_iter();
    tokens
        .map(|token| (token.id.clone(), Arc::new(token)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::access::{Scope, TokenText};

    struct Kept {
        _folder: tempfile::TempDir,
        file: TokenFile,
        text: TokenText,
        tokens: Arc<CurrentTokens>,
    }

    fn made() -> (Token, TokenText) {
        Token::make(vec![Scope::everything()], None, String::new()).unwrap()
    }

    fn kept() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let (token, text) = made();
        file.change(|tokens| tokens.push(token)).unwrap();
        Kept {
            tokens: CurrentTokens::open(file.clone()).unwrap(),
            _folder: folder,
            file,
            text,
        }
    }

    #[test]
    fn what_is_in_the_file_now_is_accepted() {
        let kept = kept();
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
        for round in 0..50 {
            let (token, text) = made();
            assert!(kept.tokens.accept(text.reveal()).is_none());
            let id = token.id.clone();
            kept.file.change(|tokens| tokens.push(token)).unwrap();
            assert!(kept.tokens.accept(text.reveal()).is_some(), "round {round}");
            kept.file
                .change(|tokens| tokens.retain(|token| token.id != id))
                .unwrap();
            assert!(kept.tokens.accept(text.reveal()).is_none(), "round {round}");
        }
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
    }

    #[test]
    fn a_bad_file_leaves_the_tokens_as_they_were() {
        let kept = kept();
        let good = fs::read(kept.file.path()).unwrap();
        fs::write(kept.file.path(), &good[..good.len() / 2]).unwrap();
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
        fs::remove_file(kept.file.path()).unwrap();
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
        // In place, as an editor does.
        fs::write(kept.file.path(), "{\"format\":1,\"tokens\":[]}").unwrap();
        assert!(kept.tokens.accept(kept.text.reveal()).is_none());
        fs::write(kept.file.path(), &good).unwrap();
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
    }

    #[test]
    fn a_token_that_is_over_is_refused() {
        let kept = kept();
        let end = |end: &str| {
            let end = Some(end.parse().unwrap());
            kept.file.change(|tokens| tokens[0].end = end).unwrap();
        };
        end("2000-01-01T00:00:00Z");
        assert!(kept.tokens.accept(kept.text.reveal()).is_none());
        end("9000-01-01T00:00:00Z");
        assert!(kept.tokens.accept(kept.text.reveal()).is_some());
    }

    #[tokio::test]
    async fn a_stream_learns_that_its_token_is_revoked_or_over() {
        let kept = kept();
        tokio::spawn(Arc::clone(&kept.tokens).watch());
        let mut accepted = kept.tokens.accept(kept.text.reveal()).unwrap();
        let ended = tokio::spawn(async move { accepted.ended().await });
        // Another token does not end it.
        kept.file.change(|tokens| tokens.push(made().0)).unwrap();
        tokio::time::sleep(LOOKED_AT_EVERY * 2).await;
        assert!(!ended.is_finished());
        kept.file.change(Vec::clear).unwrap();
        tokio::time::timeout(Duration::from_secs(5), ended)
            .await
            .unwrap()
            .unwrap();

        let (mut token, text) = made();
        token.end = Some(now() + Duration::from_millis(700));
        kept.file.change(|tokens| tokens.push(token)).unwrap();
        let mut accepted = kept.tokens.accept(text.reveal()).unwrap();
        let ended = tokio::spawn(async move { accepted.ended().await });
        tokio::time::timeout(Duration::from_secs(5), ended)
            .await
            .unwrap()
            .unwrap();
    }
}
