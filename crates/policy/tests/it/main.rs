//! The engine from the outside: the forty rows, the properties, the file, the index against a plain scan, and the corpus of policy files.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod beyond;
mod corpus;
mod given;
mod properties;
mod refusals;
mod table;
mod tokens;
