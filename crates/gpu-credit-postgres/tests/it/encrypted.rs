//! Connections that are encrypted, to a server that takes no others over the network.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use gpu_credit::Overdraft;
use gpu_credit_postgres::PostgresStore;
use gpu_credit_store::Posting;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::encrypted_server;

/// A server with a certificate for `localhost`.
struct Encrypted {
    port: u16,
    schema: String,
    /// That of the authority that has signed the server's certificate,
    authority: PathBuf,
    /// and that of another.
    stranger: PathBuf,
}

fn encrypted() -> &'static Encrypted {
    static SERVER: OnceLock<Encrypted> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (authority, issuer) = authority("one");
        let (stranger, _) = self::authority("other");
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        let server = encrypted_server(&certificate.pem(), &key.serialize_pem(), None);
        let file = |name: &str, text: String| {
            let path = server.folder().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Encrypted {
            port: server.port(),
            authority: file("authority.pem", authority),
            stranger: file("stranger.pem", stranger),
            schema: server.schema(),
        }
    })
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(authority, key))
}

impl Encrypted {
    fn open(&self, host: &str, options: &str) -> Result<PostgresStore, String> {
        let Encrypted { port, schema, .. } = self;
        let path = |path: &PathBuf| path.to_str().unwrap().replace('/', "%2F");
        let options = options
            .replace("AUTHORITY", &path(&self.authority))
            .replace("STRANGER", &path(&self.stranger));
        let search = format!("options=-c%20search_path%3D{schema}");
        let url = format!("postgres://ledger@{host}:{port}/postgres?{search}{options}");
        PostgresStore::open(&url).map_err(|error| error.to_string())
    }
}

#[test]
fn connections_are_encrypted_as_far_as_is_asked_for() {
    let server = encrypted();
    for (place, (host, options)) in [
        ("localhost", ""),
        ("127.0.0.1", "&sslmode=prefer"),
        ("127.0.0.1", "&sslmode=require"),
        ("127.0.0.1", "&sslmode=require&sslrootcert=AUTHORITY"),
        ("127.0.0.1", "&sslmode=verify-ca&sslrootcert=AUTHORITY"),
        ("localhost", "&sslmode=verify-full&sslrootcert=AUTHORITY"),
    ]
    .into_iter()
    .enumerate()
    {
        let store = server.open(host, options);
        let store = store.unwrap_or_else(|error| panic!("{host} {options}: {error}"));
        store.open_account("acme", Overdraft::Carry).unwrap();
        let usage = Posting::usage("acme", format!("u{place}"), 1, 12);
        store.post(usage).unwrap();
        assert_eq!(store.head("acme").unwrap().totals.used, place as u64 + 1);
    }
}

/// A server that asks clients for their certificates.
#[test]
fn a_client_shows_its_certificate() {
    let (authority, issuer) = authority("one");
    let certified = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let (certificate, key) = certified("localhost");
    let server = encrypted_server(&certificate, &key, Some(&authority));
    let (certificate, key) = certified("client");
    let file = |name: &str, text: &str| {
        let path = server.folder().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().replace('/', "%2F")
    };
    let certificate = file("client.pem", &certificate);
    let key = file("client.key", &key);
    let search = format!("options=-c%20search_path%3D{}", server.schema());
    let open = |options: &str| {
        let port = server.port();
        let url = format!("postgres://ledger@localhost:{port}/postgres?{search}{options}");
        PostgresStore::open(&url).map_err(|error| error.to_string())
    };
    let both = format!("&sslmode=require&sslcert={certificate}&sslkey={key}");
    open(&both).unwrap();
    for (options, expected) in [
        ("&sslmode=require", "certificate"),
        (&*format!("&sslcert={certificate}"), "both or not at all"),
        (
            &format!("&sslkey={key}&sslcert=missing.pem"),
            "sslcert=missing.pem: ",
        ),
        (
            &format!("&sslcert={certificate}&sslkey=missing.pem"),
            "sslkey=missing.pem: ",
        ),
        ("&strict_reads=perhaps", "strict_reads is true or false"),
    ] {
        let refused = open(options).unwrap_err();
        assert!(refused.contains(expected), "{options}: {refused}");
    }
}

#[test]
fn a_server_that_is_not_trusted_is_refused() {
    let server = encrypted();
    for (host, options, expected) in [
        ("127.0.0.1", "&sslmode=disable", "no encryption"),
        (
            "127.0.0.1",
            "&sslmode=verify-full&sslrootcert=AUTHORITY",
            "not valid for name",
        ),
        (
            "localhost",
            "&sslmode=verify-full&sslrootcert=STRANGER",
            "UnknownIssuer",
        ),
        (
            "localhost",
            "&sslmode=verify-ca&sslrootcert=STRANGER",
            "UnknownIssuer",
        ),
        (
            "localhost",
            "&sslmode=require&sslrootcert=STRANGER",
            "UnknownIssuer",
        ),
        ("localhost", "&sslmode=verify-full", "need sslrootcert=FILE"),
        (
            "localhost",
            "&sslmode=sesame",
            "sslmode is disable, prefer, require, verify-ca or verify-full",
        ),
        (
            "localhost",
            "&sslmode=require&sslrootcert=missing.pem",
            "sslrootcert=missing.pem: ",
        ),
    ] {
        let refused = server.open(host, options).unwrap_err();
        assert!(refused.contains(expected), "{host} {options}: {refused}");
    }
}
