//! What handlers answer with: a type for each kind of answer, so that nothing is answered that the route does not say.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::{PartialSchema as _, ToSchema};

use super::describe::Sketch;
use crate::problem::{Fault, answer};

/// An answer of a known kind.
pub(super) trait Answer: IntoResponse {
    /// What it says of the route.
    fn sketch(sketch: &mut Sketch);
}

impl<A: Answer> Answer for Result<A, Fault> {
    fn sketch(sketch: &mut Sketch) {
        A::sketch(sketch);
    }
}

/// There is nothing to say.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// 200, and this is it.
pub(crate) struct Found<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize + ToSchema> Answer for Found<T> {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers_json::<T>(StatusCode::OK, "This is it.");
    }
}

/// 200, and this is it, under an entity tag of its own: the one by which it can be replaced.
pub(super) struct Tagged<T> {
    pub(super) tag: HeaderValue,
    pub(super) found: T,
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.tag)], Found(self.found)).into_response()
    }
}

impl<T: Serialize + ToSchema> Answer for Tagged<T> {
    fn sketch(sketch: &mut Sketch) {
        Found::<T>::sketch(sketch);
    }
}

/// 201 where it was made now, 200 where it was there before.
pub(super) struct Made<T> {
    new: bool,
    made: T,
}

impl<T> Made<T> {
    /// It was made now.
    pub(super) const fn new(made: T) -> Self {
        Self { new: true, made }
    }

    /// It was made now, or was there before.
    pub(super) const fn or_there(new: bool, made: T) -> Self {
        Self { new, made }
    }
}

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        answer(if self.new { StatusCode::CREATED } else { StatusCode::OK }, &self.made)
    }
}

impl<T: Serialize + ToSchema> Answer for Made<T> {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers_json::<T>(StatusCode::CREATED, "It was made.");
        sketch.answers_json::<T>(StatusCode::OK, "It was there before.");
    }
}

/// 200: it is done, and there is nothing to say of it.
pub(super) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, &Nothing {})
    }
}

impl Answer for Done {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers_json::<Nothing>(StatusCode::OK, "It is done.");
    }
}

/// 202: it is kept, and will be done.
pub(super) struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        answer(StatusCode::ACCEPTED, &Nothing {})
    }
}

impl Answer for Accepted {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers_json::<Nothing>(StatusCode::ACCEPTED, "It is kept, and will be done.");
    }
}

/// 200: a text to be read or printed.
pub(super) struct Text(pub(super) String);

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], self.0).into_response()
    }
}

impl Answer for Text {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers(StatusCode::OK, "A text.", Some(("text/plain", String::schema())));
    }
}

/// 200: a zip, as it is sent.
pub(super) struct Zip {
    pub(super) body: axum::body::Body,
    pub(super) headers: [(HeaderName, String); 3],
}

impl IntoResponse for Zip {
    fn into_response(self) -> Response {
        (self.headers, [(header::CONTENT_TYPE, "application/zip")], self.body).into_response()
    }
}

impl Answer for Zip {
    fn sketch(sketch: &mut Sketch) {
        let bytes = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .build();
        sketch.answers(StatusCode::OK, "A zip.", Some(("application/zip", bytes.into())));
    }
}

/// 200: a file of a packet, of whatever kind.
pub(super) struct Bytes {
    pub(super) body: axum::body::Body,
    pub(super) headers: [(HeaderName, String); 5],
}

/// An answer that says itself what a browser may do with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnPolicy;

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        let mut response = (self.headers, self.body).into_response();
        response.extensions_mut().insert(OwnPolicy);
        response
    }
}

impl Answer for Bytes {
    fn sketch(sketch: &mut Sketch) {
        let bytes = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .build();
        sketch.answers(StatusCode::OK, "The file.", Some(("application/octet-stream", bytes.into())));
    }
}

/// Another answer, with a cookie.
pub(super) struct WithCookie<A> {
    pub(super) cookie: String,
    pub(super) answer: A,
}

impl<A: IntoResponse> IntoResponse for WithCookie<A> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        // What stands in our cookies can stand in a header.
        if let Ok(cookie) = HeaderValue::from_str(&self.cookie) {
            headers.insert(header::SET_COOKIE, cookie);
        }
        (headers, self.answer).into_response()
    }
}

impl<A: Answer> Answer for WithCookie<A> {
    fn sketch(sketch: &mut Sketch) {
        A::sketch(sketch);
    }
}
