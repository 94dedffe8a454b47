//! How objects show themselves: as a line, and as a small table in a notebook. No record is visited: neither the
//! cost nor the length depends on how many there are.

use std::process;

use gpu_credit::GpuCredit;
use gpu_credit_store::TimeUnit;
use pyo3::prelude::*;

use crate::account::Account;
use crate::book::Book;
use crate::keyed::KeyedAccounts;
use crate::store::DurableStore;

/// So many accounts of a book are shown by name; of more, their number is.
const ACCOUNTS_SHOWN: usize = 10;

/// So many characters of a name are shown.
const CHARACTERS_SHOWN: usize = 60;

/// What is shown of an account.
struct Summary {
    policy: String,
    granted: u64,
    grants: usize,
    used: u64,
    records: usize,
    jobs: usize,
}

impl From<&GpuCredit> for Summary {
    fn from(account: &GpuCredit) -> Self {
        Summary {
            policy: account.overdraft().to_string(),
            granted: account.granted(),
            grants: account.grant_count(),
            used: account.used(),
            records: account.usage_count(),
            jobs: account.metered_count(),
        }
    }
}

#[pymethods]
impl Account {
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let Summary {
            policy,
            granted,
            grants,
            used,
            records,
            jobs,
        } = slf.get().0.ask(slf.py(), |account| account.into())?;
        let jobs = match jobs {
            0 => String::new(),
            jobs => format!(" and {jobs} jobs"),
        };
        Ok(format!(
            "<{} policy='{policy}': {granted} granted in {grants} grants, {used} used in {records} records{jobs}>",
            slf.get_type().qualname()?
        ))
    }

    fn _repr_html_(slf: &Bound<'_, Self>) -> PyResult<String> {
        let account = &slf.get().0;
        let summary: Summary = account.ask(slf.py(), |account| account.into())?;
        let title = slf.get_type().qualname()?.to_string();
        let unit = symbol(account.unit());
        let rows = [("policy", summary.policy.clone()), ("unit", unit)];
        Ok(html(&title, rows.into_iter().chain(summary.rows())))
    }
}

impl Summary {
    fn rows(&self) -> [(&'static str, String); 5] {
        [
            ("granted", self.granted.to_string()),
            ("grants", self.grants.to_string()),
            ("used", self.used.to_string()),
            ("usage records", self.records.to_string()),
            ("jobs", self.jobs.to_string()),
        ]
    }
}

#[pymethods]
impl Book {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let count = self.accounts.with(py, |book| book.len())?;
        Ok(format!("<CreditBook: {count} accounts>"))
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let (count, shown) = self.accounts.with(py, |book| {
            let count = book.len();
            let mut shown = Vec::new();
            if count <= ACCOUNTS_SHOWN {
                let accounts = book.iter();
                shown.extend(
                    accounts.map(|(name, account)| (name.to_owned(), Summary::from(&*account))),
                );
            }
            (count, shown)
        })?;
        let rows = [
            ("accounts".to_owned(), count.to_string()),
            ("unit".to_owned(), symbol(self.unit.get())),
        ];
        let shown = shown.into_iter().map(|(name, account)| {
            let Summary {
                policy,
                granted,
                used,
                ..
            } = account;
            (name, format!("{policy}: {granted} granted, {used} used"))
        });
        Ok(html("CreditBook", rows.into_iter().chain(shown)))
    }
}

#[pymethods]
impl KeyedAccounts {
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let count = slf.get().0.with(slf.py(), |accounts| accounts.len())?;
        let class = slf.get_type().qualname()?;
        Ok(format!("<{class}: {count} credit ids>"))
    }
}

#[pymethods]
impl DurableStore {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = &self.name;
        Ok(match self.state(py)? {
            "open" => format!("<CreditStore {name}>"),
            state => format!("<CreditStore {name}, {state}>"),
        })
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let state = self.state(py)?;
        let [place, state_of] = match self.is_file {
            true => ["path", "file"],
            false => ["server", "connections"],
        };
        let mut rows = vec![(place, self.name.clone()), (state_of, state.to_owned())];
        if state == "open" {
            rows.push(("unit", symbol(self.unit(py)?)));
            let accounts = self.ask(py, |store| Ok(store.accounts()?.len()))?;
            rows.push(("accounts", accounts.to_string()));
        }
        Ok(html("CreditStore", rows))
    }
}

impl DurableStore {
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        if self.process != process::id() {
            return Ok("of another process");
        }
        let is_open = self.store.with(py, |store| store.is_some())?;
        Ok(if is_open { "open" } else { "closed" })
    }
}

fn symbol(unit: Option<TimeUnit>) -> String {
    unit.map_or("not said", TimeUnit::as_str).to_owned()
}

/// A table of two columns.
fn html(title: &str, rows: impl IntoIterator<Item = (impl AsRef<str>, String)>) -> String {
    let mut table = format!("<table><caption>{}</caption><tbody>", escaped(title));
    for (name, value) in rows {
        let (name, value) = (escaped(name.as_ref()), escaped(&value));
        table += &format!("<tr><th>{name}</th><td>{value}</td></tr>");
    }
    table + "</tbody></table>"
}

/// The beginning of a text, as text of HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(CHARACTERS_SHOWN) {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#x27;",
            _ => escaped.push(character),
        }
    }
    if characters.next().is_some() {
        escaped += "...";
    }
    escaped
}
