//! The packet as a document, chapter by chapter.

mod cut;
mod evidence;
mod incidents;
mod needs;
mod people;
mod standing;
mod summary;
mod upkeep;

use std::collections::BTreeMap;

use contract::ids::HostId;
use contract::time::UtcTime;
use thiserror::Error;

use crate::cell::{Cell, text};
use crate::claim::{Cite, Claim};
use crate::document::{Block, Brand, Document};
use crate::machine::At;
use crate::month::{BadZone, Zone};
use crate::packet::Packet;
use crate::template::{Slot, TemplateError, fill};
use crate::words;

/// Why there is no document.
#[derive(Debug, Error)]
pub enum PageError {
    /// The packet's time zone is none that this release knows.
    #[error(transparent)]
    Zone(#[from] BadZone),
    /// Our template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A head is too long for a code.
    #[error("the head of {host} does not fit into a QR code")]
    Code {
        /// Whose.
        host: HostId,
        /// Why.
        #[source]
        source: qrcode::types::QrError,
    },
}

/// What goes where in a template.
pub(crate) type Slots = BTreeMap<&'static str, Slot>;

/// A packet that is being written down.
pub(crate) struct Writing<'p> {
    pub(crate) packet: &'p Packet,
    pub(crate) brand: &'p Brand,
    pub(crate) zone: Zone,
    /// The machine, where there is only one: then it need not be named with each record.
    alone: Option<&'p HostId>,
}

impl<'p> Writing<'p> {
    pub(crate) fn of(packet: &'p Packet, brand: &'p Brand) -> Result<Self, PageError> {
        let alone = match (&packet.logs[..], &packet.silent[..]) {
            ([log], []) => Some(&log.host),
            _ => None,
        };
        Ok(Self { packet, brand, zone: Zone::named(&packet.zone)?, alone })
    }

    /// A record's time, by the clinic's clock.
    pub(crate) fn wall(&self, time: UtcTime) -> Cell {
        text(self.zone.wall(time))
    }

    /// Records.
    pub(crate) fn cites(&self, cites: &[Cite]) -> Cell {
        text(words::cites(cites, self.alone))
    }

    /// Records of a machine that stands beside them.
    pub(crate) fn cites_of(host: &HostId, cites: &[Cite]) -> Cell {
        text(words::cites(cites, Some(host)))
    }

    /// One record of a machine that stands beside it.
    pub(crate) fn cite(host: &HostId, at: At) -> Cell {
        Self::cites_of(host, &[Cite::one(host, at.seq)])
    }

    /// The name of a machine.
    pub(crate) fn host(host: &HostId) -> Cell {
        text(host.as_str())
    }

    /// A number with its records, or why there is none.
    pub(crate) fn claim<T>(&self, claim: &Claim<T>, value: impl FnOnce(&T) -> String) -> String {
        match claim {
            Claim::Measured { value: measured, records } => {
                format!("{} (records {})", value(measured), words::cites(records, self.alone))
            }
            Claim::NotMeasured { reason } => format!("not measured: {}", words::unmeasured(*reason)),
        }
    }
}

/// The packet's document.
pub fn document(packet: &Packet, brand: &Brand) -> Result<Document, PageError> {
    let writing = Writing::of(packet, brand)?;
    let mut slots = Slots::new();
    summary::fill(&writing, &mut slots);
    standing::fill(&writing, &mut slots);
    incidents::fill(&writing, &mut slots);
    upkeep::fill(&writing, &mut slots);
    people::fill(&writing, &mut slots);
    evidence::fill(&writing, &mut slots)?;
    let blocks = fill(words::PACKET, &slots)?;
    Ok(bound(&writing, blocks, "Monthly packet", true))
}

/// The postcard's document: a week on one page, with the heads. Its packet is of that week.
pub fn postcard(packet: &Packet, brand: &Brand) -> Result<Document, PageError> {
    let writing = Writing::of(packet, brand)?;
    let mut slots = Slots::new();
    summary::postcard(&writing, &mut slots);
    evidence::postcard(&writing, &mut slots)?;
    let blocks = fill(words::POSTCARD, &slots)?;
    Ok(bound(&writing, blocks, "Weekly postcard", false))
}

fn bound(writing: &Writing<'_>, blocks: Vec<Block>, what: &str, contents: bool) -> Document {
    let packet = writing.packet;
    let when = if contents { writing.zone.month(packet.from) } else { writing.days() };
    Document {
        title: format!("{}: {when}", packet.client),
        subject: format!("{what} of {}, {when}", packet.client),
        lang: "en".to_owned(),
        dated: packet.to,
        brand: writing.brand.clone(),
        foot: format!("{} · {when} · packet {} · does not certify compliance", packet.client, packet.number),
        contents,
        blocks,
    }
}

impl Writing<'_> {
    /// The days that the packet is of: `12 to 18 October 2026`.
    pub(crate) fn days(&self) -> String {
        let last = UtcTime::from_unix_ms(self.packet.to.unix_ms() - 1).unwrap_or(self.packet.to);
        format!("{} to {}", self.zone.day(self.packet.from), self.zone.day(last))
    }
}

/// Puts text into a slot.
pub(crate) fn say(slots: &mut Slots, name: &'static str, words: impl Into<String>) {
    slots.insert(name, Slot::Text(words.into()));
}

/// Puts blocks into a slot.
pub(crate) fn put(slots: &mut Slots, name: &'static str, blocks: Vec<Block>) {
    slots.insert(name, Slot::Blocks(blocks));
}
