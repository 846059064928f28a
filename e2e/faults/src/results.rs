//! What is known of each fault of the catalogue: of the last time that it was done.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::came::Came;
use crate::catalogue::Fault;
use crate::sums::Sums;

/// Results, by the fault's id, and on which kind of machine they were had.
#[derive(Debug)]
pub struct Results {
    machine: String,
    faults: BTreeMap<String, Came>,
}

/// The file that keeps them. What is summed up in it is never read back.
#[derive(Deserialize)]
struct Kept {
    machine: String,
    faults: Vec<Came>,
}

#[derive(Serialize)]
struct Written<'a> {
    machine: &'a str,
    sums: Sums,
    faults: Vec<&'a Came>,
}

impl Results {
    /// None yet, of a machine of this kind.
    pub fn none(machine: String) -> Self {
        Self { machine, faults: BTreeMap::new() }
    }

    /// Those of `file`.
    pub fn read(file: &Path) -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let text = std::fs::read_to_string(file).map_err(|e| failed(&e))?;
        let kept: Kept = serde_json::from_str(&text).map_err(|e| failed(&e))?;
        let faults = kept.faults.into_iter().map(|came| (came.id.clone(), came)).collect();
        Ok(Self { machine: kept.machine, faults })
    }

    /// On which kind of machine they were had.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// What came of it now stands for what came of it before. Who was not asked this time keeps its time.
    pub fn add(&mut self, mut came: Came) {
        if let Some(before) = self.faults.get(&came.id) {
            for (peer, ms) in &before.beside {
                came.beside.entry(*peer).or_insert(*ms);
            }
        }
        self.faults.insert(came.id.clone(), came);
    }

    /// Those of the catalogue that were done, in its order, each with its area. What the catalogue does not have any more is left out.
    pub fn of<'a>(&'a self, catalogue: &'a [(String, Fault)]) -> Vec<(&'a str, &'a Fault, &'a Came)> {
        let one =
            |(area, fault): &'a (String, Fault)| Some((area.as_str(), fault, self.faults.get(&fault.id)?));
        catalogue.iter().filter_map(one).collect()
    }

    /// As JSON, with the sums.
    pub fn json(&self, catalogue: &[(String, Fault)]) -> Result<String> {
        let all = self.of(catalogue);
        let faults = all.iter().map(|(.., came)| *came).collect();
        let written = Written { machine: &self.machine, sums: Sums::of(&all), faults };
        Ok(serde_json::to_string_pretty(&written).map_err(|e| e.to_string())? + "\n")
    }
}
