//! What a request says in its address, and how much in its header, before anybody asks who sends it.

use std::net::Ipv6Addr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use crate::problem::kinds;
use crate::{Problem, access};

/// Whether requests have to name a host of this machine. A page that a browser has loaded from elsewhere could otherwise
/// have its own name lead here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    OfThisMachine,
    Any,
}

/// Bytes of the first line of a request and of all fields of its header, at most.
pub(super) const HEADER_BYTES_MAX: usize = 64 << 10;

/// A middleware that refuses headers that are too large, addresses with a token in them, and hosts that are not those of
/// this machine.
pub(super) async fn checked(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let checked = check_size(&request);
    let checked = checked.and_then(|()| check(hosts, request.uri(), request.headers()));
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check_size(request: &Request) -> Result<(), Problem> {
    // The spaces, colons and ends of lines that belong to it.
    const LINE: usize = "  HTTP/1.1\r\n".len();
    const FIELD: usize = ": \r\n".len();
    let uri = request.uri();
    let address = uri
        .path_and_query()
        .map_or(0, |address| address.as_str().len());
    let host = uri.authority().map_or(0, |host| host.as_str().len());
    let line = request.method().as_str().len() + host + address + LINE;
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    let bytes = line + fields.sum::<usize>();
    match bytes <= HEADER_BYTES_MAX {
        true => Ok(()),
        false => {
            let detail =
                format!("the header has {bytes} bytes, expected at most {HEADER_BYTES_MAX}");
            Err(Problem::new(&kinds::HEADER_TOO_LARGE, detail))
        }
    }
}

fn check(hosts: Hosts, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let address = uri.path_and_query().map_or("", |address| address.as_str());
    let decoded = percent_decode_str(address).decode_utf8_lossy();
    if access::is_within(&decoded) {
        let detail = "a token belongs into the header Authorization: revoke this one, as addresses are logged";
        return Err(Problem::new(&kinds::TOKEN_IN_ADDRESS, detail));
    }
    if hosts == Hosts::OfThisMachine && !names_this_machine(uri, headers) {
        let detail = "expected the host localhost, or a loopback address";
        return Err(Problem::new(&kinds::MISDIRECTED, detail));
    }
    Ok(())
}

fn names_this_machine(uri: &Uri, headers: &HeaderMap) -> bool {
    let of_uri = uri.authority().is_none_or(is_of_this_machine);
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let host = host.to_str().ok().and_then(|host| host.parse().ok());
    of_uri && host.is_some_and(|host| is_of_this_machine(&host))
}

fn is_of_this_machine(host: &Authority) -> bool {
    // Not what is before a @.
    let name = host.host();
    if host.as_str().contains('@') {
        return false;
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match bare {
        Some(bare) => bare
            .parse()
            .is_ok_and(|address: Ipv6Addr| address.to_canonical().is_loopback()),
        None => {
            let is_loopback = |address: std::net::Ipv4Addr| address.is_loopback();
            name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn checked(uri: &str, hosts: &[&str]) -> Option<StatusCode> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let checked = check(Hosts::OfThisMachine, &uri.parse().unwrap(), &headers);
        checked.err().map(|problem| problem.kind().status)
    }

    #[test]
    fn hosts_of_this_machine_are_served_on_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]",
            "[::1]:1",
        ] {
            assert_eq!(checked("/v1/accounts", &[host]), None, "{host}");
        }
        let others = [
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "evil@localhost",
            "localhost@evil",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
            "",
            "2130706433",
        ];
        for host in others {
            let refused = checked("/v1/accounts", &[host]);
            assert_eq!(refused, Some(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        assert!(checked("/", &[]).is_some());
        assert!(checked("/", &["localhost", "localhost"]).is_some());
        assert!(checked("http://example.com/", &["localhost"]).is_some());
        assert_eq!(checked("http://localhost/", &["localhost"]), None);
    }

    #[test]
    fn an_address_with_a_token_is_refused() {
        let token = format!("gct_01234567_{}", "0af9".repeat(10));
        let tokens = [
            format!("/v1/accounts?token={token}"),
            format!("/v1/accounts/{token}"),
            format!("/{}", token.replace('_', "%5f")),
            format!("/?a={}", token.replace("gct", "%67ct")),
        ];
        for uri in tokens {
            let refused = checked(&uri, &["localhost"]);
            assert_eq!(refused, Some(StatusCode::BAD_REQUEST), "{uri}");
        }
        // A name may begin so.
        assert_eq!(checked("/v1/accounts/gct_team", &["localhost"]), None);
    }
}
