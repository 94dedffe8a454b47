//! What becomes of a request that is not done.

use anyhow::anyhow;
use gpu_credit_store::Error;
use serde_json::Value;

/// Why a request was not done, or nobody knows whether it was.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service says why.
    Problem(Problem),
    /// There is no answer of a service: the words are whole.
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

    /// Whether the store may have refused it, and not the service.
    pub(crate) fn may_be_of_store(&self) -> bool {
        match self {
            Failure::Problem(problem) => matches!(problem.status, 404 | 409 | 412 | 422),
            Failure::Other(_) => false,
        }
    }

    /// Whether it says what an error says.
    pub(super) fn says(&self, error: &Error) -> bool {
        matches!(self, Failure::Problem(problem) if problem.detail == error.to_string())
    }

    /// Whether it is of this kind.
    pub(super) fn is(&self, wanted: &str) -> bool {
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
            failure @ Failure::Other(_) => failure.told(name).to_string(),
        }
    }

    /// In words, with what to do next.
    pub(crate) fn told(self, name: &str) -> anyhow::Error {
        let problem = match self {
            Failure::Problem(problem) => problem,
            Failure::Other(error) => return error,
        };
        let Problem {
            status,
            kind,
            detail,
            document,
        } = problem;
        let next = match &*kind {
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
            _ => match status {
                408 | 429 | 503 => {
                    "; run the command again later, with the same --id if it posts: nothing is posted twice".to_owned()
                }
                500.. => "; what was posted may be there: the same --id again posts nothing twice".to_owned(),
                _ => String::new(),
            },
        };
        anyhow!("{name}: {detail} ({status} {kind}){next}")
    }
}
