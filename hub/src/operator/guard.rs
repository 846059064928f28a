//! Which requests come from where they say: by the names of this machine, and not from somebody else's page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use contract::record::NotAllowed;

use super::Source;
use super::door::forwarded_for;
use crate::config::{Door, HubName};
use crate::hub::Hub;
use crate::problem::Fault;

/// The page that the provider of identities sends people to.
const BACK: &str = "/login/back";
/// The longest address.
const ADDRESS_MAX_BYTES: usize = 4 * 1024;
/// The most that the head of a request may hold beside it.
const HEADERS_MAX_BYTES: usize = 32 * 1024;

/// Lets a request through that was sent to loopback by name, and by no other page.
pub(super) async fn guard(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if request.uri().path().len() + request.uri().query().map_or(0, str::len) > ADDRESS_MAX_BYTES {
        let problem =
            format!("the address is longer than {ADDRESS_MAX_BYTES} bytes: no path or query here is");
        return Err(Fault::turned_away(StatusCode::URI_TOO_LONG, problem));
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > HEADERS_MAX_BYTES {
        let problem = format!("the headers hold more than {HEADERS_MAX_BYTES} bytes: send fewer");
        return Err(Fault::turned_away(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, problem));
    }
    if !is_to_us(request.headers(), hub.door.name()) {
        let problem = "the Host header names another machine: use localhost, a loopback address, or the name that the hub was given with --operator-name";
        return Err(Fault::turned_away(StatusCode::FORBIDDEN, problem));
    }
    if let (Door::Proxy { .. }, Some(asked)) = (&hub.door, forwarded_for(request.headers())) {
        request.extensions_mut().insert(Source(asked));
    }
    // Whoever comes back from the provider of identities comes from its page; the browser that went there is known by a cookie.
    let comes_back = request.method() == Method::GET && request.uri().path() == BACK;
    if !comes_back && !is_from_here(request.method(), request.headers()) {
        let written = hub.people.write_stranger(NotAllowed::CrossSite, edge::clock::utc()).await;
        written.map_err(|e| Fault::ours("record a refusal", &e))?;
        let problem = "the request comes from another page: only the hub's own pages may ask";
        return Err(Fault::turned_away(StatusCode::FORBIDDEN, problem));
    }
    Ok(next.run(request).await)
}

/// Whether a browser that says where a request comes from says that it is from this very plane. Programs say nothing.
fn is_from_here(method: &Method, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let same_origin =
        |origin: &str| ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host));
    let origin = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin.to_str().is_ok_and(same_origin),
        (Some(_), Some(_)) => false,
    };
    let site = headers.get("sec-fetch-site").is_none_or(|site| {
        // A person who follows a link, or types the address, only looks.
        site == "same-origin" || (*method == Method::GET && site == "none")
    });
    origin && site
}

fn is_to_us(headers: &HeaderMap, own: Option<&HubName>) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_own = own.is_some_and(|own| own.as_str() == name);
    is_own || name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_by_its_own_names() {
        let check = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_to_us(&headers, None)
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
        assert!(!is_to_us(&HeaderMap::new(), None));
    }

    #[test]
    fn a_plane_with_a_name_answers_to_it_and_to_no_other() {
        let own = "hub.example".parse().unwrap();
        let check = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_to_us(&headers, Some(&own))
        };
        assert!(check("hub.example") && check("hub.example:8443") && check("localhost:6767"));
        assert!(!check("evil.example") && !check("hub.example.evil.example") && !check("x.hub.example"));
    }

    #[test]
    fn another_page_is_not_let_in_and_a_program_is() {
        let check = |method: Method, more: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "localhost:6767".parse().unwrap());
            for (name, value) in more {
                headers.append(*name, value.parse().unwrap());
            }
            is_from_here(&method, &headers)
        };
        for good in [
            &[][..],
            &[("origin", "http://localhost:6767")],
            &[("origin", "https://localhost:6767"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(check(Method::POST, good), "{good:?}");
        }
        for bad in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://localhost:6768")],
            &[("origin", "http://localhost:6767.evil.example")],
            &[("origin", "http://localhost:6767"), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!check(Method::POST, bad) && !check(Method::GET, bad), "{bad:?} was let in");
        }
        assert!(check(Method::GET, &[("sec-fetch-site", "none")]));
        assert!(!check(Method::POST, &[("sec-fetch-site", "none")]));
    }
}
