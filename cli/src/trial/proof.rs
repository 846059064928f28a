//! The evidence, verified by the auditor's own program; and one flipped byte, refused by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use super::bundle;
use super::layout::Layout;
use super::processes::Processes;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// `suture-verify`: intact and witnessed, intact with an unwitnessed tail.
const VERIFIED: [i32; 2] = [0, 10];
/// `suture-verify`: incomplete. A log that goes on growing can look like that for a moment.
const INCOMPLETE: i32 = 20;
/// How often, and how far apart, something is tried again that the growing log got in the way of.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// Verifies the log with the key that was kept outside it, then shows that the verifier refuses an altered copy and names the record.
pub(crate) fn show(
    voice: Voice,
    layout: &Layout,
    processes: &Processes,
    witness: &str,
) -> Result<(), Failure> {
    let receipt = layout.receipt().display().to_string();
    let witnessed = ["--witness", witness, "--receipt", &receipt];
    // The receipt may be newer than what was published last: then the published log looks incomplete until it has caught up.
    processes.have_published();
    let mut output = verify(processes, layout, &layout.evidence(), &witnessed)?;
    for _ in 0..TRIES {
        if output.status.code() != Some(INCOMPLETE) {
            break;
        }
        std::thread::sleep(PAUSE);
        processes.have_published();
        output = verify(processes, layout, &layout.evidence(), &witnessed)?;
    }
    print(voice, &output);
    if !is_verified(&output) {
        return Err(Failure::new(
            Status::NotProven,
            format!("suture-verify did not verify the log ({})", output.status),
        ));
    }
    copy_whole(layout, processes)?;
    let (record, file, offset) = tamper(layout)?;
    voice.line(&format!(
        "\n  one byte flipped in a copy: byte {offset} of {}, within record {record}",
        file.display()
    ));
    let output = verify(processes, layout, &layout.tampered(), &[])?;
    print(voice, &output);
    let named = verify(processes, layout, &layout.tampered(), &["--json"])?;
    let named: serde_json::Value = serde_json::from_slice(&named.stdout).unwrap_or_default();
    if output.status.success() || named["index"] != record {
        let words =
            format!("the verifier did not refuse the altered copy, or named another record than {record}");
        return Err(Failure::new(Status::NotProven, words));
    }
    voice.line(&voice.tone(Tone::Good, &format!("  refused, and record {record} named")));
    Ok(())
}

fn verify(processes: &Processes, layout: &Layout, log: &Path, more: &[&str]) -> Result<Output, Failure> {
    let (log, key) = (log.display().to_string(), layout.public_key().display().to_string());
    processes.run("suture-verify", &[&[log.as_str(), "--key-file", &key], more].concat())
}

fn print(voice: Voice, output: &Output) {
    for line in
        String::from_utf8_lossy(&output.stdout).lines().chain(String::from_utf8_lossy(&output.stderr).lines())
    {
        voice.line(&format!("  {line}"));
    }
}

/// A copy of the published log that verifies. The log goes on growing while it is copied, so that a copy may have caught it between two files.
fn copy_whole(layout: &Layout, processes: &Processes) -> Result<(), Failure> {
    let copy = layout.tampered();
    let mut last = String::new();
    for _ in 0..TRIES {
        if copy.exists() {
            fs::remove_dir_all(&copy).map_err(|e| failed("cannot remove the last altered copy", &e))?;
        }
        match copy_tree(&layout.evidence(), &copy) {
            Ok(())
                if bundle::path(&copy, 0).is_some()
                    && is_verified(&verify(processes, layout, &copy, &[])?) =>
            {
                return Ok(());
            }
            Ok(()) => "it is not whole".clone_into(&mut last),
            Err(e) => last = e.to_string(),
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failure::new(Status::CannotCreate, format!("cannot copy the log: {last}")))
}

fn is_verified(output: &Output) -> bool {
    output.status.code().is_some_and(|c| VERIFIED.contains(&c))
}

fn failed(what: &str, e: &std::io::Error) -> Failure {
    Failure::new(Status::CannotCreate, format!("{what}: {e}"))
}

/// Flips a bit in the middle of a record in the middle of the copy's first bundle. Returns the record, the file and the offset.
fn tamper(layout: &Layout) -> Result<(u64, PathBuf, usize), Failure> {
    let copy = layout.tampered();
    let file =
        bundle::path(&copy, 0).ok_or_else(|| Failure::new(Status::NotProven, "the log has no entries"))?;
    let mut bytes = fs::read(&file).map_err(|e| failed("cannot read the copy", &e))?;
    let starts = bundle::entries(&bytes);
    let record = starts.len() / 2;
    let (start, length) = starts.get(record).copied().unwrap_or_default();
    let offset = start + length / 2;
    let Some(byte) = bytes.get_mut(offset) else {
        return Err(Failure::new(Status::NotProven, "the log has no entries"));
    };
    *byte ^= 0x01;
    fs::write(&file, &bytes).map_err(|e| failed("cannot write the copy", &e))?;
    let shown = file.strip_prefix(layout.root()).unwrap_or(&file).to_owned();
    Ok((record as u64, shown, offset))
}

/// The published log only: the writer's own files are not evidence.
fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() && entry.file_name() != "writer" => copy_tree(&entry.path(), &target)?,
            kind if kind.is_file() => fs::copy(entry.path(), target).map(|_| ())?,
            _ => {}
        }
    }
    Ok(())
}
