//! What the hub's `OpenAPI` document says of these types, behind the feature `schema`: nothing on a clinic's machine is built with it.

#[cfg(feature = "schema")]
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// A type that is one text on the wire: its grammar, and the least and the greatest number of characters where the grammar does not say it.
macro_rules! text {
    ($name:ident, $pattern:expr, $lengths:expr) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::schema::object($pattern, $lengths).into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

pub(crate) use text;

#[cfg(feature = "schema")]
pub(crate) fn object(pattern: &str, lengths: Option<(usize, usize)>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length(lengths.map(|(min, _)| min))
        .max_length(lengths.map(|(_, max)| max))
        .build()
}
