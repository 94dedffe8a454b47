//! What the program is told of a service.

use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, parse_pem};

use super::Remote;
use super::connection::Connection;
use crate::escape::printable;
use crate::is_typed;

const SERVER: &str = "GPU_CREDIT_SERVER";
const DB: &str = "GPU_CREDIT_DB";
const TOKEN: &str = "GPU_CREDIT_TOKEN";

#[derive(Args, Default)]
pub(crate) struct ServerArguments {
    /// A service that has the store, in place of --db: https://HOST of a machine that runs gpu-credit serve.
    /// The token for it is in the file of --token-file, or in the variable GPU_CREDIT_TOKEN
    #[arg(
        long,
        value_name = "URL",
        env = SERVER,
        hide_env_values = true,
        help_heading = "Store"
    )]
    server: Option<String>,
    /// A file with the token for the service, and nothing else
    #[arg(
        long,
        value_name = "FILE",
        env = "GPU_CREDIT_TOKEN_FILE",
        hide_env_values = true,
        help_heading = "Store"
    )]
    token_file: Option<PathBuf>,
    /// Certificates to trust the service by, in PEM, in place of those that browsers trust
    #[arg(
        long,
        value_name = "FILE",
        env = "GPU_CREDIT_CA_CERTIFICATE",
        hide_env_values = true,
        help_heading = "Store"
    )]
    ca_certificate: Option<PathBuf>,
    /// Take http:// to another machine, which sends the token as it is: something else encrypts it
    #[arg(long, help_heading = "Store")]
    plain_http: bool,
}

/// The address of a service, and the token for it.
pub(super) struct Address {
    /// For messages.
    pub(super) name: String,
    /// What paths come after.
    pub(super) base: String,
    pub(super) token: String,
    /// Those to trust it by; those that browsers trust if none are named.
    pub(super) certificates: Option<Vec<Certificate<'static>>>,
}

impl ServerArguments {
    /// The service that has the store; `None` if the store is a file or a database. What is typed goes before what
    /// the environment has.
    pub(crate) fn remote(&self) -> anyhow::Result<Option<Remote>> {
        let Some(url) = self.url()? else {
            return Ok(None);
        };
        let address = self.address(url)?;
        Remote::open(Connection::new(address)).map(Some)
    }

    /// The address of the service, as it was given.
    pub(crate) fn url(&self) -> anyhow::Result<Option<&str>> {
        let Some(url) = self.server.as_deref() else {
            return Ok(None);
        };
        match (is_typed("--server"), is_typed("--db")) {
            (true, true) => bail!("--server and --db name two stores: give one of them"),
            (true, false) => Ok(Some(url)),
            (false, true) => Ok(None),
            (false, false) => {
                ensure!(
                    env::var_os(DB).is_none(),
                    "{SERVER} and {DB} name two stores: unset one of them, or type --server or --db"
                );
                Ok(Some(url))
            }
        }
    }

    fn address(&self, url: &str) -> anyhow::Result<Address> {
        let base = checked(url, self.plain_http)?;
        Ok(Address {
            name: printable(&base).into_owned(),
            token: self.token()?,
            certificates: self
                .ca_certificate
                .as_deref()
                .map(certificates)
                .transpose()?,
            base,
        })
    }

    fn token(&self) -> anyhow::Result<String> {
        let (place, text) = match &self.token_file {
            Some(path) => {
                let shown = printable(&path.to_string_lossy()).into_owned();
                let text = fs::read_to_string(path);
                let text = text.with_context(|| format!("--token-file: {shown}"))?;
                (format!("--token-file: {shown}"), text)
            }
            None => {
                let text = env::var(TOKEN).ok().context(
                    "a service wants a token: --token-file names a file that has it, or the variable \
                     GPU_CREDIT_TOKEN has it; `gpu-credit token make` makes one on the machine of the service",
                )?;
                (TOKEN.to_owned(), text)
            }
        };
        let token = text.trim();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            is_token,
            "{place}: it has not a token alone, as `gpu-credit token make` prints it"
        );
        Ok(token.to_owned())
    }
}

/// The address of a service, without a slash at its end.
fn checked(url: &str, plain_http: bool) -> anyhow::Result<String> {
    let expected = || {
        anyhow!(
            "--server: found {url:?}, expected https://HOST, or http://127.0.0.1:8080 on this machine"
        )
    };
    let uri: Uri = url.parse().map_err(|_| expected())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(expected());
    };
    ensure!(
        !authority.as_str().contains('@'),
        "--server: a name or a password in the address is of no use: --token-file names the token"
    );
    if uri.query().is_some() {
        return Err(expected());
    }
    match scheme {
        "https" => {}
        "http" => ensure!(
            plain_http || is_loopback(authority.host()),
            "--server: {url:?} would send the token unencrypted: use https://, or --plain-http if something else \
             encrypts it"
        ),
        _ => return Err(expected()),
    }
    let path = uri.path().trim_end_matches('/');
    Ok(format!("{scheme}://{authority}{path}"))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let place = || {
        let shown = path.to_string_lossy();
        format!("--ca-certificate: {}", printable(&shown))
    };
    let text = fs::read(path).with_context(place)?;
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let certificates: Result<Vec<_>, _> = items.collect();
    let certificates = certificates
        .ok()
        .filter(|certificates| !certificates.is_empty());
    certificates.with_context(|| format!("{}: found no certificates in PEM", place()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_service() {
        let taken = |url| checked(url, false).unwrap();
        assert_eq!(taken("https://credit.example"), "https://credit.example");
        assert_eq!(
            taken("https://credit.example:8443/"),
            "https://credit.example:8443"
        );
        assert_eq!(taken("https://example/credit/"), "https://example/credit");
        for local in [
            "http://localhost:8080",
            "http://127.0.0.9:1",
            "http://[::1]:8080",
        ] {
            assert_eq!(taken(local), local);
        }
        for wrong in [
            "",
            "credit.example",
            "ftp://credit.example",
            "https://",
            "https://credit.example?a=b",
            "/v1",
        ] {
            let said = checked(wrong, true).unwrap_err().to_string();
            assert!(said.starts_with("--server: found "), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_token_is_not_sent_unencrypted_unless_that_is_typed() {
        let said = checked("http://credit.example", false)
            .unwrap_err()
            .to_string();
        assert!(said.contains("--plain-http"), "{said}");
        assert!(checked("http://credit.example", true).is_ok());
        let said = checked("https://me:Sesame@credit.example", true)
            .unwrap_err()
            .to_string();
        assert!(!said.contains("Sesame"), "{said}");
    }
}
