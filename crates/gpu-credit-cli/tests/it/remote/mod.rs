//! The commands on a store behind a service, `--server URL`: what tests of stores on files say of stores, and what is
//! particular to services.

use std::cell::RefCell;
use std::fs;

use tempfile::TempDir;

use crate::running::Served;

#[path = "../store/folder.rs"]
#[allow(dead_code, reason = "some is for the tests of stores on files")]
mod folder;

mod between;
mod import;
mod lost;
mod refusals;
mod tls;

#[path = "../store/holds.rs"]
mod holds;
#[path = "../store/jobs.rs"]
mod jobs;
#[path = "../store/mistakes.rs"]
mod mistakes;
#[path = "../store/plans.rs"]
mod plans;
#[path = "../store/posting.rs"]
mod posting;
#[path = "../store/questions.rs"]
mod questions;
#[path = "../store/spendable.rs"]
mod spendable;
#[path = "../store/statements.rs"]
mod statements;

pub(crate) use folder::Folder;

/// The store of a folder is behind a service, which runs as it is needed.
pub(crate) struct Place {
    /// The folder of the store and the tokens.
    home: TempDir,
    /// What runs, and the unit of time with which it was started.
    running: RefCell<Option<(Served, Option<String>)>>,
    token: RefCell<Option<String>>,
}

/// Commands that need the store itself.
const COMMANDS_ON_FILES: [&str; 3] = ["check", "copy", "import"];

impl Place {
    fn new() -> Self {
        Place {
            home: tempfile::tempdir().unwrap(),
            running: RefCell::default(),
            token: RefCell::default(),
        }
    }

    /// What the environment of a command has. A unit of time that it says first is said to the service.
    fn variables(&self, line: &str) -> Vec<(&'static str, String)> {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let unit = words.by_ref().skip_while(|word| *word != "--unit").nth(1);
        if COMMANDS_ON_FILES.contains(&command) {
            self.stop();
            let file = self.home.path().join("gpu-credit.redb");
            return vec![("GPU_CREDIT_DB", file.to_str().unwrap().to_owned())];
        }
        self.serve(unit);
        let running = self.running.borrow();
        let (served, _) = running.as_ref().unwrap();
        vec![
            ("GPU_CREDIT_SERVER", served.address.clone()),
            ("GPU_CREDIT_TOKEN", self.token.borrow().clone().unwrap()),
        ]
    }

    fn serve(&self, unit: Option<&str>) {
        let starts_anew = match &*self.running.borrow() {
            Some((_, known)) => unit.is_some() && known.is_none(),
            None => true,
        };
        if starts_anew {
            self.stop();
            let mut served = Served::start_in(self.home.path(), unit, &[]);
            if let Some(token) = served.first_token.take() {
                self.token.replace(Some(token));
            }
            self.running
                .replace(Some((served, unit.map(str::to_owned))));
        }
    }

    fn stop(&self) {
        if let Some((served, _)) = self.running.take() {
            assert_eq!(served.stop(), Some(0));
        }
    }

    fn with_name_of_file(&self, said: &str) -> String {
        let running = self.running.borrow();
        let named = running
            .as_ref()
            .map(|(served, _)| said.replace(&served.address, "gpu-credit.redb"));
        named.unwrap_or_else(|| said.to_owned())
    }
}

/// A service over a store with an account `acme`: 100 in [0, 30], and 30 used at 12; and how to ask it.
struct World {
    home: TempDir,
    served: Served,
    token: String,
}

impl World {
    fn new(more: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let served = Served::start(home.path(), more);
        let token = served.first_token.clone().unwrap();
        World {
            home,
            served,
            token,
        }
    }

    fn with_account() -> Self {
        let world = World::new(&[]);
        for line in [
            "account create acme",
            "grant acme 100 --at 0 --expiration 30 --id g1",
            "use acme 30 --at 12 --id u1",
        ] {
            world.ok(line);
        }
        world
    }

    /// A command line that is run against an address with a token.
    fn run(&self, address: &str, token: &str, line: &str) -> std::process::Output {
        crate::gpu_credit()
            .current_dir(self.home.path())
            .args(line.split_whitespace())
            .args(["--server", address])
            .env("GPU_CREDIT_TOKEN", token)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn ok(&self, line: &str) -> String {
        crate::stdout(&self.run(&self.served.address, &self.token, line))
    }

    /// What a command says that is refused, in one line.
    #[track_caller]
    fn refused(&self, address: &str, token: &str, line: &str) -> String {
        let output = self.run(address, token, line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        let said = crate::stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        said.trim_end().to_owned()
    }

    /// A token that may do this.
    fn token(&self, scope: &str) -> String {
        let mut command = crate::gpu_credit();
        let command = command.current_dir(self.home.path());
        let made = command
            .args(["token", "make", "--scope", scope])
            .output()
            .unwrap();
        crate::stdout(&made).trim().to_owned()
    }

    /// A file of the home of the service.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
