//! What an outsider's verifier says of a machine's evidence.

use std::process::Command;

use crate::Result;
use crate::site::Site;

/// Stops what writes, takes the log out of the machine, and lets `suture-verify` look at it with the key from the installation. Its word.
pub(crate) fn verify(site: &mut Site) -> Result<String> {
    let machine = &mut site.machine;
    machine.ok("systemctl stop suture-agent suture-executor.socket suture-executor; tar -C /var/lib/suture/executor -cf /run/evidence.tar evidence")?;
    let archive = machine.get("/run/evidence.tar")?;
    let key = machine.ok("cat /var/lib/suture/executor/evidence.pub")?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let tar = scratch.path().join("evidence.tar");
    std::fs::write(&tar, archive).map_err(|e| e.to_string())?;
    let unpacked = Command::new("tar").arg("-C").arg(scratch.path()).arg("-xf").arg(&tar).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        return Err("the evidence's archive cannot be unpacked".to_owned());
    }
    let output = Command::new(&site.verifier)
        .args(["--json", "--key", key.trim()])
        .arg(scratch.path().join("evidence"))
        .output()
        .map_err(|e| format!("{}: {e}", site.verifier.display()))?;
    Ok(match output.status.code() {
        Some(0) => "intact, witnessed".to_owned(),
        Some(10) => "intact".to_owned(),
        code => format!("not intact ({code:?}): {}", String::from_utf8_lossy(&output.stdout)),
    })
}
