//! Sets the sample sheets and draws their pages, to be looked at: `cargo run --example pages -- DIRECTORY`. Needs `pdftoppm` (poppler-utils).
#![allow(clippy::unwrap_used, dead_code, reason = "shared with the tests")]

#[path = "../tests/it/sample.rs"]
mod sample;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use packet::sample::Scene;
use packet::{Paper, Sheet};
use typeset::{Typesetter as _, Typst};

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    std::fs::create_dir_all(&directory).unwrap();
    let packet = Scene::default().packet();
    let document = packet::document(&packet, &Scene::brand()).unwrap();
    let packet = Sheet { document, paper: Paper::Letter, attached: Vec::new() };
    let sheets = [
        ("packet", packet),
        ("month", sample::month()),
        ("scripts", sample::scripts()),
        ("long", sample::long(5000)),
    ];
    for (name, sheet) in sheets {
        let start = Instant::now();
        let json = directory.join(format!("{name}.json"));
        std::fs::write(json, serde_json::to_vec(&sheet).unwrap()).unwrap();
        let pdf = match Typst::new().set(sheet.clone()) {
            Ok(pdf) => pdf,
            Err(e) => {
                println!("{name}: {e}");
                continue;
            }
        };
        println!("{name}: {} bytes after {:.2} s", pdf.len(), start.elapsed().as_secs_f64());
        let path = directory.join(format!("{name}.pdf"));
        std::fs::write(&path, pdf).unwrap();
        let pages = Command::new("pdftoppm")
            .args(["-r", "70", "-png", "-l", "12"])
            .arg(&path)
            .arg(directory.join(name))
            .status();
        println!("{name}: pdftoppm {pages:?}");
    }
}
