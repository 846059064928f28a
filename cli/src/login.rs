//! `suture join`, `suture login`, `suture logout`: a session at the hub, in a file of one's own.

mod password;

use std::path::PathBuf;

use contract::ids::OperatorId;
use contract::people;

use crate::exit::{Failure, Status};
use crate::operator::Operator;
use crate::say::Voice;

/// Where the session is kept.
#[derive(Debug, clap::Args)]
struct Kept {
    /// Where the session is kept, for the other commands: nobody else may read it.
    #[arg(long, value_name = "FILE", default_value = crate::operator::TOKEN_FILE)]
    token_file: PathBuf,
}

/// `suture join`: makes an account from an invitation, once.
#[derive(Debug, clap::Args)]
pub(crate) struct Join {
    /// The link that the hub printed, or that an MSP admin gave you.
    #[arg(long, value_name = "URL")]
    link: String,
    /// Your name at the hub: of a-z, 0-9 and `-`.
    #[arg(long)]
    person: OperatorId,
    #[command(flatten)]
    kept: Kept,
}

/// `suture login`: opens a session. The password is read from standard input, and a terminal does not show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The hub's operator plane.
    #[arg(long, default_value = "http://127.0.0.1:6767")]
    hub: String,
    /// Your name at the hub.
    #[arg(long)]
    person: OperatorId,
    /// The six digits of your second factor, where you have one.
    #[arg(long)]
    code: Option<String>,
    #[command(flatten)]
    kept: Kept,
}

/// `suture logout`: ends the session and removes the file.
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    /// The hub's operator plane.
    #[arg(long, default_value = "http://127.0.0.1:6767")]
    hub: String,
    #[command(flatten)]
    kept: Kept,
}

/// Uses the invitation in a link.
pub(crate) fn join(told: &Join) -> Result<(), Failure> {
    let Join { link, person, kept } = told;
    let usage = || Failure::new(Status::Usage, "a link is http://ADDRESS/join#SECRET, as the hub printed it");
    let (at, secret) = link.split_once('#').ok_or_else(usage)?;
    let address = at.strip_prefix("http://").and_then(|at| at.strip_suffix("/join")).ok_or_else(usage)?;
    let operator = Operator::stranger(address)?;
    let password = password::chosen()?;
    let join = people::Join { secret: secret.to_owned(), person: person.clone(), password };
    keep(&operator.join(&join)?, kept)
}

/// Logs in.
pub(crate) fn login(told: &Login) -> Result<(), Failure> {
    let Login { hub, person, code, kept } = told;
    let operator = Operator::stranger(address(hub))?;
    let password = password::known()?;
    let login = people::Login { person: person.clone(), password, code: code.clone() };
    keep(&operator.log_in(&login)?, kept)
}

/// Logs out.
pub(crate) fn logout(told: &Logout) -> Result<(), Failure> {
    let Logout { hub, kept: Kept { token_file } } = told;
    Operator::new(address(hub), token_file)?.log_out()?;
    let gone = |source| edge::file::FileError { path: token_file.clone(), action: "remove it", source };
    std::fs::remove_file(token_file).map_err(gone)?;
    Voice::for_stdout().line("logged out");
    Ok(())
}

fn address(hub: &str) -> &str {
    let address = hub.strip_prefix("http://").unwrap_or(hub);
    address.strip_suffix('/').unwrap_or(address)
}

fn keep(session: &people::SessionOpened, Kept { token_file }: &Kept) -> Result<(), Failure> {
    edge::file::write_durably(token_file, session.session.as_bytes())?;
    Voice::for_stdout().line(&format!("logged in until {}, in {}", session.until, token_file.display()));
    Ok(())
}
