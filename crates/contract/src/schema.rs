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

/// A type that is one word of a closed set on the wire.
macro_rules! words {
    ($name:ident, $words:expr) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some($words))
                    .into()
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

pub(crate) use {text, words};

/// A page is told under the name of what is on it: the derived name would be the same for all.
#[cfg(feature = "schema")]
mod page {
    use std::borrow::Cow;

    use utoipa::openapi::schema::{
        AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
    };
    use utoipa::openapi::{Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use crate::plane::Page;

    impl<T: ToSchema> PartialSchema for Page<T> {
        fn schema() -> RefOr<Schema> {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
            let next = ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some(
                    "The `cursor` with which the next page is asked for; null on the last one.",
                ));
            ObjectBuilder::new()
                .property("items", items)
                .required("items")
                .property("next", next)
                .required("next")
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
                .into()
        }
    }

    impl<T: ToSchema> ToSchema for Page<T> {
        fn name() -> Cow<'static, str> {
            format!("PageOf{}", T::name()).into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((T::name().into_owned(), T::schema()));
            T::schemas(schemas);
        }
    }
}

#[cfg(feature = "schema")]
pub(crate) fn object(pattern: &str, lengths: Option<(usize, usize)>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length(lengths.map(|(min, _)| min))
        .max_length(lengths.map(|(_, max)| max))
        .build()
}
