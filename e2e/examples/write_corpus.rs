//! Writes the corpus down: `write_corpus DIR [STEP [HONEST]]`.
//!
//! `DIR/<n>.zip` are the kits, `DIR/cases.json` says what is brought, what must be said, and what `suture-verify`'s library says: an array of
//! `{name, kit, brought, expected, said: {verdict, exit_code, reason, index}}`. Every STEP-th byte of the small kit is flipped and every STEP-th length
//! cut (199 where nothing is said, 1 for all), and HONEST kits are added (50).
#![expect(clippy::unwrap_used, reason = "what a case brings can be read, or the case is broken")]

use std::fs;
use std::path::PathBuf;

use e2e::{base, corpus};

#[path = "../tests/it/said.rs"]
mod said;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("usage: write_corpus DIR [STEP [HONEST]]")?);
    let step: usize = arguments.next().map_or(Ok(199), |step| step.parse())?;
    let honest: u64 = arguments.next().map_or(Ok(50), |count| count.parse())?;
    fs::create_dir_all(&directory)?;
    let small = base::small();
    let cases = corpus::deliberate()
        .into_iter()
        .chain(corpus::flips(small, 0, step))
        .chain(corpus::truncations(small, 0, step))
        .chain((0..honest).map(corpus::honest));
    let mut list = Vec::new();
    for (n, case) in cases.enumerate() {
        let kit = directory.join(format!("{n}.zip"));
        let said = said::said(&case, &kit);
        list.push(serde_json::json!({
            "name": case.name, "kit": kit, "brought": case.brought, "expected": case.expected, "said": said,
        }));
    }
    fs::write(directory.join("cases.json"), serde_json::to_vec(&list)?)?;
    println!("{} cases in {}", list.len(), directory.display());
    Ok(())
}
