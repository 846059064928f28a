//! The device's own key, and the request by which its public half reaches the hub.

use std::fmt;

use contract::digest::Digest;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
    PublicKey, PublicKeyData,
};

use crate::IdentityError;

/// A P-256 key in PKCS #8 is these bytes, a number, these bytes, a point (RFC 5915, RFC 5958).
const BEFORE_NUMBER: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
    0x04, 0x20,
];
const BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];
const NUMBER_BYTES: usize = 32;
/// A device's key in the fewest bytes: its number, and its public point as SEC 1 has it.
pub const SECRET_BYTES: usize = NUMBER_BYTES + 65;

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

    /// The secret as few bytes as it can be said in, for a TPM to seal: its number and its public point.
    pub fn secret(&self) -> Result<[u8; SECRET_BYTES], IdentityError> {
        let der = self.0.serialize_der();
        let split = || {
            let rest = der.strip_prefix(&BEFORE_NUMBER)?;
            let (number, rest) = rest.split_at_checked(NUMBER_BYTES)?;
            [number, rest.strip_prefix(&BEFORE_POINT)?].concat().try_into().ok()
        };
        split().ok_or(IdentityError::Pem { what: "private key" })
    }

    /// Reads back what [`Self::secret`] gave.
    pub fn from_secret(secret: &[u8; SECRET_BYTES]) -> Result<Self, IdentityError> {
        let (number, point) = secret.split_at(NUMBER_BYTES);
        let der = [&BEFORE_NUMBER[..], number, &BEFORE_POINT[..], point].concat();
        KeyPair::try_from(der).map(Self).map_err(|_| IdentityError::Pem { what: "private key" })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_fewest_bytes_and_from_no_others() {
        for _ in 0..20 {
            let key = DeviceKey::create().unwrap();
            let secret = key.secret().unwrap();
            assert_eq!(DeviceKey::from_secret(&secret).unwrap().pem(), key.pem());
            let mut bent = secret;
            bent[40] ^= 1;
            assert!(DeviceKey::from_secret(&bent).is_err(), "another point");
        }
    }
}
