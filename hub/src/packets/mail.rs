//! The letter that says where a packet is. Its subject names nobody, and its text no clinic: mail is read on its way.

use contract::digest::Digest;
use contract::packet::PacketKind;
use contract::time::UtcTime;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use thiserror::Error;

use super::profiles::MailServer;
use super::store::{Due, KeptError, TRIES_MAX};
use super::{PacketFault, borne_out};
use crate::alerts::{SendError, carry};
use crate::hub::Hub;
use crate::problem::chain;

/// The wait after the first failure; each later one is twice the last, up to a day.
const RETRY_MS: u64 = 60_000;
const RETRY_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The largest packet that is put into a letter.
const ATTACHED_MAX: usize = 10 << 20;
/// What is put into it, and what instead where there is none.
const PDF: &str = "packet.pdf";
const PAGE: &str = "packet.html";

/// Sends what is due; what is not taken is tried again, later and later.
pub(super) async fn send_due(hub: &Hub) {
    let Some(server) = &hub.packets.profiles.mail else { return };
    let now = edge::clock::utc();
    let due = match hub.packets.kept.due(now).await {
        Ok(due) => due,
        Err(e) => return tracing::error!(cause = chain(&e), "what is to be mailed cannot be looked up"),
    };
    for one in due {
        let altered = format!("altered/{}", one.id);
        let sent = match sent(hub, server, &one).await {
            Ok(()) => {
                hub.packets.faults.says(&one.tenant, &altered, None);
                Ok(edge::clock::utc())
            }
            Err(e) => {
                if let NotSent::Packet(e @ PacketFault::Altered(_)) = &e {
                    hub.packets.faults.says(&one.tenant, &altered, Some((one.id.clone(), e.to_string())));
                }
                let next = if one.tries + 1 < TRIES_MAX { "it is tried again" } else { "it is given up" };
                tracing::error!(packet = one.number, cause = chain(&e), next, "a packet was not mailed");
                Err(again(now, one.tries))
            }
        };
        if let Err(e) = hub.packets.kept.mailed(&one, sent).await {
            tracing::error!(cause = chain(&e), "that a packet was mailed cannot be kept");
        }
    }
}

/// Nobody is sent what is not what was made, and nobody who is no longer named.
async fn sent(hub: &Hub, server: &MailServer, due: &Due) -> Result<(), NotSent> {
    let profile = hub.packets.profile(hub, &due.tenant);
    if !profile.mail.contains(&due.whom) {
        tracing::info!(packet = due.id, "a packet is not mailed to somebody who is no longer named");
        return Ok(());
    }
    let attached = if profile.attach { letter(hub, due).await.map_err(PacketFault::Kept)? } else { None };
    borne_out(hub, &due.id, attached.as_slice()).await?;
    Ok(send(hub, server, due, attached).await?)
}

/// Why a letter was not sent.
#[derive(Debug, Error)]
enum NotSent {
    /// The packet is not what was made.
    #[error(transparent)]
    Packet(#[from] PacketFault),
    /// The server did not take it.
    #[error(transparent)]
    Server(#[from] SendError),
}

async fn send(
    hub: &Hub,
    server: &MailServer,
    due: &Due,
    attached: Option<(String, Vec<u8>)>,
) -> Result<(), SendError> {
    let (what, subject) = match (due.kind, due.serial) {
        (PacketKind::Month, 1) => ("A monthly packet is ready", "Your monthly packet is ready"),
        (PacketKind::Month, _) => (
            "A monthly packet was corrected: it stands in the place of the one before",
            "Your monthly packet was corrected",
        ),
        (PacketKind::Week, _) => ("A weekly postcard is ready", "Your weekly postcard is ready"),
    };
    let words = format!(
        "{what}. Read it, and say that you did, at\r\n\r\n  {}/packets\r\n\r\nIt says what monitoring saw and what was attempted about it. It does not certify compliance.\r\n",
        hub.address
    );
    let builder = lettre::Message::builder()
        .from(server.from.parse()?)
        .to(due.whom.parse()?)
        .subject(subject)
        .message_id(Some(message_id(hub, due)));
    let text = SinglePart::plain(words);
    let message = match attached {
        Some((name, bytes)) => {
            let kind = if name == PDF { "application/pdf" } else { "text/html; charset=utf-8" };
            let kind = ContentType::parse(kind).map_err(std::io::Error::other)?;
            let attachment = Attachment::new(name).body(bytes, kind);
            builder.multipart(MultiPart::mixed().singlepart(text).singlepart(attachment))?
        }
        None => builder.singlepart(text)?,
    };
    carry(
        (&server.host, server.port, server.tls),
        server.user.as_deref().zip(server.password_file.as_deref()),
        message,
    )
    .await
}

/// The same for the same letter: one that is sent again, since nobody knows whether it was taken, is known as that.
fn message_id(hub: &Hub, due: &Due) -> String {
    let digest = Digest::of(format!("{} {}", due.id, due.whom).as_bytes()).to_string();
    format!("<{}@{}>", &digest[7..39], hub.name.as_str())
}

/// The packet itself, its page where it has no PDF; none where it is too large for a letter.
async fn letter(hub: &Hub, due: &Due) -> Result<Option<(String, Vec<u8>)>, KeptError> {
    let files = hub.packets.kept.letter(due.number).await?;
    let rank = |name: &str| [PAGE, PDF].iter().position(|known| *known == name);
    let best = files.into_iter().filter(|(name, _)| rank(name).is_some()).max_by_key(|(name, _)| rank(name));
    Ok(best.filter(|(_, bytes)| bytes.len() <= ATTACHED_MAX))
}

/// When a letter is tried again.
fn again(now: UtcTime, tries: u32) -> UtcTime {
    now.plus_ms(RETRY_MS.saturating_mul(1 << tries.min(20)).min(RETRY_MS_MAX))
}
