//! A primary with its standby, and the one that was primary before and lives on; and all that can happen to
//! them and to the connections of clients.

use std::io;
use std::sync::Arc;

use gpu_credit_store::{Append, Appended, JournalError, StorageProblem};
use gpu_credit_workload::random::Random;

use super::journal::Journal;
use super::{Control, Happened, Reads};

/// The server that a connection leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Term(u64);

/// What a connection is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Appending,
    Reading,
}

/// What can be made to happen to an append.
pub(super) enum Next {
    Delayed,
    AnswerLost,
}

/// The connections of one client.
#[derive(Clone, Default)]
struct Connections([Option<Term>; 2]);

pub(super) struct Servers {
    pub(super) random: Random,
    reads: Reads,
    control: Control,
    /// Whether anything goes wrong.
    is_faulty: bool,
    term: Term,
    /// The primary's.
    journal: Journal,
    /// All that was written to it.
    pub(super) log: Vec<Append>,
    /// So many appends are on the standby.
    replicated: usize,
    /// What was sent and is not written yet, by clients that have gone away.
    delayed: Vec<Append>,
    /// What is to happen to the next append.
    pub(super) next: Option<Next>,
    /// Whether it is a transaction.
    is_whole: bool,
    /// One that does not know that it is no primary any more.
    deposed: Option<(Term, Journal)>,
    clients: Vec<Connections>,
    pub(super) happened: Happened,
}

impl Servers {
    pub(super) fn new(random: Random, reads: Reads, control: Control) -> Self {
        Servers {
            random,
            reads,
            control,
            is_faulty: true,
            term: Term(0),
            journal: Journal::default(),
            log: Vec::new(),
            replicated: 0,
            delayed: Vec::new(),
            next: None,
            is_whole: false,
            deposed: None,
            clients: Vec::new(),
            happened: Happened::default(),
        }
    }

    /// The number of a new client.
    pub(super) fn admit(&mut self) -> usize {
        self.clients.push(Connections::default());
        self.clients.len() - 1
    }

    /// What was acknowledged, or can be.
    pub(super) fn kept(&self) -> &[Append] {
        match self.control {
            Control::AsynchronousStandby => &self.log,
            _ => &self.log[..self.replicated],
        }
    }

    /// From now on nothing goes wrong, and nothing is on its way.
    pub(super) fn calm_down(&mut self) {
        self.confirm();
        self.is_faulty = false;
        self.replicated = self.log.len();
        self.deposed = None;
        for append in std::mem::take(&mut self.delayed) {
            self.write(&append);
        }
    }

    /// What is read on a client's connection is read from this.
    pub(super) fn read<R>(
        &mut self,
        client: usize,
        read: impl FnOnce(&Journal) -> R,
    ) -> Result<R, JournalError> {
        let term = self.connection(client, Purpose::Reading)?;
        let is_strict = self.reads == Reads::Strict && self.control != Control::StrictReads;
        if let Some((deposed, journal)) = &self.deposed
            && *deposed == term
        {
            if is_strict {
                return Err(self.lose(client, Purpose::Reading, "no answer in time"));
            }
            self.happened.past += 1;
            return Ok(read(journal));
        }
        if self.control == Control::ReadsFromStandby && self.random.chance(1, 2) {
            let late = self.random.below(4) as usize;
            let shown = self.replicated.saturating_sub(late);
            return Ok(read(&Journal::of_log(&self.log[..shown])));
        }
        let read = read(&self.journal);
        // The write that confirms comes after what was read: what was visible is replicated then.
        match is_strict && !self.confirm() {
            true => Err(self.lose(client, Purpose::Reading, "no answer in time")),
            false => Ok(read),
        }
    }

    /// The same for a transaction. Whoever opens the same accounts next waits until it has ended, so it is never
    /// late.
    pub(super) fn append_whole(
        &mut self,
        client: usize,
        append: &Append,
    ) -> Result<Appended, JournalError> {
        self.is_whole = true;
        let appended = self.append(client, append);
        self.is_whole = false;
        appended
    }

    pub(super) fn append(
        &mut self,
        client: usize,
        append: &Append,
    ) -> Result<Appended, JournalError> {
        let term = self.connection(client, Purpose::Appending)?;
        let appended = if term == self.term {
            self.append_to_primary(append)?
        } else {
            self.append_to_deposed(append)
        };
        if appended == Appended::Unknown {
            self.happened.unknown += 1;
            // What is looked up now is looked up on new connections.
            if self.control != Control::Barrier {
                self.clients[client] = Connections::default();
            }
        }
        Ok(appended)
    }

    fn append_to_primary(&mut self, append: &Append) -> Result<Appended, JournalError> {
        if let Some(next) = self.next.take() {
            match next {
                Next::Delayed => self.delayed.push(append.clone()),
                Next::AnswerLost => assert!(self.write(append)),
            }
            return Ok(Appended::Unknown);
        }
        if !self.is_faulty {
            return Ok(self.written_or_not(append));
        }
        Ok(match self.random.below(40) {
            0 => {
                self.happened.errors += 1;
                return Err(error("refused"));
            }
            1 => Appended::Conflict,
            2 | 3 => Appended::Unknown,
            4 | 5 => {
                self.confirm();
                self.write(append);
                Appended::Unknown
            }
            6 | 7 if !self.is_whole => {
                self.delayed.push(append.clone());
                Appended::Unknown
            }
            8 | 9 => self.crash_visibly(append),
            _ => self.written_or_not(append),
        })
    }

    /// The standby does not confirm it; somebody ends the wait, or the server.
    fn crash_visibly(&mut self, append: &Append) -> Appended {
        self.confirm();
        let replicated = self.replicated;
        if self.write(append) {
            self.replicated = replicated;
            self.happened.unreplicated += 1;
        }
        // Without strict reads nobody may end a wait, for what others read on their connections
        // would not be confirmed.
        if self.reads == Reads::Trusting || self.random.chance(1, 2) {
            self.end_connections(self.term);
        }
        Appended::Unknown
    }

    /// What it writes waits for a standby that is a primary now.
    fn append_to_deposed(&mut self, append: &Append) -> Appended {
        let Some((_, journal)) = &mut self.deposed else {
            return Appended::Unknown;
        };
        match self.control {
            Control::AsynchronousStandby if journal.admits(append, true) => {
                journal.write(append);
                Appended::Written
            }
            Control::AsynchronousStandby => Appended::Conflict,
            _ => Appended::Unknown,
        }
    }

    fn written_or_not(&mut self, append: &Append) -> Appended {
        if !self.confirm() {
            return Appended::Unknown;
        }
        match self.write(append) {
            true => Appended::Written,
            false => {
                self.happened.conflicts += 1;
                Appended::Conflict
            }
        }
    }

    /// Writes all or nothing; whether it was all.
    fn write(&mut self, append: &Append) -> bool {
        let are_heads_checked = self.control != Control::HeadCheck;
        if !self.journal.admits(append, are_heads_checked) {
            return false;
        }
        self.journal.write(append);
        self.log.push(append.clone());
        if self.control != Control::AsynchronousStandby {
            self.replicated = self.log.len();
        }
        true
    }

    /// A write that waits for the standby: with it, all is replicated that was visible. It may be that it never
    /// comes, for the standby is promoted.
    fn confirm(&mut self) -> bool {
        if self.replicated == self.log.len() {
            return true;
        }
        if self.control == Control::AsynchronousStandby {
            if self.random.chance(1, 3) {
                self.replicated = self.log.len();
            }
            return true;
        }
        match self.random.chance(1, 2) {
            true => {
                self.replicated = self.log.len();
                true
            }
            false => {
                self.promote();
                false
            }
        }
    }

    /// The standby becomes the primary. The old one is dead, or reads are strict.
    fn promote(&mut self) {
        self.happened.promoted += 1;
        self.happened.lost += u64::from(self.replicated < self.log.len());
        self.log.truncate(self.replicated);
        let promoted = Journal::of_log(&self.log);
        let old = std::mem::replace(&mut self.journal, promoted);
        self.delayed.clear();
        self.deposed = match self.reads {
            Reads::Strict => Some((self.term, old)),
            Reads::Trusting => None,
        };
        self.term = Term(self.term.0 + 1);
    }

    fn end_connections(&mut self, term: Term) {
        for client in &mut self.clients {
            for connection in &mut client.0 {
                connection.take_if(|connection| *connection == term);
            }
        }
    }

    /// The server that a client's connection leads to: a new one if need be, if there is one.
    fn connection(&mut self, client: usize, purpose: Purpose) -> Result<Term, JournalError> {
        self.happened.round_trips += 1;
        if self.is_faulty {
            if self.random.chance(1, 60) {
                self.happened.errors += 1;
                return Err(self.lose(client, purpose, "the connection is lost"));
            }
            if self.random.chance(1, 120) {
                self.promote();
            }
            if self.deposed.is_some() && self.random.chance(1, 20) {
                self.deposed = None;
            }
            self.let_a_delayed_one_in();
        }
        let deposed = self.deposed.as_ref().map(|(term, _)| *term);
        let connection = self.clients[client].0[purpose as usize];
        if let Some(term) = connection.filter(|term| *term == self.term || Some(*term) == deposed) {
            return Ok(term);
        }
        let term = match deposed {
            Some(deposed) if self.random.chance(1, 3) => deposed,
            _ => self.term,
        };
        // The first write of a connection.
        let is_confirmed = match self.control {
            Control::Barrier => true,
            Control::AsynchronousStandby if term != self.term => true,
            _ => term == self.term && self.confirm(),
        };
        if !is_confirmed {
            return Err(self.lose(client, purpose, "no connection in time"));
        }
        self.clients[client].0[purpose as usize] = Some(term);
        Ok(term)
    }

    fn let_a_delayed_one_in(&mut self) {
        if !self.delayed.is_empty() && self.random.chance(1, 8) {
            self.confirm();
            if self.delayed.is_empty() {
                return;
            }
            let count = self.delayed.len() as u64;
            let place = self.random.below(count) as usize;
            let append = self.delayed.swap_remove(place);
            self.happened.delayed += u64::from(self.write(&append));
        }
    }

    fn lose(&mut self, client: usize, purpose: Purpose, why: &str) -> JournalError {
        self.clients[client].0[purpose as usize] = None;
        error(why)
    }
}

fn error(text: &str) -> JournalError {
    let problem = StorageProblem::Io(Arc::new(io::Error::other(text)));
    JournalError::new("the world", problem)
}
