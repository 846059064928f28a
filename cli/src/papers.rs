//! `suture allowlist` and `suture exceptions`: what hosts may have, and which failures a tenant accepts. The hub signs them for each host, and its
//! machines go by them without a restart.

use std::path::{Path, PathBuf};

use contract::allowlist::Allowlist;
use contract::exception::Exceptions;
use contract::ids::{HostId, SiteId, TenantId};
use contract::plane::{TextKept, TextSet};

use crate::exit::{Failure, Status};
use crate::kit::Where;
use crate::operator::AllowedFor;
use crate::say::{Tone, Voice};

/// The longest file that is read: the hub takes no more.
const FILE_MAX_BYTES: u64 = 48 << 10;

/// What the text is, or that there is to be none.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Text {
    /// The file. It is refused with line and column before anything of it is kept.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Take back what was set, and put nothing in its place.
    #[arg(long)]
    take_back: bool,
}

/// For whom an allowlist is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Every machine of this site that has no list of its own.
    #[arg(long)]
    site: Option<SiteId>,
    /// This machine alone.
    #[arg(long)]
    host: Option<HostId>,
}

/// What `suture allowlist` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct SetAllowlist {
    /// The tenant.
    #[arg(long)]
    tenant: TenantId,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    hub: Where,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `suture exceptions` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct SetExceptions {
    /// The tenant.
    #[arg(long)]
    tenant: TenantId,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    hub: Where,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Sets an allowlist.
pub(crate) fn allowlist(told: &SetAllowlist) -> Result<(), Failure> {
    let set =
        read(&told.text, |file, text| Allowlist::parse(file, text).map(drop).map_err(|e| e.to_string()))?;
    let whose = match (&told.whose.site, &told.whose.host) {
        (Some(site), _) => AllowedFor::Site(site),
        (None, Some(host)) => AllowedFor::Host(host),
        (None, None) => return Err(Failure::new(Status::Usage, "name a site or a host")),
    };
    let kept = told.hub.operator()?.set_allowlist(&told.tenant, whose, &set)?;
    say("the allowlist", &kept, told.json);
    Ok(())
}

/// Sets a tenant's exceptions.
pub(crate) fn exceptions(told: &SetExceptions) -> Result<(), Failure> {
    let parse = |file: &str, text: &str| Exceptions::parse(file, text).map(drop).map_err(|e| e.to_string());
    let set = read(&told.text, parse)?;
    let kept = told.hub.operator()?.set_exceptions(&told.tenant, &set)?;
    say("the exceptions", &kept, told.json);
    Ok(())
}

/// Refused here already where it makes no sense: that needs no hub.
fn read(text: &Text, parse: impl Fn(&str, &str) -> Result<(), String>) -> Result<TextSet, Failure> {
    let Some(path) = &text.file else {
        return Ok(TextSet { file: "taken back".to_owned(), text: None });
    };
    let (file, text) = (name(path), edge::file::read_text(path, FILE_MAX_BYTES)?);
    parse(&file, &text).map_err(|why| Failure::new(Status::Refused, why))?;
    Ok(TextSet { file, text: Some(text) })
}

/// What the file is called in messages, at the hub too: not where it lies.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn say(what: &str, kept: &TextKept, json: bool) {
    let voice = Voice::for_stdout();
    if json {
        voice.line(&serde_json::json!(kept).to_string());
        return;
    }
    let TextKept { digest, hosts } = kept;
    let done = match digest {
        Some(digest) => format!("{what} is set: {digest}"),
        None => format!("{what} is taken back"),
    };
    voice.line(&voice.tone(Tone::Good, &done));
    voice.line(&format!("  {hosts} machines are told; each goes by it once it has fetched it"));
}
