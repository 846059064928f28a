//! The provider of identities that people may come in by.

use std::path::PathBuf;

/// What a hub is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Its issuer, letter by letter as its own documents write it.
    pub issuer: String,
    /// What it calls this hub (`client_id`).
    pub client: String,
    /// The file with the secret that it gave this hub.
    pub secret: PathBuf,
    /// The authority that its certificates are of, in PEM; the machine's own list where none is given.
    pub authority: Option<PathBuf>,
}
