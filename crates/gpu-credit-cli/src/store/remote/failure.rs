//! What becomes of a request that is not done.

use anyhow::anyhow;
use gpu_credit_store::{Error, RecordId};
use serde_json::Value;

use crate::store::explain::typed;

/// Why a request was not done, or nobody knows whether it was.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service says why.
    Problem(Problem),
    /// What was posted may be there, or not: why that is not known.
    Unknown(anyhow::Error),
    /// There is no answer of a service, and nothing was posted: the words are whole.
    Other(anyhow::Error),
}

/// What a service answers instead.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(super) status: u16,
    /// The last part of its type.
    pub(super) kind: String,
    pub(super) detail: String,
    /// All of it.
    pub(super) document: Value,
}

impl Problem {
    /// Reads one; `None` if it is none.
    pub(super) fn of(status: u16, document: Value) -> Option<Self> {
        let kind = document["type"].as_str()?.strip_prefix("/problems/")?;
        Some(Problem {
            status,
            kind: kind.to_owned(),
            detail: document["detail"].as_str()?.to_owned(),
            document,
        })
    }

    /// What it says.
    fn said(&self) -> String {
        let Problem {
            status,
            kind,
            detail,
            ..
        } = self;
        format!("{detail} ({status} {kind})")
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Other(error)
    }
}

impl Failure {
    /// The words for an answer that has not what it should have.
    pub(super) fn unexpected(name: &str) -> Self {
        Failure::Other(anyhow!(
            "{name}: the answer is not that of this version of the service: use the gpu-credit that it is of"
        ))
    }

    /// The same for an answer to what was posted.
    pub(super) fn misunderstood(name: &str) -> Self {
        Self::unexpected(name).into_unknown(name)
    }

    /// Whether what was posted may be there, although this answer came, with this status.
    pub(super) fn may_be_done(&self, status: u16) -> bool {
        match self {
            // Of these the service says that nothing was written.
            Failure::Problem(problem) => {
                let nothing = ["journal-full", "overloaded", "overtaken"];
                status >= 500 && !nothing.contains(&&*problem.kind)
            }
            Failure::Unknown(_) => true,
            Failure::Other(_) => status >= 500 || (200..300).contains(&status),
        }
    }

    /// Whether the service has decided on it, which knows what was posted before under the same id.
    pub(super) fn is_decided(&self) -> bool {
        let is_decision = |status: u16| status < 500 && !matches!(status, 401 | 403 | 408 | 429);
        matches!(self, Failure::Problem(problem) if is_decision(problem.status))
    }

    /// The same if what was posted may be there.
    pub(super) fn into_unknown(self, name: &str) -> Self {
        Failure::Unknown(match self {
            Failure::Problem(problem) => anyhow!("{name}: {}", problem.said()),
            Failure::Unknown(words) | Failure::Other(words) => words,
        })
    }

    /// Whether the store may have refused it, and not the service.
    pub(crate) fn may_be_of_store(&self) -> bool {
        match self {
            Failure::Problem(problem) => matches!(problem.status, 404 | 409 | 412 | 422),
            Failure::Unknown(_) | Failure::Other(_) => false,
        }
    }

    /// Whether it says what an error says.
    pub(crate) fn says(&self, error: &Error) -> bool {
        matches!(self, Failure::Problem(problem) if problem.detail == error.to_string())
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Failure::Problem(problem) if problem.kind == wanted)
    }

    /// Which entry of a batch it is about, if the store refuses that.
    pub(crate) fn place(&self) -> Option<usize> {
        match self {
            Failure::Problem(problem) if self.may_be_of_store() => {
                let place = problem.document["pointer"].as_str()?;
                place.strip_prefix("/entries/")?.parse().ok()
            }
            _ => None,
        }
    }

    /// The words of the service alone.
    pub(crate) fn told_briefly(self, name: &str) -> String {
        match self {
            Failure::Problem(problem) => problem.detail,
            failure => failure.told(name).to_string(),
        }
    }

    /// In words, with what to do next.
    pub(crate) fn told(self, name: &str) -> anyhow::Error {
        self.told_with(name, None)
    }

    /// The same if the command posts under this id.
    pub(crate) fn told_with(self, name: &str, id: Option<&RecordId>) -> anyhow::Error {
        let problem = match self {
            Failure::Problem(problem) => problem,
            Failure::Unknown(words) => {
                let command = same_command(id);
                return anyhow!(
                    "{words}; what was posted may be there: {command} posts nothing twice"
                );
            }
            Failure::Other(words) => return words,
        };
        let document = &problem.document;
        let next = match &*problem.kind {
            "unauthorised" => {
                "; --token-file names a file with another, GPU_CREDIT_TOKEN can have it, and `gpu-credit token make` \
                 makes one on the machine of the service"
                    .to_owned()
            }
            "forbidden" => {
                let member = |name: &str| document[name].as_str().unwrap_or_default();
                format!(
                    "; one with the scope {}={} may",
                    member("verb"),
                    member("account")
                )
            }
            "no-such-account" => " that the token reaches".to_owned(),
            _ if matches!(problem.status, 408 | 429 | 503) => {
                "; run the command again later".to_owned()
            }
            _ => String::new(),
        };
        anyhow!("{name}: {}{next}", problem.said())
    }
}

/// How a command is run again that posts under an id.
fn same_command(id: Option<&RecordId>) -> String {
    match id.map(|id| typed(id.as_str())) {
        None => "the same command".to_owned(),
        // It is no word that every shell takes as it is: somebody has typed it.
        Some(id) if id.is_empty() => "the same command with the same --id".to_owned(),
        Some(id) => format!("the same command with --id{id}"),
    }
}
