//! A server of the tests' own, in a temporary folder, for as long as the tests run.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{mem, process};

use tokio::runtime::Builder;
use tokio_postgres::NoTls;

/// A server that runs.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    addresses: AtomicUsize,
    port: u16,
}

/// The server. If there is none on this machine, that is said, and the tests end here.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(5432, "listen_addresses = ''\n", |_| ()))
}

/// Another one, which takes connections over the network if they are encrypted; if there are certificates to trust,
/// from clients that have one of these.
#[allow(dead_code, reason = "it is for the tests of the store")]
pub(crate) fn encrypted_server(certificate: &str, key: &str, trusted: Option<&str>) -> Server {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut settings = format!("listen_addresses = 'localhost'\nport = {port}\nssl = on\n");
    let mut admitted = "local all all trust\nhostssl all all all trust".to_owned();
    if trusted.is_some() {
        settings.push_str("ssl_ca_file = 'clients.crt'\n");
        admitted.push_str(" clientcert=verify-ca");
    }
    admitted.push('\n');
    Server::start(port, &settings, |file| {
        file("server.crt", certificate);
        file("server.key", key);
        file("pg_hba.conf", &admitted);
        if let Some(trusted) = trusted {
            file("clients.crt", trusted);
        }
    })
}

/// The folder of the programs of the newest server: Debian keeps them out of `PATH`.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let bin = versions.flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = bin.collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&path));
    let has_all = |folder: &PathBuf| {
        let programs = ["initdb", "postgres", "pg_isready"];
        programs.iter().all(|program| folder.join(program).exists())
    };
    folders.into_iter().find(has_all)
}

impl Server {
    /// Starts one with these settings, and files among its data.
    fn start(port: u16, settings: &str, files: impl FnOnce(&dyn Fn(&str, &str))) -> Self {
        let Some(programs) = programs() else {
            let told =
                "skipped: there is no PostgreSQL on this machine (initdb, postgres, pg_isready)\n";
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            process::exit(0);
        };
        let folder = tempfile::Builder::new().prefix("credit").tempdir().unwrap();
        let server = Server {
            user: unprivileged(),
            folder: folder.path().to_owned(),
            programs,
            addresses: AtomicUsize::new(0),
            port,
        };
        // It is removed once the server has ended.
        mem::forget(folder);
        if let Some((user, group)) = server.user {
            chown(&server.folder, Some(user), Some(group)).unwrap();
        }
        let data = server.folder.join("data");
        let mut initdb = server.command("initdb");
        initdb.args([
            "--auth=trust",
            "--username=ledger",
            "--encoding=UTF8",
            "--no-sync",
        ]);
        run(initdb.arg("--pgdata").arg(&data));
        let settings = format!(
            "{settings}fsync = off\nfull_page_writes = off\nmax_connections = 200\n\
             synchronous_commit = local\n"
        );
        fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
        files(&|name, text| {
            let path = data.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = server.user {
                chown(&path, Some(user), Some(group)).unwrap();
            }
        });
        server.keep(&data);
        server.wait();
        server
    }

    /// Runs the server until this process ends, however it does.
    fn keep(&self, data: &Path) {
        let script = r#""$1" -D "$2" -k "$3" >"$3/log" 2>&1 & server=$!; echo; cat >/dev/null
            kill -QUIT "$server"; wait "$server"; rm -rf "$3""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        shell
            .arg(self.programs.join("postgres"))
            .arg(data)
            .arg(&self.folder);
        let shell = self.unprivileged(&mut shell);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        // What interrupts the tests is not for it.
        let mut child = shell.process_group(0).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        mem::forget(child);
    }

    fn wait(&self) {
        let is_ready = || {
            let mut ready = self.command("pg_isready");
            ready.arg("--quiet").arg("--host").arg(&self.folder);
            ready.arg("--port").arg(self.port.to_string());
            ready.status().unwrap().success()
        };
        for _ in 0..600 {
            if is_ready() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log"));
        panic!("the server does not start: {log:?}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        self.unprivileged(&mut command);
        command
    }

    fn unprivileged<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(&self.folder);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// The address of a schema of its own, which is new: cheaper than a database, and as empty.
    pub(crate) fn address(&self) -> String {
        self.url_and_address().1
    }

    /// The same as a URL.
    #[allow(dead_code, reason = "it is for the tests of the program")]
    pub(crate) fn url(&self) -> String {
        self.url_and_address().0
    }

    pub(crate) fn url_and_address(&self) -> (String, String) {
        let schema = self.schema();
        let address = self.address_of_server();
        let host = self.folder.to_str().unwrap().replace('/', "%2F");
        let url = format!("postgres://ledger@{host}/postgres?options=-c%20search_path%3D{schema}");
        (url, format!("{address} options='-c search_path={schema}'"))
    }
}

#[allow(dead_code, reason = "some is for the tests of the store")]
impl Server {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The name of a new schema.
    pub(crate) fn schema(&self) -> String {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed);
        let schema = format!("credit{number}");
        execute(
            &self.address_of_server(),
            &format!("CREATE SCHEMA {schema}"),
        );
        schema
    }

    fn address_of_server(&self) -> String {
        let Server { folder, port, .. } = self;
        format!(
            "host={} port={port} user=ledger dbname=postgres",
            folder.display()
        )
    }
}

/// Has statements executed on a connection of their own.
pub(crate) fn execute(address: &str, sql: &str) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}

/// Whom the server runs as: it refuses to be run by root.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    let own = number(&["-u"])?;
    if own != 0 {
        return None;
    }
    let users = ["postgres", "nobody"].into_iter();
    let mut numbers =
        users.filter_map(|user| Some((number(&["-u", user])?, number(&["-g", user])?)));
    numbers.next()
}

fn number(arguments: &[&str]) -> Option<u32> {
    let told = Command::new("id")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(told.stdout).ok()?.trim().parse().ok()
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
