//! Makes an honest synthetic kit: `cargo run -p evidence --features sample --example make_kit -- DIRECTORY [option=value]…`
//!
//! Writes `out.zip` and, beside it, what a verifier is handed from outside: `trust.policy`, `keys.txt` (a key of each log), `head.txt` (the heads,
//! as written down from a postcard), `key-log-<host>.txt`, `kits.key`, `heads.key`. Options: `seed` `hosts` `records` `record_bytes` `tail` (numbers),
//! `begins` `from` `to` (instants), `spacing_ms`, `rotations` (indexes, comma-separated), `witnessed` `heads` (true or false), `tenant`.

use std::error::Error;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use contract::time::UtcTime;
use evidence::kit::sample::{Recipe, Sample, make};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("make_kit DIRECTORY [option=value]…")?;
    let recipe = recipe(arguments)?;
    let sample = make(&recipe)?;
    write(Path::new(&directory), &sample)?;
    println!("{}", contract::digest::Digest::of(&sample.zip));
    Ok(())
}

fn recipe(arguments: impl Iterator<Item = String>) -> Result<Recipe, Box<dyn Error>> {
    let mut recipe = Recipe::default();
    let (mut from, mut to) = (None::<UtcTime>, None::<UtcTime>);
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or_else(|| format!("{argument}: option=value"))?;
        match name {
            "seed" => recipe.seed = read(name, value)?,
            "tenant" => recipe.tenant = read(name, value)?,
            "hosts" => recipe.hosts = read(name, value)?,
            "records" => recipe.records = read(name, value)?,
            "record_bytes" => recipe.record_bytes = read(name, value)?,
            "tail" => recipe.tail = read(name, value)?,
            "begins" => recipe.begins = read(name, value)?,
            "spacing_ms" => recipe.spacing_ms = read(name, value)?,
            "from" => from = Some(read(name, value)?),
            "to" => to = Some(read(name, value)?),
            "rotations" => {
                recipe.rotations =
                    value.split(',').map(|index| read(name, index)).collect::<Result<_, _>>()?;
            }
            "witnessed" => recipe.witnessed = read(name, value)?,
            "heads" => recipe.heads = read(name, value)?,
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    recipe.period = match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) => Some((from, to)),
        _ => return Err("from and to go together".into()),
    };
    Ok(recipe)
}

fn read<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|e| format!("{name}={value}: {e}"))
}

fn write(directory: &Path, sample: &Sample) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let put = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes);
    put("out.zip", &sample.zip)?;
    put("trust.policy", sample.policy.as_bytes())?;
    put("keys.txt", sample.log_keys.as_bytes())?;
    put("head.txt", sample.heads.concat().as_bytes())?;
    put("kits.key", format!("{}\n", sample.keys.kits.verifier()).as_bytes())?;
    put("heads.key", format!("{}\n", sample.keys.heads.verifier()).as_bytes())?;
    for (host, key_log) in &sample.key_logs {
        put(&format!("key-log-{host}.txt"), key_log.as_bytes())?;
    }
    Ok(())
}
