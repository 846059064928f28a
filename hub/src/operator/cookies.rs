//! The plane's cookies. Where TLS is in front, their names begin with `__Host-` (RFC 6265bis, section 4.1.3.2): a browser takes such a one from this host
//! alone, so no neighbour under the same domain can plant it.

use axum::http::{HeaderMap, header};

use crate::config::Door;
use crate::people::Opened;

/// How long a login at the provider of identities may take.
const STATE_TIME_S: u32 = 600;

/// One of the two.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cookie {
    /// A browser's session.
    Session,
    /// A login under way at the provider of identities: by it the browser that comes back is known to be the one that went.
    State,
}

impl Cookie {
    /// The session's, on loopback.
    pub(crate) const SESSION: &str = "suture_session";

    const fn name(self, door: &Door) -> &'static str {
        match (self, door.is_secure()) {
            (Self::Session, true) => "__Host-suture_session",
            (Self::Session, false) => Self::SESSION,
            (Self::State, true) => "__Host-suture_oidc",
            (Self::State, false) => "suture_oidc",
        }
    }

    /// Its value. Where a browser sends two of the name, somebody planted one: then there is none.
    pub(crate) fn read(self, headers: &HeaderMap, door: &Door) -> Option<String> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let of_name = |cookie: &str| {
            cookie.strip_prefix(self.name(door)).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned)
        };
        let mut all = lines.flat_map(|line| line.split("; ")).filter_map(of_name);
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }

    /// What a browser is told to keep for as long as it runs.
    pub(crate) fn of_session(opened: &Opened, door: &Door) -> String {
        let (name, secure) = (Self::Session.name(door), secure(door));
        format!("{name}={}; Path=/; HttpOnly; SameSite=Strict{secure}", opened.secret.reveal())
    }

    /// What a browser is told where its session ended.
    pub(crate) fn session_gone(door: &Door) -> String {
        let (name, secure) = (Self::Session.name(door), secure(door));
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}")
    }

    /// What a browser is told to keep until it comes back. Lax, since the provider's page sends it back.
    pub(crate) fn of_state(state: &str, door: &Door) -> String {
        let (name, secure) = (Self::State.name(door), secure(door));
        format!("{name}={state}; Path=/; Max-Age={STATE_TIME_S}; HttpOnly; SameSite=Lax{secure}")
    }

    /// What a browser is told where it came back.
    pub(crate) fn state_gone(door: &Door) -> String {
        let (name, secure) = (Self::State.name(door), secure(door));
        format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
    }
}

const fn secure(door: &Door) -> &'static str {
    if door.is_secure() { "; Secure" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_tls_a_planted_cookie_is_none_and_of_two_neither_counts() {
        let proxy = Door::Proxy { name: "hub.example".parse().unwrap() };
        let read = |cookies: &str, door: &Door| {
            let headers = [(header::COOKIE, cookies.parse().unwrap())].into_iter().collect();
            Cookie::Session.read(&headers, door)
        };
        assert_eq!(read("suture_session=planted", &proxy), None, "one without the prefix can be anybody's");
        assert_eq!(read("a=b; __Host-suture_session=own", &proxy).as_deref(), Some("own"));
        assert_eq!(read("suture_session=own", &Door::Loopback).as_deref(), Some("own"));
        assert_eq!(read("suture_session=planted; suture_session=own", &Door::Loopback), None);
        assert_eq!(read("suture_sessions=x", &Door::Loopback), None);
        let told = Cookie::of_state("s", &proxy);
        assert!(told.starts_with("__Host-suture_oidc=s; Path=/;") && told.ends_with("; Secure"), "{told}");
    }
}
