//! A store behind a service: `--server URL`.
//!
//! What is asked is answered here: the journals of the accounts that a command is about are fetched into a store in
//! memory, and the command asks that, as it asks a file. What is posted is decided by the service, one request a
//! command. If the service refuses it, the same is tried on the store in memory: so the words are those of a file.
//!
//! [`address`] is what the program is told of the service, [`connection`] how requests are sent, and sent again, and
//! [`failure`] what becomes of them otherwise. [`mirror`] fetches journals, [`postings`] and [`holds`] post, and [`asking`] asks what
//! one request answers.

#[cfg(feature = "client")]
mod address;
mod asking;
#[cfg(feature = "client")]
mod connection;
#[cfg(not(feature = "client"))]
#[path = "no_connection.rs"]
mod connection;
mod failure;
mod holds;
mod mirror;
mod postings;

use anyhow::{Context, ensure};
use gpu_credit_store::{Error, RecordId, TimeUnit};
use serde_json::Value;

#[cfg(feature = "client")]
pub(crate) use address::ServerArguments;
pub(crate) use asking::AskedBalance;
use connection::Connection;
pub(crate) use failure::Failure;

use super::{OpenStore, Store};
use crate::time::TimeArguments;

/// A service that has the store.
pub(crate) struct Remote {
    connection: Connection,
    /// The unit of the store's times.
    unit: Option<TimeUnit>,
}

impl Remote {
    /// Asks a service for the unit of its store.
    fn open(connection: Connection) -> anyhow::Result<Self> {
        let answer = connection.get("/v1/time-unit");
        let answer = answer.map_err(|failure| failure.told(connection.name()))?;
        let unit = match answer["time_unit"].as_str() {
            None => None,
            Some(unit) => Some(unit.parse().ok().with_context(|| {
                format!(
                    "{}: its unit of time, {unit:?}, is not known to this version",
                    connection.name()
                )
            })?),
        };
        Ok(Remote { connection, unit })
    }

    /// The service, for messages.
    pub(crate) fn name(&self) -> &str {
        self.connection.name()
    }

    /// The unit of the store's times.
    pub(crate) fn unit(&self) -> Option<TimeUnit> {
        self.unit
    }

    /// Refuses a unit that would be the store's first.
    pub(crate) fn ensure_is_not_first(&self, is_first: bool) -> anyhow::Result<()> {
        ensure!(
            !is_first,
            "{}: the store has no unit of time, and takes none from afar: `gpu-credit serve --unit` gives it one",
            self.name()
        );
        Ok(())
    }

    /// The store that it has: nothing of it is here yet.
    pub(crate) fn opened(self) -> anyhow::Result<OpenStore> {
        let store = self.empty().map_err(|failure| failure.told(self.name()))?;
        Ok(OpenStore {
            name: self.name().to_owned(),
            file: None,
            store: store.into(),
            remote: Some(self),
        })
    }
}

impl OpenStore {
    /// Makes the accounts of these names, all if there are none, what they are now; those that are not there are left
    /// out. A store that is here has them. O(entries of these accounts)
    pub(crate) fn fetch<N: AsRef<str>>(&self, names: &[N]) -> anyhow::Result<()> {
        if let Some(remote) = &self.remote {
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let mirror = remote
                .mirror(&names)
                .map_err(|failure| failure.told(&self.name))?;
            self.store.replace(mirror);
        }
        Ok(())
    }

    /// Does something that writes to these accounts: here, or there by one request. What the service refuses is tried
    /// here on what the accounts are there: if that is refused with the same words, it is the store's own error. If
    /// there is an id, it is what makes sure that it is done once.
    pub(crate) fn write<T>(
        &self,
        (names, id): (&[&str], Option<&RecordId>),
        here: impl FnOnce(&Store) -> Result<T, Error>,
        there: impl FnOnce(&Remote) -> Result<T, Failure>,
    ) -> anyhow::Result<Result<T, Error>> {
        let Some(remote) = &self.remote else {
            return Ok(here(&self.store()));
        };
        let failure = match there(remote) {
            Ok(done) => return Ok(Ok(done)),
            Err(failure) => failure,
        };
        if failure.may_be_of_store()
            && self.fetch(names).is_ok()
            && let Err(error) = here(&self.store())
            && failure.says(&error)
        {
            return Ok(Err(error));
        }
        Err(failure.told_with(&self.name, id))
    }

    /// Learns the unit of the store's times; one that has none keeps the one that was said, if it is here.
    pub(crate) fn learn_unit(&self, times: &TimeArguments) -> anyhow::Result<()> {
        if let Some(remote) = &self.remote {
            remote.ensure_is_not_first(self.ask(|store| times.is_first(store))?)?;
        }
        self.ask(|store| times.learn(store))
    }
}

/// A member that is an integer.
fn integer<T: TryFrom<i128>>(answer: &Value, member: &str) -> Option<T> {
    let member = &answer[member];
    let integer = match (member.as_u64(), member.as_i64()) {
        (Some(integer), _) => i128::from(integer),
        (None, Some(integer)) => integer.into(),
        (None, None) => return None,
    };
    integer.try_into().ok()
}

/// The path of a resource of an account.
fn path(account: &str, resource: &str) -> String {
    format!("/v1/accounts/{}{resource}", encoded(account))
}

/// A text as one part of an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            true => encoded.push(byte.into()),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_stand_in_an_address() {
        assert_eq!(encoded("team/a b-1_é"), "team%2Fa%20b-1_%C3%A9");
        assert_eq!(path("..", "/export"), "/v1/accounts/%2E%2E/export");
    }

    #[test]
    fn integers_are_of_64_bits() {
        let answer = serde_json::json!({"a": u64::MAX, "b": i64::MIN, "c": 1.5, "d": null});
        assert_eq!(integer(&answer, "a"), Some(u64::MAX));
        assert_eq!(integer::<i64>(&answer, "a"), None);
        assert_eq!(integer(&answer, "b"), Some(i64::MIN));
        assert_eq!(integer::<u64>(&answer, "c"), None);
        assert_eq!(integer::<u64>(&answer, "d"), None);
    }
}
