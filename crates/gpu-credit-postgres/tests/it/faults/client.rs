//! Clients: each asks instances at random, one request at a time, and notes what it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Change, HeldUsage, Hold, RecordId};
use gpu_credit_workload::random::Random;

use super::history::{Event, History, Reply, Request, Written};

/// How long a client waits for a reply.
const WAIT: Duration = Duration::from_secs(6);
/// What it waits between two requests.
const PAUSE: Duration = Duration::from_millis(12);

pub(super) struct Client<'h> {
    history: &'h History,
    random: Random,
    sockets: Vec<PathBuf>,
    connections: BTreeMap<usize, BufReader<UnixStream>>,
    /// The instance that it asks most.
    own: usize,
    /// One that clients only read from.
    is_read: Option<usize>,
    accounts: Vec<String>,
    /// Ids begin with it.
    prefix: String,
    next_id: u64,
    /// What nobody knows the outcome of.
    unsettled: Vec<Request>,
    /// What is there: to be posted again with another content.
    posted: Vec<Written>,
    given: Vec<(RecordId, Hold)>,
}

impl<'h> Client<'h> {
    pub(super) fn new(
        history: &'h History,
        number: usize,
        seed: u64,
        sockets: Vec<PathBuf>,
        accounts: &[String],
    ) -> Self {
        Client {
            history,
            random: Random::new(seed),
            own: number % sockets.len(),
            is_read: None,
            sockets,
            connections: BTreeMap::new(),
            accounts: accounts.to_vec(),
            prefix: format!("{}-{number}-", accounts[0]),
            next_id: 0,
            unsettled: Vec::new(),
            posted: Vec::new(),
            given: Vec::new(),
        }
    }

    /// Nothing but reads is asked of this instance.
    pub(super) fn reading_from(self, instance: Option<usize>) -> Self {
        Client {
            is_read: instance,
            ..self
        }
    }

    /// Opens the accounts, and grants something on each.
    pub(super) fn open(&mut self, patience: Duration) {
        let begun = Instant::now();
        for account in self.accounts.clone() {
            let policy = Overdraft::Carry;
            let opening = Change::OpenAccount { policy };
            let credit = self.grant(200);
            for (id, change) in [("open", opening), ("credit", credit)] {
                let request = Request::Post(vec![Written {
                    account: account.clone(),
                    id: id.into(),
                    change,
                }]);
                while !self.send(self.own, request.clone()).is_acknowledged() {
                    assert!(begun.elapsed() < patience, "nothing can be posted");
                    self.own = (self.own + 1) % self.sockets.len();
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    pub(super) fn run(&mut self, is_over: &AtomicBool) {
        while !is_over.load(Ordering::SeqCst) {
            let request = self.request();
            let instance = match self.random.chance(2, 3) {
                true => self.own,
                false => self.random.below(self.sockets.len() as u64) as usize,
            };
            let is_read = matches!(request, Request::Read(..));
            let instance = match self.is_read {
                Some(read) if read == instance && !is_read => (read + 1) % self.sockets.len(),
                _ => instance,
            };
            let reply = self.send(instance, request.clone());
            self.learn(request, &reply);
            thread::sleep(PAUSE);
        }
    }

    fn learn(&mut self, request: Request, reply: &Reply) {
        match (&request, reply) {
            (Request::Read(..), _) => {}
            (_, Reply::Unknown(_)) => self.unsettled.push(request),
            (Request::Post(all), Reply::Posted(_)) => self.posted.extend(all.iter().cloned()),
            (Request::Ask(id, hold), Reply::Decided(each)) => {
                let is_given = |(_, change): &(String, Change)| matches!(change, Change::Hold(_));
                if each.iter().all(is_given) {
                    self.given.push((id.clone(), hold.clone()));
                }
            }
            _ => {}
        }
    }

    fn request(&mut self) -> Request {
        if !self.unsettled.is_empty() && self.random.chance(1, 3) {
            let place = self.random.below(self.unsettled.len() as u64) as usize;
            return self.unsettled.swap_remove(place);
        }
        match self.random.below(20) {
            0..6 => {
                let mut accounts = self.some_accounts();
                if self.random.chance(1, 2) {
                    accounts.reverse();
                }
                Request::Read(accounts, self.random.between(-5, 150))
            }
            6..9 => self.ask(),
            9..11 if !self.given.is_empty() => self.close(),
            11 if !self.posted.is_empty() => {
                let place = self.random.below(self.posted.len() as u64) as usize;
                let mut other = self.posted[place].clone();
                other.change = Change::Usage {
                    amount: 1_000,
                    timestamp: 0,
                };
                Request::Post(vec![other])
            }
            12..14 => {
                let accounts = self.some_accounts().into_iter();
                Request::Post(accounts.map(|account| self.written(account)).collect())
            }
            _ => {
                let account = self.account();
                Request::Post(vec![self.written(account)])
            }
        }
    }

    fn written(&mut self, account: String) -> Written {
        let id = self.id();
        let change = match self.random.chance(1, 3) {
            true => {
                let amount = self.random.below(40);
                self.grant(amount)
            }
            false => Change::Usage {
                amount: self.random.below(8),
                timestamp: self.random.between(0, 100),
            },
        };
        Written {
            account,
            id,
            change,
        }
    }

    fn grant(&mut self, amount: u64) -> Change {
        Change::Grant {
            credit_id: String::new(),
            amount,
            timestamp: self.random.between(0, 100),
            expiration: Some(self.random.below(60)),
            priority: 0,
        }
    }

    fn ask(&mut self) -> Request {
        let at = self.random.between(0, 100);
        let hold = Hold {
            accounts: self.some_accounts(),
            usage: HeldUsage::Amount(self.random.below(12)),
            up_to: None,
            at,
            until: at + self.random.between(1, 40),
        };
        Request::Ask(self.id(), hold)
    }

    fn close(&mut self) -> Request {
        let place = self.random.below(self.given.len() as u64) as usize;
        let (hold, of) = self.given.swap_remove(place);
        Request::Close {
            account: of.accounts[0].clone(),
            id: self.id(),
            hold,
            amount: self.random.chance(2, 3).then(|| self.random.below(12)),
        }
    }

    fn id(&mut self) -> RecordId {
        self.next_id += 1;
        format!("{}{}", self.prefix, self.next_id).into()
    }

    fn account(&mut self) -> String {
        self.accounts[self.random.below(self.accounts.len() as u64) as usize].clone()
    }

    /// One or more, in order.
    fn some_accounts(&mut self) -> Vec<String> {
        let mut accounts = self.accounts.clone();
        accounts.retain(|_| self.random.chance(1, 2));
        match accounts.is_empty() {
            true => vec![self.account()],
            false => accounts,
        }
    }

    /// Asks an instance, and notes what it tells.
    fn send(&mut self, instance: usize, request: Request) -> Reply {
        let sent = self.history.now();
        let reply = self.exchange(instance, &request);
        let reply = reply.unwrap_or_else(|error| {
            self.connections.remove(&instance);
            Reply::Unknown(error.to_string())
        });
        self.history.add(Event {
            instance,
            request,
            reply: reply.clone(),
            sent,
            answered: self.history.now(),
        });
        reply
    }

    fn exchange(&mut self, instance: usize, request: &Request) -> std::io::Result<Reply> {
        let connection = match self.connections.remove(&instance) {
            Some(connection) => connection,
            None => {
                let stream = UnixStream::connect(&self.sockets[instance])?;
                stream.set_read_timeout(Some(WAIT))?;
                BufReader::new(stream)
            }
        };
        let connection = self.connections.entry(instance).or_insert(connection);
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        connection.get_mut().write_all(line.as_bytes())?;
        line.clear();
        connection.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}
