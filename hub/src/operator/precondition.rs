//! `If-Match`: what is to be replaced is still what whoever replaces it has read. The entity tag of a text is its digest in quotes, and `"none"` where there
//! is none.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use contract::digest::Digest;
use utoipa::PartialSchema as _;
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};

use super::checks::names;
use super::describe::{Part, Sketch};
use crate::problem::Fault;

/// What has to be there; anything where nothing is said.
#[derive(Debug, Clone)]
pub(super) struct IfMatch(Option<HeaderValue>);

impl IfMatch {
    /// Whether a text that is there, or none, is what was named.
    pub(super) fn holds(&self, text: Option<&str>) -> bool {
        match &self.0 {
            None => true,
            // It names whatever is there, and nothing where nothing is (RFC 9110, 13.1.1).
            Some(named) if named == "*" => text.is_some(),
            // A weak tag never matches here: the bytes are what is replaced.
            Some(named) if named.as_bytes().starts_with(b"W/") => false,
            Some(named) => names(named, &text_tag(text)),
        }
    }

    /// What is answered where it is not.
    pub(super) fn failed() -> Fault {
        let problem = "it was changed since you read it: read it again, and decide again";
        Fault::theirs(StatusCode::PRECONDITION_FAILED, problem)
    }
}

/// The entity tag of a text.
pub(super) fn text_tag(text: Option<&str>) -> HeaderValue {
    let tag = text.map_or_else(|| "none".to_owned(), |text| Digest::of(text.as_bytes()).to_string());
    HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"none\""))
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let mut all = parts.headers.get_all(header::IF_MATCH).iter();
        match (all.next(), all.next()) {
            (named, None) => Ok(Self(named.cloned())),
            (_, Some(_)) => {
                Err(Fault::theirs(StatusCode::BAD_REQUEST, "If-Match stands there twice: send one"))
            }
        }
    }
}

impl Part for IfMatch {
    fn sketch(sketch: &mut Sketch) {
        let named = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The entity tag of the text that is to be replaced, its digest in quotes: 412 where it is another by now."))
            .schema(Some(String::schema()));
        sketch.parameters.push(named.build());
        sketch.refuses([StatusCode::BAD_REQUEST, StatusCode::PRECONDITION_FAILED]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_there_or_nothing_is_replaced() {
        let check = |named: Option<&str>, text: Option<&str>| {
            IfMatch(named.map(|named| HeaderValue::from_str(named).unwrap())).holds(text)
        };
        let tag = format!("\"{}\"", Digest::of(b"x"));
        assert!(check(None, None) && check(None, Some("x")));
        assert!(check(Some(&tag), Some("x")) && check(Some("*"), Some("x")) && check(Some("\"none\""), None));
        assert!(check(Some(&format!("\"a\", {tag}")), Some("x")));
        assert!(!check(Some(&tag), Some("y")) && !check(Some(&tag), None) && !check(Some("*"), None));
        assert!(!check(Some("\"none\""), Some("x")) && !check(Some(&format!("W/{tag}")), Some("x")));
    }
}
