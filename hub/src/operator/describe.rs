//! What a route takes and gives, read off its handler's signature: each extractor and each answer adds its part to a sketch, from which the document is
//! made and by which requests are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use utoipa::ToSchema;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Schema};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::Source;
use super::admit::Begun;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::{Strict, Unasked};

/// The schemas that the document names.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// A reference to the type's schema, which is kept with all that it names in turn.
    pub(super) fn of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        for (name, schema) in all {
            self.keep(name, schema);
        }
        Ref::from_schema_name(T::name()).into()
    }

    /// Takes over those of another.
    pub(super) fn add(&mut self, others: Self) {
        for (name, schema) in others.0 {
            self.keep(name, schema);
        }
    }

    /// Two types of one name would be told as one. A test builds the whole document, so this is never seen by anybody else.
    fn keep(&mut self, name: String, mut schema: RefOr<Schema>) {
        close(&mut schema);
        let before = self.0.get(&name);
        debug_assert!(before.is_none_or(|before| *before == schema), "two types are called {name}");
        self.0.insert(name, schema);
    }

    pub(super) fn into_all(self) -> BTreeMap<String, RefOr<Schema>> {
        self.0
    }
}

/// Nothing but what is named: everything that crosses the plane is read and written strictly, and a derived schema says so of structs alone.
fn close(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            if !object.properties.is_empty() && object.additional_properties.is_none() {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
            object.properties.values_mut().for_each(close);
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                close(items);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(close),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(close),
        // Each part of a whole (`allOf`) knows its own names only; there is no other kind yet.
        _ => {}
    }
}

/// What is known of a route so far.
#[derive(Default)]
pub(super) struct Sketch {
    pub(super) schemas: Schemas,
    /// The body's schema, where a JSON body is asked for.
    pub(super) body: Option<RefOr<Schema>>,
    /// Parameters of the query and of headers.
    pub(super) parameters: Vec<Parameter>,
    /// Whether there is a query.
    pub(super) takes_query: bool,
    /// What it answers where it does what it is for.
    pub(super) answers: BTreeMap<u16, Response>,
    /// With which statuses it may refuse.
    pub(super) refuses: BTreeSet<u16>,
}

impl Sketch {
    /// It may refuse so.
    pub(super) fn refuses<const N: usize>(&mut self, statuses: [StatusCode; N]) {
        self.refuses.extend(statuses.map(|status| status.as_u16()));
    }

    /// It may answer so, with a body of this kind, or with none.
    pub(super) fn answers(&mut self, status: StatusCode, what: &str, content: Option<(&str, RefOr<Schema>)>) {
        let mut response = ResponseBuilder::new().description(what);
        if let Some((kind, schema)) = content {
            response = response.content(kind, Content::new(Some(schema)));
        }
        self.answers.insert(status.as_u16(), response.build());
    }

    /// It may answer so, in JSON.
    pub(super) fn answers_json<T: ToSchema>(&mut self, status: StatusCode, what: &str) {
        let schema = self.schemas.of::<T>();
        self.answers(status, what, Some(("application/json", schema)));
    }
}

/// One parameter of a handler.
pub(super) trait Part {
    /// What it says of the route.
    fn sketch(sketch: &mut Sketch);
}

/// Those that say nothing: what they hold comes from the hub, from the admission, or from the path, which the route itself names.
macro_rules! silent {
    ($($part:ty),+ $(,)?) => {
        $(impl Part for $part {
            fn sketch(_: &mut Sketch) {}
        })+
    };
}

silent!(State<Arc<Hub>>, Granted, Begun, HeaderMap, Extension<Source>);

impl<P> Part for Path<P> {
    fn sketch(sketch: &mut Sketch) {
        // What is no such id, and what is not there.
        sketch.refuses([StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND]);
    }
}

impl<T: ToSchema, const MAX: usize> Part for Strict<T, MAX> {
    fn sketch(sketch: &mut Sketch) {
        sketch.body = Some(sketch.schemas.of::<T>());
        sketch.refuses([
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]);
    }
}

impl<const MAX: usize> Part for Unasked<MAX> {
    fn sketch(sketch: &mut Sketch) {
        sketch.refuses([StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE]);
    }
}
