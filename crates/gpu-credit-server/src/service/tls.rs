//! The certificate, which may be replaced while the service runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::ServiceError;
use crate::file_stamp::FileStamp;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// The certificate and its key as the files last had them, fitting each other.
struct Certificate {
    files: Files,
    current: RwLock<Arc<CertifiedKey>>,
}

#[derive(Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Accepts connections by TLS 1.2 and 1.3 with the certificate of these files. It looks each second whether they have
/// changed; if they cannot be used then, what was good stays.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ServiceError> {
    let files = Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let stamps = files.stamps();
    let certificate = Arc::new(Certificate {
        current: RwLock::new(Arc::new(files.read()?)),
        files,
    });
    tokio::spawn(watch(Arc::downgrade(&certificate), stamps));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions();
    let config = config.expect("the provider knows the versions");
    let mut config = config.with_no_client_auth().with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Until nobody accepts connections with it any more.
async fn watch(certificate: Weak<Certificate>, mut stamps: [FileStamp; 2]) {
    loop {
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        let Some(certificate) = certificate.upgrade() else {
            return;
        };
        let files = &certificate.files;
        let has_changed = stamps[0].may_have_changed(&files.certificate)
            || stamps[1].may_have_changed(&files.key);
        if !has_changed {
            continue;
        }
        stamps = files.stamps();
        match files.read() {
            Ok(read) => {
                let is_other = certificate.current.read().cert != read.cert;
                *certificate.current.write() = Arc::new(read);
                if is_other {
                    tracing::info!("the certificate was read again");
                }
            }
            // One of both may have been replaced before the other.
            Err(error) => {
                tracing::error!(%error, "the certificate cannot be read: it stays as it was");
            }
        }
    }
}

impl Files {
    fn stamps(&self) -> [FileStamp; 2] {
        [FileStamp::of(&self.certificate), FileStamp::of(&self.key)]
    }

    fn read(&self) -> Result<CertifiedKey, ServiceError> {
        let wrong = |path: &Path, problem: &dyn fmt::Display| ServiceError::Certificate {
            path: path.to_owned(),
            problem: problem.to_string(),
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate);
        let chain = chain.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(|error| wrong(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(&self.certificate, &"it has no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|error| wrong(&self.key, &error))?;
        let fitting = CertifiedKey::from_der(chain, key, &ring::default_provider());
        fitting.map_err(|error| wrong(&self.key, &error))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Certificate");
        shown
            .field("file", &self.files.certificate)
            .finish_non_exhaustive()
    }
}
