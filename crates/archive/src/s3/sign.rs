//! Signature Version 4, as Amazon's "Authenticating Requests: Using the Authorization Header" has it. Pure: the time is handed in.

use contract::digest::hex;
use contract::time::UtcTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::place::{Credentials, Region};

/// One request, as far as it is signed. Headers are lower-case, sorted, and hold `host`, `x-amz-date` and `x-amz-content-sha256`; the query is sorted.
#[derive(Debug)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// Already in the form in which it goes out.
    pub(super) path: &'a str,
    /// Not yet encoded.
    pub(super) query: &'a [(&'a str, String)],
    pub(super) headers: &'a [(String, String)],
    pub(super) body_digest: &'a str,
}

/// The time as it stands in a request: `20261121T055423Z`.
pub(super) fn stamp(now: UtcTime) -> String {
    let text = now.to_string();
    let short: String =
        text.chars().take("2026-11-21T05:54:23".len()).filter(|c| !"-:".contains(*c)).collect();
    format!("{short}Z")
}

/// The value of the header `authorization`.
pub(super) fn authorization(
    request: &Unsigned<'_>,
    stamp: &str,
    region: &Region,
    who: &Credentials,
) -> String {
    let day = stamp.split('T').next().unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", region.as_str());
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}:{}\n", v.trim())).collect();
    let headers = lines.concat();
    let Unsigned { method, path, query, headers: _, body_digest } = request;
    let canonical = format!("{method}\n{path}\n{}\n{headers}\n{names}\n{body_digest}", encoded(query));
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let parts = [day, region.as_str(), "s3", "aws4_request", &to_sign];
    let first = format!("AWS4{}", who.secret_key).into_bytes();
    let signature = parts.iter().fold(first, |key, part| hmac(&key, part.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
        who.access_key,
        hex(&signature)
    )
}

/// A query in the one form in which it is signed and sent.
pub(super) fn encoded(query: &[(&str, String)]) -> String {
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    pairs.join("&")
}

/// Everything but `A-Z a-z 0-9 - . _ ~` as `%XX` (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104)")]
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// The examples of Amazon's page on the header, with its key, time and bucket.
    fn signed(query: &[(&str, String)], more: &[(&str, &str)], path: &str) -> String {
        let stamp = stamp("2013-05-24T00:00:00.000Z".parse().unwrap());
        let fixed = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", &stamp),
        ];
        let mut headers: Vec<_> =
            fixed.iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        headers.sort();
        let request = Unsigned { method: "GET", path, query, headers: &headers, body_digest: EMPTY };
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
        let who = Credentials::new(concat!("AK", "IAIOSFODNN7EXAMPLE").to_owned(), secret, None);
        let line = authorization(&request, &stamp, &"us-east-1".parse().unwrap(), &who);
        line.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn amazons_own_examples_have_amazons_own_signatures() {
        assert_eq!(
            signed(&[], &[("range", "bytes=0-9")], "/test.txt"),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(
            signed(&[("lifecycle", String::new())], &[], "/"),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        assert_eq!(
            signed(&[("max-keys", "2".to_owned()), ("prefix", "J".to_owned())], &[], "/"),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn a_query_is_escaped_in_one_way() {
        let query = [("prefix", "a/b c+é~".to_owned())];
        assert_eq!(encoded(&query), "prefix=a%2Fb%20c%2B%C3%A9~");
    }
}
