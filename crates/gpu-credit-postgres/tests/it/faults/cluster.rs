//! A primary, its standby, and the folder of a third server, which becomes the standby of one that is promoted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::proxy::{Link, Proxy};
use crate::support::admin::{try_execute, try_number};
use crate::support::{programs, run, server, unprivileged};

const PATIENCE: Duration = Duration::from_secs(90);

/// How the standby follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// What is committed is on its disk first.
    Synchronous,
    /// The same; it shows it later.
    ShowsLate,
    Asynchronous,
}

pub(super) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    following: Following,
    servers: Vec<Server>,
    pub(super) primary: usize,
    pub(super) standby: usize,
}

struct Server {
    port: u16,
    data: PathBuf,
    /// By which a standby follows it.
    followed: Proxy,
    running: Option<Running>,
}

/// A shell that runs the server, and ends it once this process ends.
struct Running {
    shell: Child,
    server: u32,
}

impl Cluster {
    /// If there is no PostgreSQL on this machine, that is said, and the tests end here.
    pub(super) fn new(following: Following) -> Self {
        let template = template();
        let programs = programs().expect("they have made the template");
        let folder = tempfile::Builder::new().prefix("faults").tempdir().unwrap();
        let user = unprivileged();
        own(folder.path(), user);
        let server = |number| {
            let port = own_port();
            Server {
                port,
                data: folder.path().join(format!("server{number}")),
                followed: Proxy::to(port, &[]),
                running: None,
            }
        };
        let mut cluster = Cluster {
            servers: (0..3).map(server).collect(),
            folder,
            programs,
            user,
            following,
            primary: 0,
            standby: 1,
        };
        let mut copy = cluster.command("cp");
        run(copy.arg("-r").arg(template).arg(&cluster.servers[0].data));
        cluster.configure(0, None);
        cluster.start(0);
        cluster.follow(1, 0);
        cluster
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn ports(&self) -> Vec<u16> {
        self.servers.iter().map(|server| server.port).collect()
    }

    /// The one that is neither.
    pub(super) fn spare(&self) -> usize {
        3 - self.primary - self.standby
    }

    /// A way to a server that nothing disturbs.
    pub(super) fn address(&self, server: usize) -> String {
        let port = self.servers[server].port;
        format!("host=127.0.0.1 port={port} user=ledger dbname=postgres sslmode=disable")
    }

    /// What a standby of this server gets of it.
    pub(super) fn set_replication(&self, followed: usize, link: Link) {
        self.servers[followed].followed.set(link);
    }

    /// Starts a server, and waits until it answers.
    pub(super) fn start(&mut self, server: usize) {
        let program = self.programs.join("postgres");
        let Server { data, .. } = &self.servers[server];
        let script = r#""$1" -D "$2" >>"$2.log" 2>&1 & echo $!; cat >/dev/null
            kill -QUIT $! 2>/dev/null; wait $!"#;
        let mut shell = self.command("sh");
        shell
            .args(["-c", script, "sh"])
            .arg(program)
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut shell = shell.spawn().unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(shell.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let running = Running {
            shell,
            server: line.trim().parse().unwrap(),
        };
        self.servers[server].running = Some(running);
        self.wait_for(server, "it answers", "SELECT 1::int8");
    }

    /// Kills a server with all its processes.
    pub(super) fn kill(&mut self, server: usize) {
        let Some(mut running) = self.servers[server].running.take() else {
            return;
        };
        signal("STOP", &[running.server]);
        let mut all = children(running.server);
        all.push(running.server);
        signal("KILL", &all);
        drop(running.shell.stdin.take());
        running.shell.wait().unwrap();
    }

    /// Stops a server with all its processes where they are.
    pub(super) fn stop(&self, server: usize) {
        let running = self.servers[server].running.as_ref().unwrap();
        signal("STOP", &[running.server]);
        signal("STOP", &children(running.server));
    }

    /// Lets a server go on that was stopped.
    pub(super) fn go_on(&self, server: usize) {
        let running = self.servers[server].running.as_ref().unwrap();
        signal("CONT", &children(running.server));
        signal("CONT", &[running.server]);
    }

    /// Makes the standby the primary, whatever becomes of the old one.
    pub(super) fn promote(&mut self) {
        let promoted = "SELECT CASE WHEN pg_promote(true, 60) THEN 1::int8 ELSE 0::int8 END";
        let promoted = try_number(&self.address(self.standby), promoted);
        let is_primary = "SELECT (NOT pg_is_in_recovery())::int::int8";
        if promoted != Some(1) {
            self.wait_for(self.standby, "it is promoted", is_primary);
        }
        (self.primary, self.standby) = (self.standby, self.spare());
    }

    /// Makes a server a new standby of another, and waits until it follows.
    pub(super) fn follow(&mut self, standby: usize, primary: usize) {
        self.kill(standby);
        let _ = fs::remove_dir_all(&self.servers[standby].data);
        let port = self.servers[primary].port.to_string();
        let program = self.programs.join("pg_basebackup");
        let mut backup = self.command(program);
        backup.args(["--host=127.0.0.1", "--username=ledger", "--checkpoint=fast"]);
        backup.args(["--wal-method=stream", "--no-sync", "--port", &port]);
        run(backup.arg("--pgdata").arg(&self.servers[standby].data));
        self.configure(standby, Some(primary));
        self.start(standby);
        self.wait_for_standby(primary);
    }

    /// Waits until a server has a standby that gets all.
    pub(super) fn wait_for_standby(&self, primary: usize) {
        let kind = match self.following {
            Following::Asynchronous => "async",
            _ => "quorum",
        };
        let follows = format!(
            "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'standby' \
             AND state = 'streaming' AND sync_state = '{kind}'"
        );
        self.wait_for(primary, "it has a standby", &follows);
    }

    fn wait_for(&self, server: usize, what: &str, sql: &str) {
        let begun = Instant::now();
        while try_number(&self.address(server), sql) != Some(1) {
            let mut log = self.servers[server].data.clone();
            log.as_mut_os_string().push(".log");
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", log());
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Writes the settings of a server, which are the same for all but for whom it follows.
    fn configure(&self, server: usize, followed: Option<usize>) {
        let Server { port, data, .. } = &self.servers[server];
        let names = match self.following {
            Following::Asynchronous => "",
            _ => "ANY 1 (standby)",
        };
        let delay = match self.following {
            Following::ShowsLate => "200ms",
            _ => "0",
        };
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
             fsync = off\nfull_page_writes = off\nmax_connections = 120\nshared_buffers = '16MB'\n\
             synchronous_commit = on\nsynchronous_standby_names = '{names}'\n\
             wal_keep_size = '64MB'\nwal_receiver_timeout = '3s'\nwal_sender_timeout = '3s'\n\
             wal_retrieve_retry_interval = '100ms'\nrecovery_min_apply_delay = '{delay}'\n"
        );
        if let Some(followed) = followed {
            let port = self.servers[followed].followed.port;
            settings += &format!(
                "primary_conninfo = 'host=127.0.0.1 port={port} user=ledger \
                 application_name=standby sslmode=disable'\n"
            );
            fs::write(data.join("standby.signal"), "").unwrap();
            own(&data.join("standby.signal"), self.user);
        }
        fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
        own(&data.join("postgresql.auto.conf"), self.user);
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        command(program, self.folder.path(), self.user)
    }

    /// Has statements executed by the primary.
    pub(super) fn execute(&self, sql: &str) {
        assert!(try_execute(&self.address(self.primary), sql), "{sql}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for server in 0..self.servers.len() {
            self.kill(server);
        }
    }
}

/// The data of a server that has none yet, made once. It goes with the server of the other tests.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = server().folder();
        let programs = programs().expect("one of them runs");
        let mut initdb = command(programs.join("initdb"), folder, unprivileged());
        initdb.args(["--auth=trust", "--username=ledger", "--encoding=UTF8"]);
        initdb.args(["--no-sync", "--wal-segsize=1"]);
        let data = folder.join("template");
        run(initdb.arg("--pgdata").arg(&data));
        data
    })
}

fn command(program: impl AsRef<std::ffi::OsStr>, at: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(at);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn own(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// A port of its own for as long as this process runs: none of those that the system gives to whoever asks for any, as
/// a server that is not running yet would find it taken, and its clients somebody else.
fn own_port() -> u16 {
    const FIRST: u32 = 12_000;
    const OF_A_PROCESS: u32 = 30;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = process::id() % 600 * OF_A_PROCESS + number;
        let port = (FIRST + place % 18_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Sends a signal to those of the processes that are there.
pub(super) fn signal(name: &str, processes: &[u32]) {
    let numbers = processes.iter().map(u32::to_string);
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(numbers);
    let _ = kill.stderr(Stdio::null()).status();
}

/// The processes that a process has started.
fn children(of: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |number: &u32| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        // Name, in parentheses; state; parent.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1) == Some(of.to_string().as_str())
    };
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(is_child).collect()
}
