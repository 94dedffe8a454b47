//! How connections are encrypted, and which servers they trust.

use std::sync::Arc;

use gpu_credit_store::StorageProblem;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
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
        let connect = match mode {
            Mode::Disable => None,
            mode => Some(MakeRustlsConnect::new(config(mode, roots)?)),
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
    let failed = |error: &dyn std::fmt::Display| other(format!("sslrootcert={path}: {error}"));
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    match roots.is_empty() {
        true => Err(failed(&"there is no certificate in it")),
        false => Ok(roots),
    }
}

fn config(mode: Mode, roots: Option<RootCertStore>) -> Result<ClientConfig, StorageProblem> {
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
    Ok(config
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
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
