//! A provider's token (RFC 7515, compact) and its keys (RFC 7517): pure.
//!
//! Read here rather than by a library: those that there are bring an implementation of RSA with an open advisory (RUSTSEC-2023-0071), and ring, which is
//! here already, checks every signature that is asked of it in one call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use thiserror::Error;

/// The longest token.
const TOKEN_MAX_BYTES: usize = 16 * 1024;

/// Why a token does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TokenFault {
    /// It is none.
    #[error("it is no signed token: {0}")]
    Malformed(&'static str),
    /// By none of the provider's keys.
    #[error("none of the provider's keys signed it")]
    Signature,
    /// It says something else than was asked.
    #[error("what it says is not what was asked: {0}")]
    Claims(&'static str),
}

/// What a token says, once its signature was good. Only [`verify`] makes one.
#[derive(Debug)]
pub(super) struct Payload(Vec<u8>);

impl Payload {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn of_a_test(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// The provider's keys. Those of kinds that are not used here are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// What a signature may be made with. There is no `none`, and nothing with a shared secret.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    const fn word(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Checks a token's signature by the keys.
pub(super) fn verify(token: &str, keys: &Keys) -> Result<Payload, TokenFault> {
    if token.len() > TOKEN_MAX_BYTES {
        return Err(TokenFault::Malformed("it is too long"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(TokenFault::Malformed("it has not three parts"));
    };
    let read =
        |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed("a part is not base 64"));
    let said: Header = serde_json::from_slice(&read(header)?)
        .map_err(|_| TokenFault::Malformed("its header names no algorithm that is taken"))?;
    if said.crit.is_some() {
        return Err(TokenFault::Malformed("its header asks for what is not understood"));
    }
    let (signed, signature) = (format!("{header}.{payload}"), read(signature)?);
    let is_by = |key: &&Key| key.fits(&said) && key.signed(said.alg, signed.as_bytes(), &signature).is_some();
    keys.keys.iter().find(is_by).ok_or(TokenFault::Signature)?;
    Ok(Payload(read(payload)?))
}

impl Key {
    /// Whether it is meant for such a token.
    fn fits(&self, said: &Header) -> bool {
        self.r#use.as_deref().is_none_or(|r#use| r#use == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == said.alg.word())
            && said.kid.as_ref().is_none_or(|kid| self.kid.as_ref() == Some(kid))
    }

    /// Something, where it signed this.
    fn signed(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_ref()?).ok();
        match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Algorithm::Rs256 | Algorithm::Ps256, "RSA", _) => {
                let key = RsaPublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? };
                let scheme = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => &RSA_PKCS1_2048_8192_SHA256,
                };
                key.verify(scheme, text, signature).ok()
            }
            (Algorithm::Es256, "EC", Some("P-256")) => {
                let point = [vec![4], part(&self.x)?, part(&self.y)?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text, signature).ok()
            }
            (Algorithm::EdDsa, "OKP", Some("Ed25519")) => {
                UnparsedPublicKey::new(&ED25519, part(&self.x)?).verify(text, signature).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    /// RFC 7515, appendix A.2: RS256.
    const RSA: (&str, &str) = (
        r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );

    fn keys(text: &str) -> Keys {
        serde_json::from_str(text).unwrap()
    }

    fn b64(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// A key and a token by it.
    fn elliptic(header: &Value, more: &Value) -> (Keys, String) {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let mut key = json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let signed = format!("{}.{}", b64(header.to_string()), b64("{}"));
        let signature = b64(pair.sign(&random, signed.as_bytes()).unwrap());
        let other = json!({ "kty": "oct", "k": "c2VjcmV0" });
        (keys(&json!({ "keys": [other, key] }).to_string()), format!("{signed}.{signature}"))
    }

    #[test]
    fn the_standards_own_token_holds_and_no_byte_of_it_can_be_changed() {
        let (keys, token) = (keys(RSA.0), RSA.1);
        assert!(verify(token, &keys).unwrap().bytes().starts_with(br#"{"iss":"joe""#));
        for at in (0..token.len()).step_by(7) {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a part holds bits that mean nothing; they must be none.
            assert!(verify(&changed, &keys).is_err(), "{at}: {changed}");
        }
    }

    #[test]
    fn elliptic_and_edwards_keys_count_too() {
        let (keys_, token) =
            elliptic(&json!({ "alg": "ES256", "kid": "1" }), &json!({ "kid": "1", "use": "sig" }));
        assert_eq!(verify(&token, &keys_).unwrap().bytes(), b"{}");
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap();
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key()) });
        let signed = format!("{}.{}", b64(r#"{"alg":"EdDSA"}"#), b64("{}"));
        let token = format!("{signed}.{}", b64(pair.sign(signed.as_bytes())));
        assert!(verify(&token, &keys(&json!({ "keys": [key] }).to_string())).is_ok());
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let plain = |header: &str| format!("{}.{}.", b64(header), b64("{}"));
        let keys_ = keys(RSA.0);
        for bad in [
            String::new(),
            "..".to_owned(),
            plain(r#"{"alg":"none"}"#),
            plain(r#"{"alg":"RS256"}"#),
            plain(r#"{"alg":"HS256"}"#),
            plain(r#"{"alg":"RS256","alg":"none"}"#),
            format!("{}.{}", RSA.1, b64("{}")),
            "A".repeat(TOKEN_MAX_BYTES + 1),
        ] {
            assert!(verify(&bad, &keys_).is_err(), "{bad}");
        }
        for (header, key) in [
            (json!({ "alg": "ES256", "kid": "1" }), json!({ "kid": "2" })),
            (json!({ "alg": "ES256", "kid": "1" }), json!({})),
            (json!({ "alg": "ES256" }), json!({ "use": "enc" })),
            (json!({ "alg": "ES256" }), json!({ "alg": "ES384" })),
            (json!({ "alg": "RS256" }), json!({})),
            (json!({ "alg": "ES256", "crit": ["b64"], "b64": false }), json!({})),
        ] {
            let (keys, token) = elliptic(&header, &key);
            assert!(verify(&token, &keys).is_err(), "{header} {key}");
        }
    }
}
