//! The streams that each token has open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many streams each token has open, by its id.
#[derive(Clone, Default)]
pub(super) struct Streams {
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// One of them, until it is dropped.
pub(super) struct OpenStream {
    token: String,
    streams: Streams,
}

impl Streams {
    /// One more, if the token has fewer than so many.
    pub(super) fn open(&self, token: &str, most: usize) -> Option<OpenStream> {
        let mut open = self.open.lock();
        let count = open.get(token).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        open.insert(token.to_owned(), count + 1);
        Some(OpenStream {
            token: token.to_owned(),
            streams: self.clone(),
        })
    }

    /// How many are open altogether.
    pub(super) fn count(&self) -> usize {
        self.open.lock().values().sum()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        if let Some(count) = open.get_mut(&self.token) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_closed_makes_room() {
        let streams = Streams::default();
        let first = streams.open("a", 2).unwrap();
        let _second = streams.open("a", 2).unwrap();
        assert!(streams.open("a", 2).is_none());
        let _other = streams.open("b", 2).unwrap();
        drop(first);
        assert_eq!(streams.count(), 2);
        assert!(streams.open("a", 2).is_some());
        assert_eq!(streams.count(), 2);
    }
}
