//! Writes the page, the sums and the labelled incidents anew from the results that are there, once the catalogue says something else of them:
//! `cargo run -p faults --example publish`.

use std::path::Path;

use faults::{Results, labelled, page, read};

fn main() -> Result<(), String> {
    let file = Path::new("docs/faults.json");
    let (catalogue, results) = (read(Path::new("faults"))?, Results::read(file)?);
    let all = results.of(&catalogue);
    let write =
        |file: &Path, text: &str| std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()));
    write(Path::new("docs/faults.md"), &page(results.machine(), &all))?;
    write(
        Path::new("planner/eval/faults.jsonl"),
        &labelled(all.iter().map(|(_, fault, came)| (*fault, *came)))?,
    )?;
    write(file, &results.json(&catalogue)?)
}
