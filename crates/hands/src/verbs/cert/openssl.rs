//! What `openssl` is asked, in the sandbox: whether a key is a certificate's, and whether the signatures of a chain are what its names promise.
//!
//! A chain is believed where a root of the machine's store completes it, or where it leads to the same authority's key as the chain that was there
//! before: a clinic's own authority need not be in any store. Where neither holds, the authority belongs into the store: `update-ca-certificates` on
//! Debian, `security.pki.certificateFiles` on NixOS. All of it works without a network; so nobody asks whether a certificate was revoked.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::runbook::SandboxProfile;
use facts::ROOT_STORES;

use super::check::{Certificate, Chain, refused};
use crate::{HandError, Place, Program};

/// Making a public key of a private one, or verifying a few signatures, takes milliseconds.
const OPENSSL_LIMIT_MS: u64 = 10_000;

/// The program that reads keys of every form that ACME clients write, and what it believes.
#[derive(Debug)]
pub(super) struct OpenSsl {
    program: PathBuf,
    /// The machine's roots, where it has any.
    store: Option<PathBuf>,
}

/// Whom a verification begins with.
#[derive(Debug, Clone, Copy)]
enum Trusted<'a> {
    /// The machine's roots.
    Store(&'a Path),
    /// One certificate, which need not be a root.
    Authority(&'a Certificate),
    /// The certificate that is verified: it vouches for itself.
    Itself,
}

/// Whether the times in a chain count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Count,
    DoNot,
}

impl OpenSsl {
    /// In one of the places where it may lie.
    pub(super) fn find() -> Result<Self, HandError> {
        const PLACES: [&str; 2] = ["/usr/bin/openssl", "/run/current-system/sw/bin/openssl"];
        let found = PLACES.iter().find(|path| Path::new(path).is_file());
        let missing = || HandError::Program {
            program: PathBuf::from("openssl"),
            why: "it is not installed".to_owned(),
        };
        let program = found.map(PathBuf::from).ok_or_else(missing)?;
        // The sandbox shows a file by the way that goes through no link.
        let store = ROOT_STORES.iter().find_map(|path| Path::new(path).canonicalize().ok());
        Ok(Self { program, store })
    }

    /// Refuses a chain whose signatures do not hold, or that leads to nobody who is believed.
    pub(super) fn believes(
        &self,
        chain: &Chain,
        old: Option<&Chain>,
        place: &Place<'_>,
    ) -> Result<(), HandError> {
        if chain.first.is_self_issued() {
            // It may go on vouching for itself where it always did.
            let vouched = old.is_some_and(|old| old.first.is_self_issued());
            return if vouched && self.holds(chain, Trusted::Itself, Times::Count, place)? {
                Ok(())
            } else {
                Err(refused("nobody vouches for the new certificate"))
            };
        }
        if !self.is_signed_throughout(chain, place)? {
            return Err(refused("a certificate of the new chain is not signed by the one that follows it"));
        }
        if let Some(store) = &self.store
            && self.holds(chain, Trusted::Store(store), Times::Count, place)?
        {
            return Ok(());
        }
        if let Some(old) = old
            && let Some(authority) = chain.authority_of(old)
            && self.is_signed_throughout(old, place)?
            && self.holds(chain, Trusted::Authority(authority), Times::Count, place)?
        {
            return Ok(());
        }
        Err(refused("the new certificate leads to nobody whom this machine, or the old chain, believes"))
    }

    /// Whether each certificate is signed by the one that follows it, whenever that was.
    fn is_signed_throughout(&self, chain: &Chain, place: &Place<'_>) -> Result<bool, HandError> {
        match chain.others.last() {
            None => Ok(true),
            Some(last) => self.holds(chain, Trusted::Authority(last), Times::DoNot, place),
        }
    }

    fn holds(
        &self,
        chain: &Chain,
        trusted: Trusted<'_>,
        times: Times,
        place: &Place<'_>,
    ) -> Result<bool, HandError> {
        place.go_on()?;
        edge::file::private_directory(&place.scratch)
            .map_err(|e| HandError::file(&place.scratch, "make it")(e.source))?;
        let others = lay(place, "others.pem", &chain.others)?;
        let (anchors, how): (_, &[&str]) = match trusted {
            Trusted::Store(store) => (store.to_owned(), &["-no-CApath", "-no-CAstore", "-CAfile"]),
            Trusted::Authority(one) => {
                (lay(place, "trusted.pem", std::slice::from_ref(one))?, &["-partial_chain", "-trusted"])
            }
            Trusted::Itself => (
                lay(place, "trusted.pem", std::slice::from_ref(&chain.first))?,
                &["-check_ss_sig", "-trusted"],
            ),
        };
        let (others_text, anchors_text) = (others.to_string_lossy(), anchors.to_string_lossy());
        let mut arguments = vec!["verify"];
        if times == Times::DoNot {
            arguments.push("-no_check_time");
        }
        if !chain.others.is_empty() {
            arguments.extend(["-untrusted", &others_text]);
        }
        arguments.extend(how);
        arguments.push(&anchors_text);
        let ran = place.programs.run(&Program {
            input: pem(std::slice::from_ref(&chain.first)).into_bytes(),
            reads: vec![others.clone(), anchors.clone()],
            ..self.asked(&arguments, place)
        })?;
        match ran.status {
            Some(0) => Ok(true),
            Some(2) => Ok(false),
            status => Err(HandError::Program {
                program: self.program.clone(),
                why: format!("it did not verify: {status:?}"),
            }),
        }
    }

    fn asked(&self, arguments: &[&str], place: &Place<'_>) -> Program {
        Program {
            path: self.program.clone(),
            profile: SandboxProfile::Strict,
            time_limit_ms: place.left_ms().min(OPENSSL_LIMIT_MS),
            ..Program::of_the_system("", arguments)
        }
    }

    /// Whether `key` is the certificate's. It goes in by standard input and stands in no argument.
    pub(super) fn is_key_of(&self, key: &[u8], chain: &Chain, place: &Place<'_>) -> Result<(), HandError> {
        // An empty password: a key that wants one is no key that a service can read, and nobody is there to ask.
        let arguments = ["pkey", "-pubout", "-outform", "DER", "-passin", "pass:"];
        let ran = place.programs.run(&Program { input: key.to_vec(), ..self.asked(&arguments, place) })?;
        if ran.status != Some(0) {
            Err(HandError::NotAsDeclared { what: "the new key cannot be read" })
        } else if ran.output != chain.first.public_key {
            Err(HandError::NotAsDeclared { what: "the new key is not that of the new certificate" })
        } else {
            Ok(())
        }
    }
}

/// Writes certificates into the step's scratch directory, in their order. They are public.
fn lay(place: &Place<'_>, name: &str, certificates: &[Certificate]) -> Result<PathBuf, HandError> {
    let path = place.scratch.join(name);
    fs::write(&path, pem(certificates)).map_err(HandError::file(&path, "write it"))?;
    path.canonicalize().map_err(HandError::file(&path, "find it"))
}

/// Made of the bytes that were read, so that what is verified here is what was judged there.
fn pem(certificates: &[Certificate]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut rest = STANDARD.encode(&certificate.der);
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(64));
            text.push_str(&rest);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests;
