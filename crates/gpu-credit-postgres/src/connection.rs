//! A connection that is made anew whenever it is lost.
//!
//! Each new connection begins with a write: once it is confirmed, all that was visible before is replicated,
//! as the server's log is in order. So nothing that is read on it can be lost by a fail-over.

use std::env;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gpu_credit_store::StorageProblem;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::{AsyncMessage, Client, Config, Connection as Connected, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;
use crate::encryption::Encryption;
use crate::failure::{other, problem};
use crate::options::PostgresOptions;
use crate::password_file::{self, For};
use crate::schema;
use crate::statements::Statements;

/// Places that writes which confirm go to, so that they need not wait for each other.
const BARRIERS: u64 = 64;
/// The write that confirms.
pub(crate) const BARRIER: &str =
    "INSERT INTO barrier AS b VALUES ($1, 1) ON CONFLICT (place) DO UPDATE SET beat = b.beat + 1";

/// What connections are made with.
pub(crate) struct Settings {
    config: Config,
    /// `None` if connections are not encrypted.
    encrypt: Option<MakeRustlsConnect>,
    /// The server, for errors: without a password.
    pub(crate) place: Arc<str>,
    pub(crate) options: PostgresOptions,
}

impl Settings {
    pub(crate) fn parse(url: &str, mut options: PostgresOptions) -> Result<Self, StorageProblem> {
        let address = Address::parse(url);
        match address.strict_reads.as_deref() {
            None => {}
            Some("true") => options = options.strict_reads(true),
            Some("false") => options = options.strict_reads(false),
            Some(_) => return Err(other("strict_reads is true or false")),
        }
        let mut config: Config = address.text.parse().map_err(|error| problem(&error))?;
        let encryption = Encryption::of(&address)?;
        config.ssl_mode(encryption.mode);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("gpu-credit");
        }
        if config.get_password().is_none()
            && let Some(password) = password(&address, &config)
        {
            config.password(password);
        }
        // One that does not answer, or cannot confirm, does not keep others from being tried.
        config.load_balance_hosts(LoadBalanceHosts::Random);
        config.connect_timeout(options.wait);
        config.tcp_user_timeout(options.wait);
        Ok(Settings {
            place: place(&config).into(),
            // Within a machine nothing is encrypted.
            encrypt: encryption.connect.filter(|_| has_host(&config)),
            config,
            options,
        })
    }
}

/// A password that the address does not have. Of several hosts it is that of the first that has one.
fn password(address: &Address, config: &Config) -> Option<String> {
    if let Ok(password) = env::var("PGPASSWORD") {
        return Some(password);
    }
    let user = config.get_user()?;
    let database = config.get_dbname().unwrap_or(user);
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate();
    let mut passwords = hosts.filter_map(|(place, host)| {
        let host = match host {
            Host::Tcp(name) => name.as_str(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.to_str()?,
        };
        let port = ports.get(place).or(ports.first()).copied();
        let wanted = For {
            host,
            port: port.unwrap_or(5432),
            database,
            user,
        };
        password_file::password(address, &wanted)
    });
    passwords.next()
}

/// Whether a host is named, and no folder with the server's socket.
fn has_host(config: &Config) -> bool {
    let hosts = config.get_hosts();
    !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Tcp(_)))
}

/// Hosts, port and database.
fn place(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let shown = |(place, name): (usize, &Host)| match port(place) {
        5432 => host(name),
        port => format!("{}:{port}", host(name)),
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(shown).collect();
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("PostgreSQL at {}, database {database}", hosts.join(","))
}

/// A place for a connection.
pub(crate) struct Connection {
    settings: Arc<Settings>,
    live: Arc<Mutex<Option<Arc<Live>>>>,
}

/// A connection that is there.
pub(crate) struct Live {
    pub(crate) client: Client,
    pub(crate) statements: Statements,
    /// The place of its writes that confirm.
    barrier: i64,
    /// Whether the server has said something that was not asked.
    is_noticed: Arc<AtomicBool>,
}

impl Connection {
    pub(crate) fn new(settings: &Arc<Settings>) -> Self {
        Connection {
            settings: Arc::clone(settings),
            live: Arc::default(),
        }
    }

    /// The connection, shared with others.
    pub(crate) async fn get(&self) -> Result<Arc<Live>, StorageProblem> {
        let mut live = self.live.lock().await;
        self.revive(&mut live).await
    }

    /// The connection, to be used by one.
    pub(crate) async fn hold(&self) -> Result<Held, StorageProblem> {
        let mut live = Arc::clone(&self.live).lock_owned().await;
        self.revive(&mut live).await?;
        Ok(Held {
            live,
            wait: self.settings.options.wait,
            is_open: false,
        })
    }

    /// Leaves the connection, to be made anew: what is read then was visible before its first write.
    pub(crate) async fn renew(&self) {
        *self.live.lock().await = None;
    }

    /// Leaves a connection that does not answer, to be made anew.
    pub(crate) async fn give_up(&self, lost: &Arc<Live>) {
        let mut live = self.live.lock().await;
        live.take_if(|live| Arc::ptr_eq(live, lost));
    }

    async fn revive(&self, live: &mut Option<Arc<Live>>) -> Result<Arc<Live>, StorageProblem> {
        if let Some(live) = live.as_ref().filter(|live| !live.client.is_closed()) {
            return Ok(Arc::clone(live));
        }
        *live = None;
        let connected = timeout(self.settings.options.wait, connect(&self.settings)).await;
        let connected = connected.map_err(|_| other("no connection in time"))??;
        Ok(Arc::clone(live.insert(Arc::new(connected))))
    }
}

/// A connection that nobody else uses meanwhile.
pub(crate) struct Held {
    live: OwnedMutexGuard<Option<Arc<Live>>>,
    wait: Duration,
    /// Whether a transaction has begun and not ended.
    is_open: bool,
}

impl Held {
    pub(crate) fn live(&self) -> &Live {
        let live = self.live.as_ref();
        live.expect("it was made before it is held")
    }

    /// Waits for an answer, but not for too long.
    pub(crate) async fn answer<F: Future>(&self, answer: F) -> Result<F::Output, Elapsed> {
        timeout(self.wait, answer).await
    }

    /// Begins a transaction, holds the accounts of these names in it, and reads something. A client that says
    /// nothing for as long as `silence` is given up by the server: others wait for it no longer.
    pub(crate) async fn begin<T>(
        mut self,
        silence: Duration,
        names: &[&str],
        read: impl AsyncFnOnce(&Live) -> Result<T, Error>,
    ) -> Result<(Self, T), StorageProblem> {
        self.is_open = true;
        let begun = self.answer(async {
            let (client, statements) = (&self.live().client, &self.live().statements);
            let silence = silence.as_millis();
            let begin = format!("BEGIN; SET LOCAL idle_in_transaction_session_timeout = {silence}");
            client.batch_execute(&begin).await?;
            client.query(&statements.lock, &[&names]).await?;
            read(self.live()).await
        });
        let failed = match begun.await {
            Ok(Ok(found)) => return Ok((self, found)),
            Ok(Err(error)) => problem(&error),
            Err(_) => other("others hold the accounts: no answer in time"),
        };
        // Nothing was written: what is begun ends with the connection.
        self.give_up();
        Err(failed)
    }

    /// The transaction has ended.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    /// Leaves it, to be made anew: what it does is not known.
    pub(crate) fn give_up(mut self) {
        *self.live = None;
    }
}

/// What others would append in a transaction that nobody ends would be acknowledged and lost.
impl Drop for Held {
    fn drop(&mut self) {
        if self.is_open {
            *self.live = None;
        }
    }
}

impl Live {
    /// Writes something: once it is confirmed, all is replicated that was visible before, and the server was the
    /// primary meanwhile. If not without a notice, it is not confirmed.
    pub(crate) async fn confirm(&self) -> Result<(), Error> {
        let (client, statement) = (&self.client, &self.statements.barrier);
        client.execute(statement, &[&self.barrier]).await?;
        Ok(())
    }

    /// From now on it is told whether the server says something that was not asked.
    pub(crate) fn listen(&self) {
        self.is_noticed.store(false, Ordering::SeqCst);
    }

    /// Whether it did: a wait for a standby that is ended says so, and then reports success.
    pub(crate) fn is_noticed(&self) -> bool {
        self.is_noticed.load(Ordering::SeqCst)
    }
}

/// Keeps a connection going, and notes whether the server says something that was not asked.
fn keep_up<S>(
    connected: Result<(Client, Connected<Socket, S>), Error>,
    is_noticed: &Arc<AtomicBool>,
) -> Result<Client, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, mut connection) = connected?;
    let noticed = Arc::clone(is_noticed);
    tokio::spawn(async move {
        // It ends with the connection: who waits for an answer is told by the client.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(_) = message {
                noticed.store(true, Ordering::SeqCst);
            }
        }
    });
    Ok(client)
}

async fn connect(settings: &Settings) -> Result<Live, StorageProblem> {
    let is_noticed = Arc::new(AtomicBool::new(false));
    let client = match &settings.encrypt {
        None => {
            let connected = settings.config.connect(NoTls).await;
            keep_up(connected, &is_noticed)
        }
        Some(encrypt) => {
            let connected = settings.config.connect(encrypt.clone()).await;
            keep_up(connected, &is_noticed)
        }
    };
    let client = client.map_err(|error| problem(&error))?;
    schema::migrate(&client, settings.options.tables).await?;
    is_noticed.store(false, Ordering::SeqCst);
    let barrier = (RandomState::new().hash_one(0) % BARRIERS).cast_signed();
    let written = client.execute(BARRIER, &[&barrier]).await;
    written.map_err(|error| problem(&error))?;
    if is_noticed.load(Ordering::SeqCst) {
        return Err(other("the first write of a connection was not replicated"));
    }
    let statements = Statements::prepare(&client).await;
    Ok(Live {
        statements: statements.map_err(|error| problem(&error))?,
        client,
        barrier,
        is_noticed,
    })
}
