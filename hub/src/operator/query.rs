//! Queries: read strictly, and pages of lists with them.
//!
//! A list is read page by page, each from a place in its order: so what is added meanwhile moves nothing, and a page costs what it holds. The place is
//! told as a cursor, which holds nothing that its reader has any use for and is authenticated together with the list that it belongs to: another list's,
//! another tenant's or one that was made up is a mistake and reaches nothing. It is good for as long as the hub runs.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contract::plane::Page;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

use super::answers::Found;
use super::describe::{Part, Sketch};
use crate::hub::Hub;
use crate::problem::Fault;

/// The most items of one page.
pub(super) const LIMIT_MAX: u16 = 200;
/// As many as are told where nobody says how many.
const LIMIT: u16 = 100;
/// How much of the authenticator a cursor holds.
const TAG_BYTES: usize = 16;

/// What makes a cursor this hub's own.
#[derive(Debug)]
pub(crate) struct Cursors([u8; 32]);

impl Cursors {
    /// Drawn anew with each start.
    pub(crate) fn draw() -> std::io::Result<Self> {
        edge::random::bytes().map(Self)
    }

    fn tag(&self, list: &str, place: &[u8]) -> [u8; TAG_BYTES] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is one");
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(place);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        tag
    }

    fn write<P: Serialize>(&self, list: &str, place: &P) -> String {
        // A place is a few ids and numbers: there is nothing in it that JSON cannot say.
        let place = serde_json::to_vec(place).unwrap_or_default();
        let tag = self.tag(list, &place);
        BASE64_URL_SAFE_NO_PAD.encode([&tag[..], &place].concat())
    }

    fn read<P: DeserializeOwned>(&self, list: &str, cursor: &str) -> Option<P> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, place) = bytes.split_at_checked(TAG_BYTES)?;
        // The digests of both are compared, so how long it takes says nothing.
        let ours = contract::digest::Digest::of(&self.tag(list, place));
        if ours != contract::digest::Digest::of(tag) {
            return None;
        }
        serde_json::from_slice(place).ok()
    }
}

/// A query without cursor and limit, for lists that are not narrowed down.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct All {}

/// Which page of a list is asked for: after which place, and how narrowed down.
#[derive(Debug)]
pub(super) struct Paged<P, F = All> {
    /// What else the query says.
    #[allow(dead_code, reason = "for lists that can be narrowed down")]
    pub(super) filter: F,
    after: Option<P>,
    limit: u16,
    list: String,
    hub: Arc<Hub>,
}

impl<P: Serialize, F> Paged<P, F> {
    /// The place after which the page begins; none for the first.
    pub(super) const fn after(&self) -> Option<&P> {
        self.after.as_ref()
    }

    /// How many rows to look for: one more than are told, so that it shows whether there are more.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.limit) + 1
    }

    /// The page, of at most [`Self::rows`] rows in their order, each with its place.
    pub(super) fn page<T: Serialize + ToSchema>(self, rows: Vec<(P, T)>) -> Found<Page<T>> {
        self.page_of(rows, Some)
    }

    /// The same, of rows that are still to be looked at; those that cannot be are left out.
    pub(super) fn page_of<R, T: Serialize + ToSchema>(
        self,
        mut rows: Vec<(P, R)>,
        view: impl Fn(R) -> Option<T>,
    ) -> Found<Page<T>> {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let next = rows.last().filter(|_| more).map(|(place, _)| self.hub.cursors.write(&self.list, place));
        Found(Page { items: rows.into_iter().filter_map(|(_, row)| view(row)).collect(), next })
    }

    /// The page out of a list that is at hand as a whole.
    pub(super) fn cut<T: Serialize + ToSchema>(self, all: Vec<T>, place: impl Fn(&T) -> P) -> Found<Page<T>>
    where
        P: Ord,
    {
        let mut rows: Vec<(P, T)> = all.into_iter().map(|item| (place(&item), item)).collect();
        rows.retain(|(place, _)| self.after.as_ref().is_none_or(|after| place > after));
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows.truncate(self.rows());
        self.page(rows)
    }
}

impl<P, F> FromRequestParts<Arc<Hub>> for Paged<P, F>
where
    P: DeserializeOwned,
    F: DeserializeOwned,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let (mut cursor, mut limit, mut rest) = (None, None, Vec::new());
        for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let twice = match name {
                "cursor" => cursor.replace(value).is_some(),
                "limit" => limit.replace(value).is_some(),
                _ => {
                    rest.push(pair);
                    false
                }
            };
            if twice {
                return Err(bad_query(&format!("{name} stands there twice")));
            }
        }
        let rest = rest.join("&");
        let list = format!("{}?{rest}", parts.uri.path());
        let limit = match limit {
            None => LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| bad_query(&format!("limit is a number from 1 to {LIMIT_MAX}")))?,
        };
        let after = match cursor {
            None => None,
            Some(cursor) => Some(hub.cursors.read(&list, cursor).ok_or_else(|| {
                bad_query("the cursor is not one that this hub gave for this list since it was started: begin again without one")
            })?),
        };
        Ok(Self { filter: narrowed(&rest)?, after, limit, list, hub: Arc::clone(hub) })
    }
}

/// Which page.
#[derive(IntoParams)]
#[expect(dead_code, reason = "it is described, and read by hand")]
struct Which {
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, value_type = u16, required = false)]
    limit: Option<u16>,
    /// Where the page begins: what the page before it says as `next`.
    #[param(value_type = String, required = false)]
    cursor: Option<String>,
}

impl<P, F: IntoParams> Part for Paged<P, F> {
    fn sketch(sketch: &mut Sketch) {
        Asked::<Which>::sketch(sketch);
        Asked::<F>::sketch(sketch);
    }
}

/// A query that is read strictly: what is unknown or doubled is an error.
#[derive(Debug)]
pub(crate) struct Asked<Q>(pub(crate) Q);

impl<S: Sync, Q: DeserializeOwned> FromRequestParts<S> for Asked<Q> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        narrowed(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

impl<Q: IntoParams> Part for Asked<Q> {
    fn sketch(sketch: &mut Sketch) {
        sketch.takes_query = true;
        sketch.parameters.extend(Q::into_params(|| Some(ParameterIn::Query)));
        sketch.refuses([StatusCode::BAD_REQUEST]);
    }
}

/// What a query says, read strictly.
pub(crate) fn narrowed<Q: DeserializeOwned>(query: &str) -> Result<Q, Fault> {
    let uri: Uri = format!("/?{query}").parse().map_err(|_| bad_query("it is not written as a query is"))?;
    let read = Query::<Q>::try_from_uri(&uri);
    read.map(|Query(query)| query).map_err(|e| {
        bad_query(&std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
    })
}

fn bad_query(why: &str) -> Fault {
    Fault::theirs(StatusCode::BAD_REQUEST, format!("the query is not what belongs here: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_at_its_own_hub_and_nothing_else_is_one() {
        let (cursors, others) = (Cursors([1; 32]), Cursors([2; 32]));
        let list = "/api/v1/tenants/a/incidents?";
        let cursor = cursors.write(list, &7_u64);
        assert_eq!(cursors.read::<u64>(list, &cursor), Some(7));
        for elsewhere in
            ["/api/v1/tenants/b/incidents?", "/api/v1/tenants/a/orders?", "/api/v1/tenants/a/incidents?x=1"]
        {
            assert_eq!(cursors.read::<u64>(elsewhere, &cursor), None, "{elsewhere}");
        }
        assert_eq!(others.read::<u64>(list, &cursor), None);
        let forged = BASE64_URL_SAFE_NO_PAD.encode([&[0; TAG_BYTES][..], b"8"].concat());
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        *bytes.last_mut().unwrap() = b'8';
        for bad in ["", "x", "ä", &forged, &cursor[1..], &BASE64_URL_SAFE_NO_PAD.encode(bytes)] {
            assert_eq!(cursors.read::<u64>(list, bad), None, "{bad}");
        }
    }
}
