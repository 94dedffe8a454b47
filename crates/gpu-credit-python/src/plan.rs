//! Plans: an account as it would be if a few records had been posted, or corrected.

use gpu_credit::{Change, Error, MeteredUsage, Record};
use gpu_credit_store::TimeUnit;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::account::Account;
use crate::error::refused;
use crate::instant::{Instant, Length};
use crate::integer::{Amount, Job, Number, Priority, Usage, grant_id};
use crate::progress::Progress;
use crate::{records, words};

#[pymethods]
impl Account {
    /// This account as it would be if records were posted, as extend takes them, and others corrected:
    /// a GPUCredit that answers every question. Nothing is posted to this one, and nobody who asks it
    /// sees a plan; what is posted to it later, its plans see.
    ///
    /// retract has identities of usage, metered or not; change_usage has the new amount for a UsageId;
    /// change_metered has a MeteredUsage for a MeteredId. Of grants, by their numbers, retract_grants takes
    /// some back, revoke_grants has the instant from which each is revoked, change_expirations the new
    /// expiration, or None, and change_priorities the priority. Corrections are made first.
    ///
    /// Each question costs what posting and taking back the changes costs, beside what it costs itself. A
    /// plan cannot be posted to, copied or pickled, which is a TypeError: what_if of a plan adds to it. Raises
    /// what the calls of these names would raise; so does a question, if the account has changed since.
    ///
    /// >>> from gpu_credit import MeteredUsage
    /// >>> account = GPUCredit()
    /// >>> march = account.post_grant("march", amount=100, timestamp=0, expiration=30)
    /// >>> job = MeteredUsage(rate=8, start=10, until=50)
    /// >>> account.what_if([job]).first_uncovered()
    /// 22
    /// >>> plan = account.what_if([job, ("april", 250, 20, 40)], change_expirations={march: 60})
    /// >>> plan.first_uncovered(), plan.get_balance(50)
    /// (None, 30)
    /// >>> account.get_balance(30)
    /// 100
    #[pyo3(signature = (records = None, *, retract = None, change_usage = None, change_metered = None, retract_grants = None, revoke_grants = None, change_expirations = None, change_priorities = None),
           text_signature = "($self, records=(), *, retract=(), change_usage={}, change_metered={}, retract_grants=(), revoke_grants={}, change_expirations={}, change_priorities={})")]
    #[allow(clippy::too_many_arguments)] // It is called by their names.
    fn what_if<'py>(
        &self,
        py: Python<'py>,
        records: Option<Bound<'py, PyAny>>,
        retract: Option<Bound<'py, PyAny>>,
        change_usage: Option<Bound<'py, PyDict>>,
        change_metered: Option<Bound<'py, PyDict>>,
        retract_grants: Option<Bound<'py, PyAny>>,
        revoke_grants: Option<Bound<'py, PyDict>>,
        change_expirations: Option<Bound<'py, PyDict>>,
        change_priorities: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Account> {
        let mut changes = Vec::new();
        if let Some(retract) = retract {
            for usage in retract.try_iter()? {
                changes.push(retraction(&usage?)?);
            }
        }
        for (usage, amount) in pairs::<Usage, Amount>(change_usage)? {
            let (usage, amount) = (usage.0, amount.0);
            changes.push(Change::ChangeUsage { usage, amount });
        }
        for (Job(id), usage) in pairs::<Job, Any<'_>>(change_metered)? {
            let usage = metered(&usage.0, self.0.unit())?;
            changes.push(Change::ChangeMetered { id, usage });
        }
        if let Some(retract) = retract_grants {
            for number in retract.try_iter()? {
                changes.push(Change::RetractGrant(grant_id(number?.extract()?)?));
            }
        }
        for (grant, from) in pairs::<Number, Instant>(revoke_grants)? {
            let (grant, from) = (grant_id(grant)?, self.at(from)?);
            changes.push(Change::RevokeGrant { grant, from });
        }
        for (grant, expiration) in pairs::<Number, Option<Length>>(change_expirations)? {
            let grant = grant_id(grant)?;
            let expiration = match expiration {
                Some(expiration) => self.at(expiration)?,
                None => {
                    let posted = (self.0)
                        .ask(py, |account| account.grant(grant).map(|grant| grant.start))?;
                    let start = posted.ok_or_else(|| refused(Error::NoSuchGrant(grant)))?;
                    start.abs_diff(i64::MAX)
                }
            };
            changes.push(Change::ChangeExpiration { grant, expiration });
        }
        for (grant, priority) in pairs::<Number, Priority>(change_priorities)? {
            let (grant, priority) = (grant_id(grant)?, priority.0);
            changes.push(Change::ChangePriority { grant, priority });
        }
        if let Some(posted) = records {
            let posted = records::of_tuples(&posted, self.0.unit(), &Progress::none())?;
            changes.extend(posted.into_iter().map(Change::from));
        }
        let plan = Account(self.0.planned(py, changes));
        // If it is refused now, that is said now.
        plan.0.ask(py, |_| ())?;
        Ok(plan)
    }
}

/// Metered usage as a `MeteredUsage` of the package, or another named tuple of these names.
fn metered(object: &Bound<'_, PyAny>, unit: Option<TimeUnit>) -> PyResult<MeteredUsage> {
    match records::of_tuple(object, unit)? {
        Record::Metered(usage) => Ok(usage),
        _ => Err(PyTypeError::new_err(format!(
            "metered usage is changed to a MeteredUsage, not to {}",
            object.repr()?
        ))),
    }
}

/// Any object.
struct Any<'py>(Bound<'py, PyAny>);

impl<'py> FromPyObject<'_, 'py> for Any<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Any(object.to_owned()))
    }
}

fn retraction(usage: &Bound<'_, PyAny>) -> PyResult<Change> {
    if usage.is_instance(words::metered_id_class(usage.py())?)? {
        return usage.extract().map(|Job(id)| Change::RetractMetered(id));
    }
    usage
        .extract()
        .map(|Usage(usage)| Change::RetractUsage(usage))
}

/// What is in a dictionary. To read a number may run Python code that changes the dictionary.
fn pairs<'py, K, V>(dictionary: Option<Bound<'py, PyDict>>) -> PyResult<Vec<(K, V)>>
where
    K: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    V: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    let Some(dictionary) = dictionary else {
        return Ok(Vec::new());
    };
    let items = dictionary.items();
    let pair =
        |item: Bound<'py, PyAny>| Ok((item.get_item(0)?.extract()?, item.get_item(1)?.extract()?));
    items.iter().map(pair).collect()
}
