//! What every route checks by what is known of it, once whoever asks was let in: that there is no query where none is taken, that a body is JSON; and
//! that a reader who has the newest already is told so.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use contract::digest::Digest;

use super::describe::Sketch;
use crate::problem::Fault;

/// The longest answer that is held in memory to be hashed: pages are far shorter. Kits say their digest themselves.
const HASHED_MAX: u64 = 8 * 1024 * 1024;

/// What is known of a route.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) takes_query: bool,
    pub(super) takes_body: bool,
    /// Every status that it may answer with.
    pub(super) says: BTreeSet<u16>,
}

impl Rules {
    pub(super) fn of(sketch: &Sketch) -> Self {
        let Sketch { schemas: _, body, parameters: _, takes_query, answers, refuses } = sketch;
        let says = answers.keys().chain(refuses).copied().collect();
        Self { takes_query: *takes_query, takes_body: body.is_some(), says }
    }
}

pub(super) async fn check(
    State(rules): State<Arc<Rules>>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if !rules.takes_query && request.uri().query().is_some() {
        return Err(Fault::theirs(
            StatusCode::BAD_REQUEST,
            "this path takes no query: leave out what follows the `?`",
        ));
    }
    if rules.takes_body && !is_json(request.headers()) {
        let problem = "send the body as JSON, and say so: Content-Type: application/json";
        return Err(Fault::theirs(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let answered = next.run(request).await;
    if looks { tagged(answered, known.as_ref()).await } else { Ok(answered) }
}

/// In a build that is being tried out: what a route answers is among what it says that it answers. Outside of the admission, which answers too.
pub(super) async fn keep_to(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answered = next.run(request).await;
    let status = answered.status();
    if rules.says.contains(&status.as_u16()) {
        return answered;
    }
    tracing::error!(path, %status, "a route answers what it does not say");
    let problem =
        format!("{path} answered {status}, which its description does not hold: that is the hub's mistake");
    Fault::theirs(StatusCode::NOT_IMPLEMENTED, problem).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (all.next(), all.next()) else { return false };
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The answer with its entity tag, or 304 where the reader named that one.
async fn tagged(answered: Response, known: Option<&HeaderValue>) -> Result<Response, Fault> {
    let is_whole = answered.body().size_hint().exact().is_some_and(|length| length <= HASHED_MAX);
    if answered.status() != StatusCode::OK || !(is_whole || answered.headers().contains_key(header::ETAG)) {
        return Ok(answered);
    }
    let (mut parts, mut body) = answered.into_parts();
    let tag = match parts.headers.get(header::ETAG) {
        Some(tag) => tag.clone(),
        None => {
            let bytes = to_bytes(body, usize::MAX).await.map_err(|e| Fault::ours("hold an answer", &e))?;
            let tag = entity_tag(&bytes);
            body = Body::from(bytes);
            parts.headers.insert(header::ETAG, tag.clone());
            tag
        }
    };
    if known.is_some_and(|known| names(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(Response::from_parts(parts, body))
}

/// The tag of these bytes.
pub(super) fn entity_tag(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", Digest::of(bytes).short(32));
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a list of tags, or `*`, names this one (RFC 9110, 8.8.3: a weak tag names the same for a reader).
pub(super) fn names(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else { return false };
    let mut each = list.split(',').map(str::trim);
    each.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_alone_in_a_list_weakly_or_by_a_star_and_not_otherwise() {
        let tag = entity_tag(b"x");
        let text = tag.to_str().unwrap();
        let check = |list: &str| names(&HeaderValue::from_str(list).unwrap(), &tag);
        for good in [text, "*", &format!("\"other\", {text}"), &format!("W/{text}")] {
            assert!(check(good), "{good}");
        }
        for bad in ["", "\"other\"", &text.replace('"', ""), "\"\""] {
            assert!(!check(bad), "{bad}");
        }
        assert_ne!(entity_tag(b"y"), tag);
    }

    #[test]
    fn json_is_what_says_that_it_is() {
        let check = |kinds: &[&str]| {
            let mut headers = HeaderMap::new();
            for kind in kinds {
                headers.append(header::CONTENT_TYPE, kind.parse().unwrap());
            }
            is_json(&headers)
        };
        assert!(check(&["application/json"]) && check(&["Application/JSON; charset=utf-8"]));
        assert!(!check(&[]) && !check(&["text/plain"]) && !check(&["application/jsonx"]));
        assert!(!check(&["application/json", "text/plain"]));
    }
}
