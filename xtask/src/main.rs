//! The checks that cargo does not make: which crate may know which, and what the text of the tree may hold.
//!
//! `cargo run -q -p xtask -- check` runs every gate over this checkout. Each gate is a pure function of what was read, and each has a test that
//! breaks the thing and expects red. A gate that looked at nothing is red too.
#![forbid(unsafe_code)]

mod graph;
mod layers;
mod links;
mod pure;
mod tidy;
mod tree;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use tree::SourceFile;

/// One thing that is wrong: which rule, where, what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    rule: &'static str,
    place: String,
    what: String,
}

impl Finding {
    fn new(rule: &'static str, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { rule, place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.what)
    }
}

fn main() -> ExitCode {
    let told: Vec<String> = std::env::args().skip(1).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let findings = match told.as_slice() {
        ["check"] => layers().and_then(|mut found| {
            found.extend(text()?);
            Ok(found)
        }),
        ["layers"] => layers(),
        ["tidy"] => text(),
        _ => Err("usage: xtask check | layers | tidy".to_owned()),
    };
    match findings {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("{} to put right", findings.len());
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("xtask: {e}");
            ExitCode::from(2)
        }
    }
}

/// The checkout that this crate stands in.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn layers() -> Result<Vec<Finding>, String> {
    let graph = graph::read(root())?;
    let findings = layers::check(&graph);
    println!("layers: {} crates, {} edges between them", graph.members.len(), graph.edges.len());
    Ok(findings)
}

fn text() -> Result<Vec<Finding>, String> {
    let files = tree::read(root())?;
    if files.is_empty() {
        return Err(format!("{}: no file was found to check", root().display()));
    }
    let mut findings: Vec<Finding> = files.iter().flat_map(tidy::check).collect();
    findings.extend(files.iter().flat_map(pure::check));
    findings.extend(links::check(&files));
    println!("tidy: {} files", files.len());
    large(&files);
    Ok(findings)
}

/// Not red, and said aloud: files aim at 200 lines.
fn large(files: &[SourceFile]) {
    let mut large: Vec<(usize, &str)> =
        files.iter().filter(|f| f.is_rust()).map(|f| (f.lines().count(), f.path.as_str())).collect();
    large.retain(|(lines, _)| *lines > tidy::LINES_AIM);
    large.sort_unstable_by(|a, b| b.cmp(a));
    if !large.is_empty() {
        println!("tidy: {} Rust files above {} lines:", large.len(), tidy::LINES_AIM);
        for (lines, path) in large {
            println!("  {lines:4} {path}");
        }
    }
}
