//! Papers: what a hub signs for one host and may sign anew: the baseline, the catalogue, the allowlist, the exceptions.
//!
//! The signed bytes name the host, the kind and a number that rises with every change, so nothing that was once signed can be put in the place of what
//! came after it, and nothing that was signed for another host counts here. Pure: whoever opens one says what it is for and how far it was.
//!
//! What came with an enrolment sheet names none of that. It counts as number 0: the first paper replaces it, and it replaces none.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::dsse::{self, HubKey, PayloadType, SignatureFault};
use crate::ids::{HostId, SiteId, TenantId};
use crate::record::INTEGER_MAX;
use crate::time::UtcTime;

/// What a paper is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaperKind {
    /// The controls.
    Baseline,
    /// The runbooks. A site takes one only where it has approved its digest.
    Catalogue,
    /// What the host may have.
    Allowlist,
    /// Failures that a person has accepted.
    Exceptions,
}

impl PaperKind {
    /// All, in the order in which they are taken: exceptions are to controls of the baseline.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Catalogue, Self::Allowlist, Self::Exceptions];

    /// Its name in paths and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Catalogue => "catalogue",
            Self::Allowlist => "allowlist",
            Self::Exceptions => "exceptions",
        }
    }

    /// The file that it is kept in.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Baseline => "baseline.dsse",
            Self::Catalogue => "catalogue.dsse",
            Self::Allowlist => "allowlist.dsse",
            Self::Exceptions => "exceptions.dsse",
        }
    }

    /// As what it lies in an enrolment sheet; none where it does not.
    const fn enrolled(self) -> Option<PayloadType> {
        match self {
            Self::Baseline => Some(PayloadType::Baseline),
            Self::Catalogue => Some(PayloadType::Catalogue),
            Self::Allowlist => Some(PayloadType::Allowlist),
            Self::Exceptions => None,
        }
    }

    /// Whether there may be none: without controls and runbooks there is nothing to do.
    const fn may_be_withdrawn(self) -> bool {
        match self {
            Self::Baseline | Self::Catalogue => false,
            Self::Allowlist | Self::Exceptions => true,
        }
    }
}

impl std::fmt::Display for PaperKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for PaperKind {
    type Err = UnknownKind;
    fn from_str(s: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.word() == s).ok_or(UnknownKind)
    }
}

/// A word that is no kind of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there are four papers: baseline, catalogue, allowlist, exceptions")]
pub struct UnknownKind;

/// The signed bytes, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// What it is.
    pub kind: PaperKind,
    /// For this tenant,
    pub tenant: TenantId,
    /// this site,
    pub site: SiteId,
    /// this host.
    pub host: HostId,
    /// Strictly rising for each host and kind, from 1.
    pub number: u64,
    /// When it was signed first.
    pub issued: UtcTime,
    /// The exact text; none where what was said before is taken back, and nothing is put in its place.
    pub text: Option<String>,
}

/// Whose papers are opened.
#[derive(Debug, Clone, Copy)]
pub struct Holds<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The site.
    pub site: &'a SiteId,
    /// The host.
    pub host: &'a HostId,
}

/// A paper whose signature, kind and addressee were checked. No other constructor than [`open`] and [`open_held`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPaper {
    number: u64,
    text: Option<String>,
}

impl OpenedPaper {
    /// Its number; 0 for what came with the enrolment sheet.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its text; none where it was taken back.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The digest of its text: the same that a site approves and a record names.
    pub fn digest(&self) -> Option<Digest> {
        self.text.as_ref().map(|text| Digest::of(text.as_bytes()))
    }
}

/// Why a paper was not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PaperFault {
    /// Its signature or payload type.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// Signed, and not a paper.
    #[error("the signed bytes are not a paper: column {0}")]
    NotAPaper(u32),
    /// Another kind than it was handed over as.
    #[error("it is signed as the {0}")]
    OtherKind(PaperKind),
    /// For another host.
    #[error("it is for another host")]
    NotForUs,
    /// Its number is none that a paper has.
    #[error("{0} is no number of a paper")]
    Number(u64),
    /// There must be one.
    #[error("a {0} cannot be taken back without another in its place")]
    Withdrawn(PaperKind),
    /// What was signed is not UTF-8.
    #[error("what was signed is not UTF-8")]
    NotText,
    /// One with this number or a higher one was taken before.
    #[error("its number {number} is not above {highest}, which was taken before")]
    Older {
        /// Its number.
        number: u64,
        /// The highest ever taken.
        highest: u64,
    },
}

/// Opens what is handed over as the `kind` of this host.
pub fn open(
    kind: PaperKind,
    envelope: &[u8],
    pinned: &[HubKey],
    holds: Holds<'_>,
) -> Result<OpenedPaper, PaperFault> {
    let signed = dsse::open(PayloadType::Paper, envelope, pinned)?;
    let column = |e: serde_json::Error| PaperFault::NotAPaper(u32::try_from(e.column()).unwrap_or(u32::MAX));
    let paper: Paper = serde_json::from_slice(signed.payload()).map_err(column)?;
    let Paper { kind: said, tenant, site, host, number, issued: _, text } = paper;
    if said != kind {
        return Err(PaperFault::OtherKind(said));
    }
    if (&tenant, &site, &host) != (holds.tenant, holds.site, holds.host) {
        return Err(PaperFault::NotForUs);
    }
    if !(1..=INTEGER_MAX).contains(&number) {
        return Err(PaperFault::Number(number));
    }
    if text.is_none() && !kind.may_be_withdrawn() {
        return Err(PaperFault::Withdrawn(kind));
    }
    Ok(OpenedPaper { number, text })
}

/// Opens what lies on this host's own disk: a paper, or what came with the enrolment sheet, which counts as number 0.
pub fn open_held(
    kind: PaperKind,
    envelope: &[u8],
    pinned: &[HubKey],
    holds: Holds<'_>,
) -> Result<OpenedPaper, PaperFault> {
    match (open(kind, envelope, pinned, holds), kind.enrolled()) {
        (Err(PaperFault::Signature(SignatureFault::WrongType)), Some(enrolled)) => {
            let signed = dsse::open(enrolled, envelope, pinned)?;
            let text = String::from_utf8(signed.payload().to_vec()).map_err(|_| PaperFault::NotText)?;
            Ok(OpenedPaper { number: 0, text: Some(text) })
        }
        (opened, _) => opened,
    }
}

impl OpenedPaper {
    /// Refuses what is not above `highest`.
    pub fn above(self, highest: u64) -> Result<Self, PaperFault> {
        let number = self.number;
        if number > highest { Ok(self) } else { Err(PaperFault::Older { number, highest }) }
    }
}
