//! The device's own key, and the request by which its public half reaches the hub.

use std::fmt;

use contract::digest::Digest;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
    PublicKey, PublicKeyData,
};

use crate::IdentityError;

/// A key that was made on this device. `Debug` shows nothing of it.
pub struct DeviceKey(KeyPair);

impl DeviceKey {
    /// Makes one.
    pub fn create() -> Result<Self, IdentityError> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map(Self)
            .map_err(|source| IdentityError::Make { what: "device key", source })
    }

    /// Reads back what [`Self::pem`] wrote.
    pub fn load(pem: &str) -> Result<Self, IdentityError> {
        KeyPair::from_pem(pem).map(Self).map_err(|_| IdentityError::Pem { what: "private key" })
    }

    /// The secret, in PEM: for a file of mode 0600 and nothing else.
    pub fn pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// A PKCS #10 request in PEM. It names nobody: the hub chooses the names.
    pub fn request(&self) -> Result<String, IdentityError> {
        let make = |source| IdentityError::Make { what: "certificate request", source };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serialize_request(&self.0).and_then(|request| request.pem()).map_err(make)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(secret)")
    }
}

/// A request whose own signature was checked: whoever wrote it holds the key. Of all it says, only the public key is kept.
#[derive(Debug, Clone)]
pub struct VerifiedRequest {
    key: PublicKey,
}

impl VerifiedRequest {
    /// Parses a PKCS #10 request in PEM and checks that its own key signed it.
    pub fn verify(pem: &str) -> Result<Self, IdentityError> {
        let CertificateSigningRequestParams { params: _, public_key: key } =
            CertificateSigningRequestParams::from_pem(pem).map_err(IdentityError::Request)?;
        if PublicKeyData::algorithm(&key) == &PKCS_ECDSA_P256_SHA256 {
            Ok(Self { key })
        } else {
            Err(IdentityError::KeyKind)
        }
    }

    /// The digest of the public key: what an enrolment is bound to.
    pub fn key_digest(&self) -> Digest {
        Digest::of(self.key.der_bytes())
    }

    pub(crate) const fn key(&self) -> &PublicKey {
        &self.key
    }
}
