//! `suture runbook sign`: all of a directory as one catalogue, under the key that sites have pinned.

use std::path::Path;

use contract::dsse::{ENVELOPE_MAX_BYTES, HubSigner, PayloadType};
use contract::runbook::Catalogue;

use super::files;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};
use crate::seed;

pub(super) fn run(dir: &Path, key: &Path, out: &Path, json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let found = files::read(dir)?;
    let bad = |words: String| Failure::new(Status::Refused, format!("{}: {words}", dir.display()));
    let bytes =
        Catalogue::bundle(found.into_iter().map(|f| f.file).collect()).map_err(|e| bad(e.to_string()))?;
    let catalogue = Catalogue::parse(&bytes).map_err(|e| bad(e.to_string()))?;
    let signer = HubSigner::from_seed(&seed::read(key)?);
    let envelope = signer.sign(PayloadType::Catalogue, &bytes);
    if envelope.len() > ENVELOPE_MAX_BYTES {
        return Err(bad(format!(
            "signed, it is {} bytes long, and no site opens more than 1 MiB",
            envelope.len()
        )));
    }
    edge::file::write_durably(out, &envelope)?;
    let count = catalogue.iter().count();
    let digest = catalogue.digest();
    let by = String::from(signer.public());
    if json {
        let told = serde_json::json!({ "runbooks": count, "digest": digest, "hub_key": by, "file": out });
        voice.line(&told.to_string());
    } else {
        voice.line(&format!("{}: {count} runbooks, signed by {by}", out.display()));
        voice.line(&format!(
            "sites approve it by its digest: {}",
            voice.tone(Tone::Strong, &digest.to_string())
        ));
    }
    Ok(())
}
