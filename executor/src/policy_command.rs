//! `suture-executor policy`: shows what a new policy would change, and puts it in place.

use std::path::Path;

use edge::clock::Clock as _;
use policy::Shift;
use serde::Serialize;

use crate::measure::Meter;
use crate::policy_verb::Prepared;
use crate::recorder::Stamp;
use crate::start::Ground;

/// What is said with `--json`.
#[derive(Serialize)]
struct Told {
    /// The new policy's name.
    name: String,
    /// How many earlier decisions were asked again.
    replayed: usize,
    /// Those that would be others.
    changes: Vec<policy::Change>,
    /// How many of them turn from allow to deny.
    breaking: usize,
    /// What has to be typed, where something has.
    phrase: Option<String>,
    /// The digest of the policy that holds now; none where nothing was changed.
    in_force: Option<String>,
}

/// Prepares, tells, and unless it is a dry run puts it in place.
pub fn run(
    ground: &Ground,
    file: &Path,
    typed: Option<&str>,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<()> {
    let mut recorder = ground.locked_log()?;
    let prepared = Prepared::of(&ground.config, &recorder, file)?;
    let replacement = prepared.replacement();
    let mut told = Told {
        name: replacement.policy().name().to_string(),
        replayed: replacement.replayed(),
        changes: replacement.changes().to_vec(),
        breaking: replacement.breaking(),
        phrase: replacement.phrase().map(|phrase| phrase.to_string()),
        in_force: None,
    };
    if !dry_run {
        let meter = Meter::new(facts::Reader::new(ground.config.facts()), ground.config.users());
        let clock = edge::clock::SystemClock;
        let stamp = || Stamp { time: clock.utc(), clock: meter.clock(clock.mono()), mono: clock.mono() };
        let digest = prepared.put_in_place(&ground.config, &mut recorder, stamp, typed)?;
        recorder.publish()?;
        told.in_force = Some(digest.to_string());
    }
    println!("{}", if json { serde_json::to_string(&told)? } else { words(&told) });
    Ok(())
}

fn words(told: &Told) -> String {
    let mut lines = vec![format!(
        "{}: {} of the last {} decisions would be others, {} of them from allow to deny",
        told.name,
        told.changes.len(),
        told.replayed,
        told.breaking
    )];
    for change in &told.changes {
        let mark = match change.shift {
            Shift::Breaking => "breaking",
            Shift::Stricter => "stricter",
            Shift::Milder => "milder",
        };
        let request = &change.request;
        lines.push(format!(
            "  {mark:<9} {} on {} in {}: {} becomes {}",
            request.verb, request.resource, request.runbook, change.was, change.now
        ));
    }
    if let Some(phrase) = &told.phrase {
        lines.push(format!("to put it in place all the same: --phrase \"{phrase}\""));
    }
    lines.push(match &told.in_force {
        Some(digest) => format!("in force: {digest}"),
        None => "nothing was changed".to_owned(),
    });
    lines.join("\n")
}
