//! `firewall.restore`: load the declared packet filter. Inverse: load the one that was in force.
//!
//! Either is one nft transaction that begins with `flush ruleset`: packets meet the old rules or the new ones, never a part. What is loaded holds
//! until the next boot; the machine's own nftables unit then loads the same declared file.

use std::path::Path;

use contract::record::Before;
use contract::resource::AbsolutePath;
use contract::runbook::Verb;

use crate::{Armed, Done, Hand, HandError, Place, Program, trusted};

/// What the snapshot calls the rules that were in force.
const KEPT: &str = "ruleset.nft";

/// Less than what a program's kept output holds: rules that do not fit could not be put back, and are not touched.
const RULES_BYTES_MAX: usize = (1 << 20) - 1;

#[derive(Debug)]
struct Rules {
    transaction: Vec<u8>,
}

pub(super) fn arm(ruleset: &AbsolutePath, place: &Place<'_>) -> Result<Armed, HandError> {
    let path = Path::new(ruleset.as_str());
    let transaction = whole(&trusted::read_declared(path)?);
    if !check(&transaction, place)? {
        return Err(HandError::Candidate { path: path.to_owned(), by: "nft -c" });
    }
    let now = now(place)?;
    if now.len() > RULES_BYTES_MAX {
        return Err(HandError::NotAsDeclared { what: "the packet filter in force is too long to be kept" });
    }
    // Rules of iptables-nft are printed in a way that nft itself does not read.
    if !check(&whole(&now), place)? {
        return Err(HandError::NotAsDeclared { what: "the packet filter in force could not be put back" });
    }
    let digest = place.snapshot.keep(KEPT, &now)?;
    Ok(Armed::new(Before::Firewall { digest }, Rules { transaction }))
}

impl Hand for Rules {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        load(&self.transaction, place)?;
        Ok(Done::default())
    }
}

pub(super) fn undo(before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    let Before::Firewall { digest } = before else { return Err(HandError::NoBefore(Verb::FirewallRestore)) };
    load(&whole(&place.snapshot.read(KEPT, digest)?), place)
}

/// A transaction after which these rules are in force and no others.
fn whole(rules: &[u8]) -> Vec<u8> {
    [b"flush ruleset\n".as_slice(), rules, b"\n"].concat()
}

/// nft on the machine's own packet filter.
fn nft(arguments: &[&str], input: Vec<u8>) -> Result<Program, HandError> {
    let nft = Program::named("nft", arguments)?;
    Ok(Program { capabilities: vec!["CAP_NET_ADMIN"], host_network: true, input, ..nft })
}

/// The rules in force, with what they hold (sets, counters), as nft reads them back.
fn now(place: &Place<'_>) -> Result<Vec<u8>, HandError> {
    place.programs.succeed(&nft(&["list", "ruleset"], Vec::new())?).map(|ran| ran.output)
}

/// Whether nft would take it.
fn check(transaction: &[u8], place: &Place<'_>) -> Result<bool, HandError> {
    let ran = place.programs.run(&nft(&["-c", "-f", "-"], transaction.to_owned())?)?;
    Ok(ran.status == Some(0))
}

fn load(transaction: &[u8], place: &Place<'_>) -> Result<(), HandError> {
    place.programs.succeed(&nft(&["-f", "-"], transaction.to_owned())?).map(|_| ())
}
