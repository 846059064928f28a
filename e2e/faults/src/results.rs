//! What is known of each fault of the catalogue: of the last time that it was done.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::case::Came;
use crate::catalogue::Fault;
use crate::sums::Sums;

/// Results, by the fault's id.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<String, Came>);

/// The file that keeps them. What is summed up in it is never read back.
#[derive(Deserialize)]
struct Kept {
    faults: Vec<Came>,
}

#[derive(Serialize)]
struct Written<'a> {
    machine: &'a str,
    sums: Sums,
    faults: Vec<&'a Came>,
}

impl Results {
    /// Those of `file`; none where there is no such file.
    pub fn read(file: &Path) -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(file).map_err(|e| failed(&e))?;
        let kept: Kept = serde_json::from_str(&text).map_err(|e| failed(&e))?;
        Ok(Self(kept.faults.into_iter().map(|came| (came.id.clone(), came)).collect()))
    }

    /// What came of it now stands for what came of it before. Who was not asked this time keeps its time.
    pub fn add(&mut self, mut came: Came) {
        if let Some(before) = self.0.get(&came.id) {
            for (peer, ms) in &before.beside {
                came.beside.entry(*peer).or_insert(*ms);
            }
        }
        self.0.insert(came.id.clone(), came);
    }

    /// Those of the catalogue that were done, in its order, each with its area. What the catalogue does not have any more is left out.
    pub fn of<'a>(&'a self, catalogue: &'a [(String, Fault)]) -> Vec<(&'a str, &'a Fault, &'a Came)> {
        let one = |(area, fault): &'a (String, Fault)| Some((area.as_str(), fault, self.0.get(&fault.id)?));
        catalogue.iter().filter_map(one).collect()
    }

    /// As JSON, with the sums.
    pub fn json(&self, machine: &str, catalogue: &[(String, Fault)]) -> Result<String> {
        let all = self.of(catalogue);
        let faults = all.iter().map(|(.., came)| *came).collect();
        let written = Written { machine, sums: Sums::of(&all), faults };
        Ok(serde_json::to_string_pretty(&written).map_err(|e| e.to_string())? + "\n")
    }
}
