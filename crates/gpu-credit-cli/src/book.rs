//! Many accounts by name.

use std::collections::HashMap;

/// Accounts by name, opened when they are first posted to.
pub(crate) struct Book<A> {
    places: HashMap<Box<str>, usize>,
    accounts: Vec<A>,
}

impl<A> Book<A> {
    pub(crate) fn new() -> Self {
        Self {
            places: HashMap::new(),
            accounts: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut A> {
        let place = *self.places.get(name)?;
        Some(&mut self.accounts[place])
    }

    pub(crate) fn get_or_open(&mut self, name: &str, open: impl FnOnce() -> A) -> &mut A {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                self.accounts.push(open());
                let place = self.accounts.len() - 1;
                self.places.insert(name.into(), place);
                place
            }
        };
        &mut self.accounts[place]
    }
}
