//! Why a key, a certificate or a request was refused.

use thiserror::Error;

/// Why something of this crate could not be made or was not believed.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The kernel gave no random bytes.
    #[error("this machine's random generator does not answer: {0}")]
    Random(getrandom::Error),
    /// A key or certificate could not be made.
    #[error("cannot make a {what}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: rcgen::Error,
    },
    /// A PEM text does not hold what it should.
    #[error("not a {what} in PEM")]
    Pem {
        /// What it should hold.
        what: &'static str,
    },
    /// Key and certificate are not of one pair.
    #[error(
        "the authority's key does not belong to its certificate: one of the two files comes from elsewhere"
    )]
    NotAPair,
    /// It signs nothing that anybody would believe.
    #[error("this certificate makes no authority: {0}")]
    NotAnAuthority(&'static str),
    /// The authority is older than its lists of revoked certificates.
    #[error("this hub's authority was made without the right to sign lists of revoked certificates")]
    NoLists,
    /// The request is not PKCS #10, or its own signature does not match its key.
    #[error("not a certificate request signed by its own key")]
    Request(#[source] rcgen::Error),
    /// The request's key is of a kind that we do not certify.
    #[error("the request's key must be ECDSA P-256")]
    KeyKind,
    /// TLS refused the keys and certificates it was given.
    #[error("TLS cannot be set up with these keys and certificates")]
    Tls(#[source] rustls::Error),
    /// The authority's certificate cannot be used to check others.
    #[error("the authority's certificate cannot check client certificates")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}
