//! How connections are encrypted, and which servers they trust.

use std::sync::Arc;

use gpu_credit_store::StorageProblem;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;
use crate::failure::other;

/// What is asked of a connection, under the names that `libpq` has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    /// If the server can.
    Prefer,
    Require,
    /// The server's certificate leads to one that is trusted.
    VerifyCa,
    /// And it is that of the host.
    VerifyFull,
}

/// How connections are encrypted.
pub(crate) struct Encryption {
    /// `None` if they are not.
    pub(crate) connect: Option<MakeRustlsConnect>,
    pub(crate) mode: SslMode,
}

impl Encryption {
    pub(crate) fn of(address: &Address) -> Result<Self, StorageProblem> {
        let mode = mode(address)?;
        let roots = address.root_certificates.as_deref();
        if roots.is_none() && matches!(mode, Mode::VerifyCa | Mode::VerifyFull) {
            return Err(other(
                "sslmode=verify-ca and verify-full need sslrootcert=FILE, the certificates to trust",
            ));
        }
        let roots = roots.map(read_roots).transpose()?;
        let own = match (&address.certificate, &address.key) {
            (Some(certificate), Some(key)) => Some(Own::read(certificate, key)?),
            (None, None) => None,
            _ => return Err(other("sslcert and sslkey are given both or not at all")),
        };
        let connect = match mode {
            Mode::Disable => None,
            mode => Some(MakeRustlsConnect::new(config(mode, roots, own)?)),
        };
        Ok(Encryption {
            connect,
            mode: match mode {
                Mode::Disable => SslMode::Disable,
                Mode::Prefer => SslMode::Prefer,
                _ => SslMode::Require,
            },
        })
    }
}

fn mode(address: &Address) -> Result<Mode, StorageProblem> {
    Ok(match address.encryption.as_deref() {
        None | Some("prefer") => Mode::Prefer,
        Some("disable") => Mode::Disable,
        Some("require") => Mode::Require,
        Some("verify-ca") => Mode::VerifyCa,
        Some("verify-full") => Mode::VerifyFull,
        Some(_) => {
            return Err(other(
                "sslmode is disable, prefer, require, verify-ca or verify-full",
            ));
        }
    })
}

fn read_roots(path: &str) -> Result<RootCertStore, StorageProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates("sslrootcert", path)? {
        let added = roots.add(certificate);
        added.map_err(|error| other(format!("sslrootcert={path}: {error}")))?;
    }
    Ok(roots)
}

/// The certificates in a file, at least one.
fn read_certificates(
    option: &str,
    path: &str,
) -> Result<Vec<CertificateDer<'static>>, StorageProblem> {
    let failed = |error: &dyn std::fmt::Display| other(format!("{option}={path}: {error}"));
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| failed(&error))?;
    match certificates.is_empty() {
        true => Err(failed(&"there is no certificate in it")),
        false => Ok(certificates),
    }
}

/// By what the server knows the client: its certificate, with those between it and one that is trusted, and its key.
struct Own {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Own {
    fn read(certificate: &str, key: &str) -> Result<Self, StorageProblem> {
        let certificates = read_certificates("sslcert", certificate)?;
        let read = PrivateKeyDer::from_pem_file(key);
        let key = read.map_err(|error| other(format!("sslkey={key}: {error}")))?;
        Ok(Own { certificates, key })
    }
}

fn config(
    mode: Mode,
    roots: Option<RootCertStore>,
    own: Option<Own>,
) -> Result<ClientConfig, StorageProblem> {
    let failed = |error: &dyn std::fmt::Display| other(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let chain = roots.map(|roots| {
        WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build()
    });
    let chain = chain.transpose().map_err(|error| failed(&error))?;
    let verifier = Arc::new(Verifier {
        chain,
        is_of_host: mode == Mode::VerifyFull,
        provider: Arc::clone(&provider),
    });
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match own {
        None => Ok(config.with_no_client_auth()),
        Some(Own { certificates, key }) => {
            let config = config.with_client_auth_cert(certificates, key);
            config.map_err(|error| other(format!("sslcert and sslkey: {error}")))
        }
    }
}

/// Verifies what is asked for, as `libpq` does: without certificates to trust, none of the server's is refused.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether a certificate has to be that of the host.
    is_of_host: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = chain.verify_server_cert(certificate, between, host, response, now);
        match verified {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.is_of_host => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
