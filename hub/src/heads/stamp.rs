//! RFC 3161: a request for a timestamp, and what an answer must be before it is kept.
//!
//! What is checked here: the authority granted it, over exactly these bytes, in answer to exactly this request. The authority's signature is not
//! checked here, since that takes a whole certificate path with its revocations; the answer is kept as it came, and `openssl ts -verify` checks it
//! with the authority's certificate, as an auditor would.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::der::{BOOLEAN, CONTEXT_0, Der, INTEGER, OBJECT, OCTETS, SEQUENCE, SET, TIME, UTF8, value};

/// `id-sha256` (2.16.840.1.101.3.4.2.1).
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// `id-signedData` (1.2.840.113549.1.7.2).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `id-ct-TSTInfo` (1.2.840.113549.1.9.16.1.4).
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// ASN.1's NULL.
const NULL: &[u8] = &[0x05, 0x00];

/// A request: for these bytes, and with this nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StampRequest {
    imprint: [u8; 32],
    nonce: [u8; 8],
}

/// What an authority vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamped {
    /// When, by the authority's clock: `YYYYMMDDhhmmss[.fraction]Z`.
    pub(super) time: String,
}

/// Why there is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum StampError {
    /// It is not an RFC 3161 answer.
    #[error("the authority's answer is no timestamp response: {0}")]
    Malformed(&'static str),
    /// The authority did not grant it.
    #[error("the authority did not grant it: status {status} {text:?}")]
    NotGranted {
        /// Its `PKIStatus`.
        status: u64,
        /// What it said, shortened.
        text: String,
    },
    /// It is over something else.
    #[error("the timestamp is over other bytes than were sent")]
    OtherBytes,
    /// It answers another request.
    #[error("the timestamp answers another request: its nonce differs")]
    OtherRequest,
    /// The authority was not reached, or did not answer like one.
    #[error("the authority could not be asked: {0}")]
    Unreachable(String),
}

impl StampRequest {
    /// A request for a timestamp over `bytes`; `random` makes it unlike every other.
    pub(super) fn new(bytes: &[u8], random: [u8; 8]) -> Self {
        let mut nonce = random;
        // A positive INTEGER of exactly eight bytes.
        nonce[0] = nonce[0] & 0x3f | 0x40;
        Self { imprint: Sha256::digest(bytes).into(), nonce }
    }

    /// The `TimeStampReq` (RFC 3161 §2.4.1), which asks for the authority's certificate as well.
    pub(super) fn der(&self) -> Vec<u8> {
        let imprint = value(
            SEQUENCE,
            &[&value(SEQUENCE, &[&value(OBJECT, &[SHA256]), NULL]), &value(OCTETS, &[&self.imprint])],
        );
        let certificate = value(BOOLEAN, &[&[0xff]]);
        value(SEQUENCE, &[&value(INTEGER, &[&[1]]), &imprint, &value(INTEGER, &[&self.nonce]), &certificate])
    }

    /// Reads a `TimeStampResp` (RFC 3161 §2.4.2) strictly, and checks that it answers this request.
    pub(super) fn check(&self, response: &[u8]) -> Result<Stamped, StampError> {
        let mut all = Der(response);
        let mut response = all.expect(SEQUENCE, "no response")?;
        all.end("something follows the response")?;
        granted(response.expect(SEQUENCE, "no status")?)?;
        let token = response.expect(SEQUENCE, "no token")?;
        response.end("something follows the token")?;
        self.check_info(info(token)?)
    }

    /// `TSTInfo` (RFC 3161 §2.4.2).
    fn check_info(&self, mut info: Der<'_>) -> Result<Stamped, StampError> {
        if info.expect(INTEGER, "no version")?.0 != [1] {
            return Err(StampError::Malformed("another version than 1"));
        }
        info.expect(OBJECT, "no policy")?;
        let mut imprint = info.expect(SEQUENCE, "no imprint")?;
        let mut algorithm = imprint.expect(SEQUENCE, "no algorithm")?;
        let sha256 = algorithm.expect(OBJECT, "no algorithm")?.0 == SHA256;
        let plain = algorithm.0.is_empty() || algorithm.0 == NULL;
        let hash = imprint.expect(OCTETS, "no hash")?.0;
        imprint.end("something follows the hash")?;
        if !sha256 || !plain || hash != self.imprint {
            return Err(StampError::OtherBytes);
        }
        info.expect(INTEGER, "no serial number")?;
        let time = time(info.expect(TIME, "no time")?)?;
        // Its accuracy, and whether it is ordered: nothing that we rely on.
        let _ = info.next_if(SEQUENCE);
        let _ = info.next_if(BOOLEAN);
        let nonce = info.next_if(INTEGER);
        if nonce.is_none_or(|nonce| nonce.0 != self.nonce) {
            return Err(StampError::OtherRequest);
        }
        Ok(Stamped { time })
    }
}

/// `PKIStatusInfo` (RFC 3161 §2.4.2): 0 granted, 1 granted with modifications; both come with a token.
fn granted(mut status: Der<'_>) -> Result<(), StampError> {
    let number = status.expect(INTEGER, "no status")?.0;
    match number {
        [0 | 1] => return Ok(()),
        [] => return Err(StampError::Malformed("an empty status")),
        _ => {}
    }
    let mut said = status.next_if(SEQUENCE).unwrap_or(Der(&[]));
    let said = said.next_if(UTF8).map(|text| String::from_utf8_lossy(text.0).into_owned());
    let text = said.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    let status = number.iter().take(7).fold(0, |status, byte| status << 8 | u64::from(*byte));
    Err(StampError::NotGranted { status, text })
}

/// The `TSTInfo` within a token: a CMS `SignedData` (RFC 5652 §5.1) that somebody signed.
fn info(mut token: Der<'_>) -> Result<Der<'_>, StampError> {
    if token.expect(OBJECT, "no content type")?.0 != SIGNED_DATA {
        return Err(StampError::Malformed("the token is no signed data"));
    }
    let mut content = token.expect(CONTEXT_0, "no content")?;
    token.end("something follows the content")?;
    let mut signed = content.expect(SEQUENCE, "no signed data")?;
    content.end("something follows the signed data")?;
    signed.expect(INTEGER, "no version of signed data")?;
    signed.expect(SET, "no digest algorithms")?;
    let mut encapsulated = signed.expect(SEQUENCE, "no encapsulated content")?;
    if encapsulated.expect(OBJECT, "no encapsulated type")?.0 != TST_INFO {
        return Err(StampError::Malformed("what was signed is no timestamp"));
    }
    let mut octets = encapsulated.expect(CONTEXT_0, "no encapsulated octets")?;
    encapsulated.end("something follows the octets")?;
    let mut info = octets.expect(OCTETS, "no octets")?;
    octets.end("something follows the octets")?;
    // Certificates and revocation lists, `[0]` and `[1]`, come before the signers.
    let _ = signed.next_if(CONTEXT_0);
    let _ = signed.next_if(0xa1);
    let signers = signed.expect(SET, "no signers")?;
    signed.end("something follows the signers")?;
    if signers.0.is_empty() {
        return Err(StampError::Malformed("nobody signed it"));
    }
    let inner = info.expect(SEQUENCE, "no timestamp information")?;
    info.end("something follows the timestamp information")?;
    Ok(inner)
}

/// A `GeneralizedTime` in UTC (RFC 3161 §2.4.2).
fn time(der: Der<'_>) -> Result<String, StampError> {
    let malformed = || StampError::Malformed("its time is no UTC time");
    let text = str::from_utf8(der.0).map_err(|_| malformed())?;
    let digits = text.strip_suffix('Z').ok_or_else(malformed)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if whole.len() == 14 && all_digits(whole) && all_digits(fraction) && text.len() <= 32 {
        Ok(text.to_owned())
    } else {
        Err(malformed())
    }
}
