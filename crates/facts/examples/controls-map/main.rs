//! Writes `baseline/controls-map.csv` anew from the baseline.

use std::error::Error;
use std::fs;

use contract::baseline::Baseline;

mod map;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = map::folder();
    let baseline =
        Baseline::parse("baseline/hipaa-v1.yaml", &fs::read_to_string(folder.join("hipaa-v1.yaml"))?)?;
    let rule = map::rule(&fs::read_to_string(folder.join("hipaa-security-rule.csv"))?);
    let csv = map::map(&baseline, &rule);
    fs::write(folder.join("controls-map.csv"), &csv)?;
    println!(
        "baseline/controls-map.csv: {} lines for {} controls",
        csv.lines().count() - 1,
        baseline.controls().len()
    );
    Ok(())
}
