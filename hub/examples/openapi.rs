//! Writes `docs/openapi.json` from the operator plane's routes.

use std::path::Path;

fn main() -> Result<(), edge::file::FileError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    edge::file::write_durably(&path, format!("{}\n", hub::serve::operator_document()).as_bytes())
}
