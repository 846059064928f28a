//! `suture approve`: a person's signature beside the hub's, over the very bytes that the hub signed.

use std::path::PathBuf;

use contract::dsse::{ENVELOPE_MAX_BYTES, HubKey, OperatorSigner, SignatureFault, open_to_approve};
use contract::ids::OperatorId;
use contract::order::Order;

use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};
use crate::seed;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The order, as the hub signed it.
    envelope: PathBuf,
    /// Who you are, as the site knows you.
    #[arg(long)]
    operator: OperatorId,
    /// Your own key: a file that only you may read.
    #[arg(long)]
    key: PathBuf,
    /// The hub's public key, 64 hexadecimal characters: then its signature is checked, and what you approve is shown.
    #[arg(long, value_parser = hub_key)]
    hub_key: Option<HubKey>,
    /// Where the approved order goes; without it, it replaces the order's own file.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn hub_key(text: &str) -> Result<HubKey, String> {
    HubKey::try_from(text.to_owned()).map_err(|e| e.to_string())
}

/// Signs it.
pub(crate) fn run(told: &Approve) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let envelope = edge::file::read(&told.envelope, ENVELOPE_MAX_BYTES as u64)?;
    let refuse =
        |words: String| Failure::new(Status::Refused, format!("{}: {words}", told.envelope.display()));
    let fault = |e: SignatureFault| refuse(e.to_string());
    let order = match &told.hub_key {
        None => None,
        Some(key) => {
            let signed = open_to_approve(&envelope, std::slice::from_ref(key)).map_err(fault)?;
            let no_order =
                |column| refuse(format!("what the hub signed is no order, from column {column} on"));
            Some(Order::from_signed(&signed).map_err(no_order)?)
        }
    };
    let approved = OperatorSigner::from_seed(&seed::read(&told.key)?).approve(&envelope).map_err(fault)?;
    let out = told.out.as_ref().unwrap_or(&told.envelope);
    edge::file::write_durably(out, &approved)?;
    if told.json {
        voice
            .line(&serde_json::json!({ "file": out, "operator": told.operator, "order": order }).to_string());
        return Ok(());
    }
    voice.line(&format!("{}: approved by {}", out.display(), told.operator));
    match order {
        Some(o) => {
            voice.line(&format!("{} on {}/{}/{} for {}", o.runbook, o.tenant, o.site, o.host, o.control));
            voice.line(&format!("order {}, good until {}", o.order, o.expires));
        }
        None => voice
            .line(&voice.tone(Tone::Unsure, "what it orders was not looked at: give --hub-key to see it")),
    }
    Ok(())
}
