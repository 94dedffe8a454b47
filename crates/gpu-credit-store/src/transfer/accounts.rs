//! The accounts of a file, numbered in the order in which they come.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::ImportError;

/// The place of an account among those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct AccountIndex(pub(super) u32);

impl AccountIndex {
    pub(super) fn get(self) -> usize {
        self.0 as usize
    }
}

/// Bytes of one account: its name, twice its head, its places in tables.
const ACCOUNT_BYTES: usize = 400;

/// The accounts so far.
#[derive(Default)]
pub(super) struct Accounts {
    names: Vec<Arc<str>>,
    indexes: HashMap<Arc<str>, AccountIndex>,
    bytes: usize,
}

impl Accounts {
    /// The place of an account, the next one if it is new.
    pub(super) fn index(&mut self, name: &str) -> Result<AccountIndex, ImportError> {
        if let Some(index) = self.indexes.get(name) {
            return Ok(*index);
        }
        let index = u32::try_from(self.names.len());
        let index = AccountIndex(index.map_err(|_| ImportError::TooManyAccounts)?);
        let name: Arc<str> = name.into();
        self.bytes += name.len() + ACCOUNT_BYTES;
        self.names.push(Arc::clone(&name));
        self.indexes.insert(name, index);
        Ok(index)
    }

    pub(super) fn name(&self, index: AccountIndex) -> &str {
        &self.names[index.get()]
    }

    /// Bytes that they take once all is known of them that an import has to know.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Their names, in order.
    pub(super) fn into_names(self) -> Vec<Arc<str>> {
        self.names
    }
}
