//! Capability tokens: a short-lived right of one process to some accesses of one step, each of which the whole evaluation has allowed before.
//!
//! The executor alone mints them. What a token is good for lies in the mint's own memory and nowhere else; the token is the number under which it lies
//! there, and a MAC over that number and what it is bound to. The key is drawn when the process starts and dies with it, so no token outlives a
//! restart; it is wiped when the mint is dropped. A check is one look into a table, one HMAC over 40 bytes and a few comparisons, however many tokens there are. A number that is not in the
//! table is checked like one that is, against a decoy, and refused after that: a forgery takes the same time wherever it is wrong.

mod mint;

use std::fmt;

use contract::ids::OrderId;
use contract::time::MonoNs;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::request::{Operation, Request, Resource};
use crate::word::VerbWord;

pub use mint::{Mint, MintFault, Minting};

/// A process, by the kernel's word: a number alone is given to the next process when one dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it began, in the kernel's ticks since boot (field 22 of `/proc/<pid>/stat`).
    pub started_ticks: u64,
    /// The inode of a pidfd on it, which the kernel gives to no other process until the next boot.
    pub pidfd_inode: u64,
}

/// A token. It is nothing without the mint that made it.
#[derive(Clone)]
pub struct Token([u8; Token::BYTES]);

impl Token {
    /// How many bytes it has: a number of 8, a MAC of 32.
    pub const BYTES: usize = 40;

    /// As it comes from whoever shows it. Nothing is believed yet.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// As it is handed to the process that it is for. Whoever reads them holds the right.
    pub const fn secret_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn parts(&self) -> (u64, &[u8]) {
        let (number, mac) = self.0.split_at(8);
        (number.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)), mac)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why a token is as good as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// This mint has made no such token, or has forgotten it.
    #[error("it was not minted here, or its run has ended")]
    Forged,
    /// It is past its time.
    #[error("it has expired")]
    Expired,
    /// Its operations are used up.
    #[error("its operations are spent")]
    Spent,
    /// Another process shows it.
    #[error("it is another process's")]
    OtherProcess,
    /// It is shown in another run.
    #[error("it is another run's")]
    OtherRun,
    /// It is not for this access.
    #[error("it is not for this access")]
    OtherAccess,
}

/// What a token is good for.
#[derive(Debug)]
struct Grant {
    /// SHA-256 over all of it but what is left.
    bound: [u8; 32],
    run: OrderId,
    process: Process,
    verb: VerbWord,
    runbook: contract::ids::RunbookId,
    accesses: Box<[(Operation, Resource)]>,
    expires: MonoNs,
    left: u32,
}

impl Grant {
    fn fits(&self, bearer: Process, run: &OrderId, request: &Request, now: MonoNs) -> Result<(), TokenFault> {
        let this = |(operation, resource): &(Operation, Resource)| {
            *operation == request.operation && *resource == request.resource
        };
        if now >= self.expires {
            Err(TokenFault::Expired)
        } else if self.left == 0 {
            Err(TokenFault::Spent)
        } else if bearer != self.process {
            Err(TokenFault::OtherProcess)
        } else if *run != self.run {
            Err(TokenFault::OtherRun)
        } else if self.verb != request.verb
            || self.runbook != request.runbook
            || !self.accesses.iter().any(this)
        {
            Err(TokenFault::OtherAccess)
        } else {
            Ok(())
        }
    }
}

/// The right to take one operation off a token. Dropped unused, nothing is taken.
#[derive(Debug)]
pub(crate) struct Spend<'a>(&'a mut u32);

impl Spend<'_> {
    pub(crate) fn one(self) {
        *self.0 = self.0.saturating_sub(1);
    }
}

/// A MAC over a token's number and what it is bound to. `primed` has taken the key in already, which is half the work.
fn mac(primed: &Hmac<Sha256>, number: u64, bound: &[u8; 32]) -> Hmac<Sha256> {
    let mut mac = primed.clone();
    mac.update(&number.to_be_bytes());
    mac.update(bound);
    mac
}

impl Mint {
    /// Whether a token is good for this access, now. The time is the one that was read when the evaluation began.
    pub(crate) fn check(
        &mut self,
        token: &Token,
        bearer: Process,
        run: &OrderId,
        request: &Request,
        now: MonoNs,
    ) -> Result<Spend<'_>, TokenFault> {
        let (number, shown) = token.parts();
        let grant = self.live.get_mut(&number);
        let bound = grant.as_ref().map_or([0; 32], |grant| grant.bound);
        // Compares in constant time: see `digest::Mac::verify_slice`.
        let genuine = mac(&self.primed, number, &bound).verify_slice(shown).is_ok();
        match grant {
            Some(grant) if genuine => {
                grant.fits(bearer, run, request, now)?;
                Ok(Spend(&mut grant.left))
            }
            Some(_) | None => Err(TokenFault::Forged),
        }
    }

    /// The same question, asked without taking anything: for whoever has to say why a token did not count.
    pub fn fault(
        &mut self,
        token: &Token,
        bearer: Process,
        run: &OrderId,
        request: &Request,
        now: MonoNs,
    ) -> Option<TokenFault> {
        self.check(token, bearer, run, request, now).err()
    }
}
