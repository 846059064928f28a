//! What an outsider's verifier says of a machine's evidence, and the records themselves.

use std::path::Path;
use std::process::Command;

use contract::record::Record;

use crate::Result;
use crate::site::Site;

/// Stops what writes, takes the log out of the machine, and lets `suture-verify` look at it with the key from the installation. Its word, and all
/// records of the log.
pub(crate) fn verify_and_read(site: &mut Site) -> Result<(String, Vec<Record>)> {
    let machine = &mut site.machine;
    machine.ok("systemctl stop suture-agent suture-executor.socket suture-executor; tar -C /var/lib/suture/executor -cf /run/evidence.tar evidence")?;
    let archive = machine.get("/run/evidence.tar")?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let tar = scratch.path().join("evidence.tar");
    std::fs::write(&tar, archive).map_err(|e| e.to_string())?;
    let unpacked = Command::new("tar")
        .arg("--warning=no-timestamp")
        .arg("-C")
        .arg(scratch.path())
        .arg("-xf")
        .arg(&tar)
        .status();
    if !unpacked.is_ok_and(|status| status.success()) {
        return Err("the evidence's archive cannot be unpacked".to_owned());
    }
    let evidence = scratch.path().join("evidence");
    let output = Command::new(&site.verifier)
        .args(["--json", "--key", site.log_key.trim()])
        .arg(&evidence)
        .output()
        .map_err(|e| format!("{}: {e}", site.verifier.display()))?;
    let word = match output.status.code() {
        Some(0) => "intact, witnessed".to_owned(),
        Some(10) => "intact".to_owned(),
        code => format!("not intact ({code:?}): {}", String::from_utf8_lossy(&output.stdout)),
    };
    let records = records(&evidence)?;
    // What the hub has acknowledged may not be missing here, whole as the rest may be.
    let held = site.hub.held()?;
    if (records.len() as u64) < held {
        return Ok((
            format!("cut off: the hub holds {held} records, and the machine {}", records.len()),
            records,
        ));
    }
    Ok((word, records))
}

/// Every record, from the entry bundles: each entry is two bytes of its length, then itself (C2SP tlog-tiles).
fn records(evidence: &Path) -> Result<Vec<Record>> {
    let mut bundles = Vec::new();
    walk(&evidence.join("tile/entries"), &mut bundles)?;
    let mut all: Vec<Record> = Vec::new();
    for bundle in bundles {
        let bytes = std::fs::read(&bundle).map_err(|e| format!("{}: {e}", bundle.display()))?;
        let mut rest = bytes.as_slice();
        while let Some(([high, low], after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (entry, after) =
                after.split_at_checked(length).ok_or_else(|| format!("{}: torn", bundle.display()))?;
            all.push(Record::parse(entry).map_err(|e| format!("{}: {e}", bundle.display()))?);
            rest = after;
        }
    }
    // A bundle that has filled up stands there with its former, shorter selves.
    all.sort_by_key(|record| record.seq);
    all.dedup_by_key(|record| record.seq);
    Ok(all)
}

fn walk(directory: &Path, into: &mut Vec<std::path::PathBuf>) -> Result<()> {
    let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() { walk(&path, into)? } else { into.push(path) }
    }
    Ok(())
}
