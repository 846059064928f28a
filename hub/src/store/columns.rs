//! Columns that hold our own types. What does not parse is an error, never a default.

use std::str::FromStr;

use contract::time::UtcTime;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

fn unreadable(column: usize) -> impl FnOnce(Boxed) -> Error {
    move |e| Error::FromSqlConversionFailure(column, Type::Text, e)
}

/// An identifier or a digest.
pub(crate) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|e: T::Err| unreadable(column)(e.into()))
}

/// The same where there may be none.
pub(crate) fn parsed_or_none<T>(row: &Row<'_>, column: usize) -> Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get_ref(column)?.as_str_or_null()? {
        Some(_) => parsed(row, column).map(Some),
        None => Ok(None),
    }
}

/// A value in JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|e| unreadable(column)(e.into()))
}

/// A value in JSON, or none.
pub(crate) fn json_or_none<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(serde_json::from_str).transpose().map_err(|e| unreadable(column)(e.into()))
}

/// A value as JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::ToSqlConversionFailure(e.into()))
}

/// An instant, in milliseconds since 1970.
pub(crate) fn instant(row: &Row<'_>, column: usize) -> Result<UtcTime> {
    UtcTime::from_unix_ms(row.get(column)?).map_err(|e| unreadable(column)(e.into()))
}

/// An instant, or none.
pub(crate) fn instant_or_none(row: &Row<'_>, column: usize) -> Result<Option<UtcTime>> {
    row.get::<_, Option<i64>>(column)?.map(|_| instant(row, column)).transpose()
}

/// A count or a size.
pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|e| unreadable(column)(e.into()))
}

/// A count or a size, to be written.
pub(crate) fn signed(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|e| Error::ToSqlConversionFailure(e.into()))
}
