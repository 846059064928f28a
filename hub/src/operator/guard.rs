//! Who may use the operator plane.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use contract::digest::Digest;

use crate::hub::Hub;
use crate::problem::Fault;

/// Lets a request through that was sent to loopback by name and bears the operator's token.
pub(super) async fn guard(
    State(hub): State<Arc<Hub>>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if !is_to_loopback(request.headers()) {
        let problem = "the Host header names another machine: use localhost or a loopback address";
        return Err(Fault::turned_away(StatusCode::FORBIDDEN, problem));
    }
    // Digests are compared, so how long it takes says nothing about the token.
    if bearer(request.headers()).is_none_or(|token| Digest::of(token) != hub.keys.operator) {
        let problem =
            "send `Authorization: Bearer <token>` with the content of operator.token in the hub's directory";
        return Err(Fault::turned_away(StatusCode::UNAUTHORIZED, problem));
    }
    Ok(next.run(request).await)
}

fn is_to_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_by_its_own_names() {
        let check = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_to_loopback(&headers)
        };
        for good in ["localhost", "localhost:6767", "127.0.0.1:6767", "127.0.0.9", "[::1]:6767"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "evil@localhost:1 ",
        ] {
            assert!(!check(bad), "{bad} was let through");
        }
        assert!(!is_to_loopback(&HeaderMap::new()));
    }
}
