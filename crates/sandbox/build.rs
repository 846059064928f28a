//! Compiles the profiles for the architecture that the crate is built for. A profile that is broken, empty or says a thing twice is a failed
//! build, never a filter that lets everything through.

#[path = "build/compile.rs"]
mod compile;

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=profiles");
    println!("cargo::rerun-if-changed=build");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let read = |name: &str| {
        let path = Path::new("profiles").join(format!("{name}.json"));
        fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    };
    let mut text = String::new();
    for (profile, constant) in [
        ("strict", "STRICT"),
        ("standard", "STANDARD"),
        ("standard-net", "STANDARD_NET"),
        ("netfilter", "NETFILTER"),
    ] {
        let filter = match compile::profile(profile, &read, &arch) {
            Ok(filter) => filter,
            Err(why) => {
                println!("cargo::error=profile {profile} for {arch}: {why}");
                return;
            }
        };
        let rows = filter.iter().map(|i| format!("({},{},{},{})", i.code, i.jt, i.jf, i.k));
        let rows = rows.collect::<Vec<_>>().join(",");
        let _ = writeln!(text, "pub(super) const {constant}: &[(u16, u8, u8, u32)] = &[{rows}];");
    }
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("profiles.rs");
    if let Err(why) = fs::write(&out, text) {
        println!("cargo::error={}: {why}", out.display());
    }
}
