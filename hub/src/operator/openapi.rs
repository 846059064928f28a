//! The document of the operator plane (`OpenAPI` 3.1), made of the table of routes: there is nothing in it that a route does not say, and no route that is not
//! in it. Known people get it, since it names the hub's version; the same stands in `docs/openapi.json`.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use contract::ids::{ApiKeyId, HostId, IncidentId, OperatorId, OrderId, SiteId, TenantId};
use contract::people::{ProblemDetails, Right};
use serde_json::Value;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required,
    ResponseBuilder,
};

use super::answers::Answer;
use super::cookies::Cookie;
use super::describe::{Part, Schemas, Sketch};
use super::route::{Access, Route, reads};
use super::table;

/// Where it is served.
const PATH: &str = "/api/v1/openapi.json";
/// The name of the problem among the responses.
const PROBLEM: &str = "Problem";

pub(super) fn routes() -> Vec<Route> {
    vec![reads(PATH, Right::OwnRead, "This document", show)]
}

/// The document, as it is sent.
struct Document;

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        static TEXT: LazyLock<String> = LazyLock::new(document);
        ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
    }
}

impl Answer for Document {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers(
            axum::http::StatusCode::OK,
            "OpenAPI 3.1.",
            Some(("application/json", Value::schema())),
        );
    }
}

/// Nothing is asked of whoever asks.
struct Anybody;

impl Part for Anybody {
    fn sketch(_: &mut Sketch) {}
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Anybody {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

/// `GET /api/v1/openapi.json`.
async fn show(_: Anybody) -> Document {
    Document
}

/// The document, in JSON.
pub(crate) fn document() -> String {
    let document = make();
    // It is made of strings and numbers: there is nothing in it that JSON cannot say.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn make() -> OpenApi {
    let mut schemas = Schemas::default();
    let mut paths = Paths::new();
    for route in table() {
        let (method, operation) = operation(&route, &mut schemas);
        let item = PathItem::new(method, operation);
        match paths.paths.get_mut(route.path) {
            Some(before) => before.merge_operations(item),
            None => {
                paths.paths.insert(route.path.to_owned(), item);
            }
        }
    }
    let problem = schemas.of::<ProblemDetails>();
    let problem = ResponseBuilder::new()
        .description("It was not done. `detail` says what went wrong, whose fault it is and what to do next.")
        .content("application/problem+json", Content::new(Some(problem)))
        .build();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        Cookie::SESSION,
        "A browser's session; `__Host-` stands before its name where TLS is in front. What changes something needs X-Suture-Csrf as well, with what the login answered.",
    )));
    let components = schemas
        .into_all()
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema))
        .response(PROBLEM, problem)
        .security_scheme("bearer", bearer)
        .security_scheme("cookie", cookie)
        .build();
    let info = InfoBuilder::new()
        .title("Suture's operator plane")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("What the console and the command line do, and anybody else may. See docs/api.md."))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn operation(route: &Route, schemas: &mut Schemas) -> (HttpMethod, OperationBuilder) {
    let Sketch { schemas: own, body, parameters, takes_query: _, answers, refuses } = route.sketch();
    schemas.add(own);
    let (method, is_read) = match route.method {
        "GET" => (HttpMethod::Get, true),
        "PUT" => (HttpMethod::Put, false),
        _ => (HttpMethod::Post, false),
    };
    let mut parts = route.name.rsplit("::");
    let (handler, room) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("{room}_{handler}")))
        .tag(room)
        .summary(Some(route.summary));
    operation = match route.access {
        Access::Open => operation
            .description(Some("Asks for no credential."))
            .securities(Some(Vec::<SecurityRequirement>::new())),
        Access::Right(right) => operation
            .description(Some(format!("Asks for the right `{}`.", right.word())))
            .security(SecurityRequirement::new("bearer", [""; 0]))
            .security(SecurityRequirement::new("cookie", [""; 0])),
    };
    for name in names(route.path) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema_of(name, schemas)));
        operation = operation.parameter(parameter);
    }
    for parameter in parameters {
        operation = operation.parameter(parameter);
    }
    if is_read {
        let known = ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("The entity tag of what is known: 304 where that is still it."))
            .schema(Some(String::schema()));
        operation = operation.parameter(known);
    }
    if let Some(body) = body {
        let body = RequestBodyBuilder::new()
            .content("application/json", Content::new(Some(body)))
            .required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for (status, answer) in answers {
        operation = operation.response(status.to_string(), answer);
    }
    for status in refuses {
        operation = operation.response(
            status.to_string(),
            RefOr::<utoipa::openapi::Response>::Ref(Ref::from_response_name(PROBLEM)),
        );
    }
    (method, operation)
}

/// The names in a path's braces.
fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// What a name in a path stands for. One that is not known here is any text, and a test is red.
fn schema_of(name: &str, schemas: &mut Schemas) -> RefOr<Schema> {
    match name {
        "tenant" => schemas.of::<TenantId>(),
        "site" => schemas.of::<SiteId>(),
        "host" => schemas.of::<HostId>(),
        "incident" => schemas.of::<IncidentId>(),
        "order" => schemas.of::<OrderId>(),
        "person" => schemas.of::<OperatorId>(),
        "seq" | "index" | "alert" | "call" | "learnt" => u64::schema(),
        "key" => schemas.of::<ApiKeyId>(),
        "fingerprint" => schemas.of::<contract::digest::Digest>(),
        _ => String::schema(),
    }
}

#[cfg(test)]
mod tests;
