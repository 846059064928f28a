//! `suture break-glass`: a named person's grant to act where mode or window would not, for a few hours and a reason that the record keeps.

use std::path::PathBuf;

use contract::dsse::{OperatorSigner, PayloadType};
use contract::grant::{BreakGlassGrant, Reason};
use contract::ids::{GrantId, HostId, OperatorId, SiteId, TenantId};

use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};
use crate::seed;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct BreakGlass {
    /// The tenant.
    #[arg(long)]
    tenant: TenantId,
    /// The site.
    #[arg(long)]
    site: SiteId,
    /// The machine.
    #[arg(long)]
    host: HostId,
    /// Who you are, as the site knows you.
    #[arg(long)]
    person: OperatorId,
    /// Why, in one line of 20 to 200 characters. It stays in the evidence: name no patient.
    #[arg(long, value_parser = reason)]
    reason: Reason,
    /// For how long: at most 4.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
    hours: u8,
    /// Higher than that of any grant before on this machine.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    counter: u64,
    /// Your own key: a file that only you may read.
    #[arg(long)]
    key: PathBuf,
    /// Where the grant goes.
    #[arg(long)]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::try_from(text.to_owned()).map_err(|e| e.to_string())
}

/// Signs it.
pub(crate) fn run(told: &BreakGlass) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let from = edge::clock::utc();
    let grant = BreakGlassGrant {
        grant: new_id()?,
        tenant: told.tenant.clone(),
        site: told.site.clone(),
        host: told.host.clone(),
        person: told.person.clone(),
        reason: told.reason.clone(),
        from,
        until: from.plus_ms(u64::from(told.hours) * HOUR_MS),
        counter: told.counter,
    };
    let payload = serde_json::to_vec(&grant)
        .map_err(|e| Failure::new(Status::Refused, format!("the grant cannot be written: {e}")))?;
    let signer = OperatorSigner::from_seed(&seed::read(&told.key)?);
    edge::file::write_durably(&told.out, &signer.sign(PayloadType::BreakGlass, &payload))?;
    if told.json {
        voice.line(&serde_json::json!({ "file": told.out, "grant": grant }).to_string());
    } else {
        voice.line(&format!("{}: grant {} of {}", told.out.display(), grant.grant, grant.person));
        let until = format!("from {} until {}", grant.from, grant.until);
        voice.line(&format!(
            "{}/{}/{} {}",
            grant.tenant,
            grant.site,
            grant.host,
            voice.tone(Tone::Strong, &until)
        ));
    }
    Ok(())
}

fn new_id() -> Result<GrantId, Failure> {
    let failed = |words: String| Failure::new(Status::CannotCreate, words);
    let opaque = edge::random::opaque().map_err(|e| failed(format!("no random bytes: {e}")))?;
    format!("bg-{opaque}").parse().map_err(|e: contract::ids::BadId| failed(e.to_string()))
}
