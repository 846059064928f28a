//! Minting: who may ask for a token, and for what.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};

use contract::ids::OrderId;
use contract::runbook::Catalogue;
use contract::time::MonoNs;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Grant, Process, Token, mac};
use crate::decision::Allowed;

/// The longest life of a token: as long as an order is good for by default.
const LIFE_MAX_NS: u64 = 15 * 60 * 1_000_000_000;
/// The most accesses that one token is for.
const ACCESSES_MAX: usize = 16;
/// The most operations that one token is good for.
const OPERATIONS_MAX: u32 = 1024;
/// The most tokens that live at a time.
const LIVE_MAX: usize = 1024;

/// Where tokens are made. There is one in the executor and none anywhere else.
pub struct Mint {
    pub(super) primed: Hmac<Sha256>,
    /// By number. Its hashes need no randomness: the numbers are the mint's own.
    pub(super) live: HashMap<u64, Grant, BuildHasherDefault<DefaultHasher>>,
    executor: Process,
    next: u64,
}

/// A primed key is two states of SHA-256, which are wiped when they are dropped: this does not compile where the libraries were built without that.
const _: () = {
    const fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<Sha256>();
    assert!(std::mem::needs_drop::<Hmac<Sha256>>());
};

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mint({} live, key not shown)", self.live.len())
    }
}

/// What a token is asked for.
#[derive(Debug)]
pub struct Minting<'a> {
    /// Who asks, by the kernel's word.
    pub asker: Process,
    /// The catalogue that this site approved.
    pub catalogue: &'a Catalogue,
    /// The run.
    pub run: &'a OrderId,
    /// The step of its runbook, from 0.
    pub step: u32,
    /// Proof, for each access, that the policy allows it and that this is on record.
    pub allowed: &'a [Allowed<'a>],
    /// The process that is to show it.
    pub bearer: Process,
    /// How many operations it is good for.
    pub operations: u32,
    /// How long it lives.
    pub life_ns: u64,
    /// Now.
    pub now: MonoNs,
}

/// Why no token is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MintFault {
    /// Somebody else asks.
    #[error("only the executor itself is given tokens")]
    NotTheExecutor,
    /// There is no proof, or there are more than one token takes.
    #[error("a token is for 1 to {ACCESSES_MAX} allowed accesses")]
    Accesses,
    /// A token would be made from a token, and live for ever.
    #[error("an access that was allowed by a token makes no token")]
    FromAToken,
    /// The proofs are of different runbooks or verbs.
    #[error("a token is for one step: the accesses are of different ones")]
    Mixed,
    /// No approved runbook holds this step, or it has another verb.
    #[error("the approved catalogue holds no such step of this runbook with this verb")]
    NoSuchStep,
    /// It would live too long, or do too much, or nothing.
    #[error("a token lives for at most 15 min and is good for 1 to {OPERATIONS_MAX} operations")]
    Bounds,
    /// Too many live already.
    #[error("{LIVE_MAX} tokens live already")]
    TooMany,
}

impl Mint {
    /// `key` is fresh randomness, drawn at every start of the process and kept nowhere; `executor` is that process.
    pub fn new(key: [u8; 32], executor: Process) -> Self {
        let key = Zeroizing::new(key);
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let primed = Hmac::new_from_slice(&*key).expect("HMAC takes a key of any length");
        Self { primed, live: HashMap::default(), executor, next: 0 }
    }

    /// Makes a token.
    pub fn mint(&mut self, asked: &Minting<'_>) -> Result<Token, MintFault> {
        let Minting { asker, catalogue, run, step, allowed, bearer, operations, life_ns, now } = asked;
        if *asker != self.executor {
            return Err(MintFault::NotTheExecutor);
        }
        let first = match allowed {
            [first, ..] if allowed.len() <= ACCESSES_MAX => first.request(),
            _ => return Err(MintFault::Accesses),
        };
        if allowed.iter().any(Allowed::by_token) {
            return Err(MintFault::FromAToken);
        }
        let same = |a: &Allowed<'_>| a.request().runbook == first.runbook && a.request().verb == first.verb;
        if !allowed.iter().all(same) {
            return Err(MintFault::Mixed);
        }
        let steps = catalogue.runbook(&first.runbook).map(|approved| approved.runbook.steps.as_slice());
        let step_of_runbook = steps.and_then(|steps| steps.get(usize::try_from(*step).ok()?));
        if step_of_runbook.is_none_or(|step| step.verb().to_string() != first.verb.as_str()) {
            return Err(MintFault::NoSuchStep);
        }
        if *life_ns == 0 || *life_ns > LIFE_MAX_NS || *operations == 0 || *operations > OPERATIONS_MAX {
            return Err(MintFault::Bounds);
        }
        self.live.retain(|_, grant| grant.expires > *now);
        if self.live.len() >= LIVE_MAX {
            return Err(MintFault::TooMany);
        }
        let mut grant = Grant {
            bound: [0; 32],
            run: (*run).clone(),
            process: *bearer,
            verb: first.verb.clone(),
            runbook: first.runbook.clone(),
            accesses: allowed.iter().map(|a| (a.request().operation, a.request().resource.clone())).collect(),
            expires: MonoNs(now.0.saturating_add(*life_ns)),
            left: *operations,
        };
        grant.bound = bound(&grant, *step);
        // Counted up and never used again within one key, so that an old token is never another one's.
        self.next += 1;
        let number = self.next;
        let mut bytes = [0; Token::BYTES];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..].copy_from_slice(&mac(&self.primed, number, &grant.bound).finalize().into_bytes());
        self.live.insert(number, grant);
        Ok(Token(bytes))
    }

    /// Ends all tokens of a run: it is over.
    pub fn retire(&mut self, run: &OrderId) {
        self.live.retain(|_, grant| grant.run != *run);
    }

    /// How many operations a token has left, while it lives.
    pub fn left(&self, token: &Token) -> Option<u32> {
        self.live.get(&token.parts().0).map(|grant| grant.left)
    }
}

/// A hash over all that a token is bound to. Each part is preceded by its length, so that no two grants have the same bytes.
fn bound(grant: &Grant, step: u32) -> [u8; 32] {
    let Grant { bound: _, run, process, verb, runbook, accesses, expires, left } = grant;
    let Process { pid, started_ticks, pidfd_inode } = process;
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    put(b"suture capability token 1");
    put(run.as_str().as_bytes());
    put(&pid.to_be_bytes());
    put(&started_ticks.to_be_bytes());
    put(&pidfd_inode.to_be_bytes());
    put(verb.as_str().as_bytes());
    put(runbook.as_str().as_bytes());
    put(&step.to_be_bytes());
    put(&expires.0.to_be_bytes());
    put(&left.to_be_bytes());
    for (operation, resource) in accesses {
        put(operation.word().as_bytes());
        // With its kind: a program is not the file that it lies in.
        put(format!("{resource:?}").as_bytes());
    }
    hash.finalize().into()
}
