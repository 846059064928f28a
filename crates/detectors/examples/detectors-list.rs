//! Writes the list in `docs/detectors.md` anew from the detectors: `cargo run -p detectors --example detectors-list`.

use std::error::Error;
use std::path::Path;

use detectors::Library;

const DETECTORS: &str = "agent/detectors";
const PAGE: &str = "docs/detectors.md";
const BEGIN: &str = "<!-- the list: written by `just detectors-list` -->\n";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root.join(DETECTORS))? {
        let path = entry?.path();
        files.push((path.display().to_string(), std::fs::read_to_string(path)?));
    }
    files.sort();
    let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let page = root.join(PAGE);
    let text = std::fs::read_to_string(&page)?;
    let (before, _) = text.split_once(BEGIN).ok_or("the page has no list")?;
    std::fs::write(&page, format!("{before}{BEGIN}{}", Library::parse(&files)?.table()))?;
    Ok(())
}
