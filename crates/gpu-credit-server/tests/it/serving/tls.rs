//! TLS, with a certificate that is replaced while the service runs.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gpu_credit_server::service::{Exposure, ServiceError};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::running::{Running, short, status};

/// Writes a certificate for localhost that signs itself.
fn write(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

fn exposure(folder: &Path) -> Exposure {
    Exposure::Tls {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    }
}

/// The status of an answer, if the certificate is the one that is trusted.
fn ask(running: &Running, trusted: &CertificateDer<'static>) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, running.connect());
    let request = running.request("GET", "/v1/accounts/acme?at=5", "Connection: close\r\n", "");
    stream.write_all(&request).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Some(status(&String::from_utf8_lossy(&answer)))
}

#[test]
fn a_certificate_is_replaced_while_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let first = write(folder.path());
    let mut options = short();
    options.exposure = exposure(folder.path());
    let running = Running::start(options);
    assert_eq!(ask(&running, &first), Some(200));
    // In the clear nothing is answered.
    let mut stream = running.connect();
    stream
        .write_all(&running.request("GET", "/healthz", "", ""))
        .unwrap();
    assert_eq!(status(&super::running::rest(&mut stream)), 0);
    let second = write(folder.path());
    let mut tries = 0;
    while ask(&running, &second) != Some(200) {
        tries += 1;
        assert!(tries < 50);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(ask(&running, &first), None);
    // What cannot be used changes nothing.
    fs::write(folder.path().join("certificate.pem"), "no certificate").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(ask(&running, &second), Some(200));
}

#[test]
fn a_certificate_and_a_key_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let refused = || {
        let mut options = short();
        options.exposure = exposure(folder.path());
        super::life::refused(options)
    };
    fs::write(
        folder.path().join("key.pem"),
        other.signing_key.serialize_pem(),
    )
    .unwrap();
    assert!(matches!(refused(), ServiceError::Certificate { .. }));
    fs::write(folder.path().join("certificate.pem"), "").unwrap();
    assert!(matches!(refused(), ServiceError::Certificate { .. }));
    fs::remove_file(folder.path().join("certificate.pem")).unwrap();
    assert!(matches!(refused(), ServiceError::Certificate { .. }));
}
