//! Writes pages, sums and the labelled incidents anew from the results that are there, once the catalogue says something else of them:
//! `cargo run -p faults --example publish`.

use std::path::Path;

use faults::{Fault, Results, labelled, page, read};

fn main() -> Result<(), String> {
    let catalogue = read(Path::new("faults"))?;
    let results = publish("just faults", "docs/faults", &catalogue)?;
    let all = results.of(&catalogue);
    write("planner/eval/faults.jsonl", &labelled(all.iter().map(|(_, fault, came)| (*fault, *came)))?)?;
    publish("just faults-contained", "docs/faults-contained", &catalogue).map(drop)
}

fn publish(command: &str, at: &str, catalogue: &[(String, Fault)]) -> Result<Results, String> {
    let file = format!("{at}.json");
    let results = Results::read(Path::new(&file))?;
    write(&format!("{at}.md"), &page(command, results.machine(), &results.of(catalogue)))?;
    write(&file, &results.json(catalogue)?)?;
    Ok(results)
}

fn write(file: &str, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|e| format!("{file}: {e}"))
}
