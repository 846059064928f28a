//! `suture planner replay`.

use std::path::Path;

use planner::{Considered, Replayed, Verdict};
use serde_json::json;

use super::knowledge::{Files, Sources};
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// The largest file of decisions: 1 GiB, some half a million lines.
const DECISIONS_MAX_BYTES: u64 = 1 << 30;

/// A line of which something else comes now.
struct Differing {
    line: usize,
    said: Box<Considered>,
    now: Box<Considered>,
}

/// What became of all lines.
#[derive(Default)]
struct Counted {
    same: usize,
    other_knowledge: usize,
    differing: Vec<Differing>,
}

pub(super) fn run(file: &Path, sources: &Sources, json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let files = Files::read(sources)?;
    let text = edge::file::read_text(file, DECISIONS_MAX_BYTES)
        .map_err(|error| Failure::new(Status::NothingThere, format!("{error}: {}", error.source)))?;
    let counted = count(&file.display().to_string(), &text, &files)?;
    let Counted { same, other_knowledge, differing } = &counted;
    if json {
        let each = differing
            .iter()
            .map(|Differing { line, said, now }| json!({ "line": line, "said": said, "now": now }));
        let each = each.collect::<Vec<_>>();
        voice.line(&json!({ "same": same, "other_files": other_knowledge, "differ": each }).to_string());
    } else {
        for Differing { line, said, now } in differing {
            let words = format!("it said {}; now it is {}", words(said), words(now));
            voice.line(&format!("{}:{line}: {}", file.display(), voice.tone(Tone::Bad, &words)));
        }
        let all = same + other_knowledge + differing.len();
        voice.line(&format!(
            "{same} of {all} decisions are made again as they stand, {} differ, {other_knowledge} were made by other files",
            differing.len()
        ));
    }
    verdict(&counted)
}

fn count(file: &str, text: &str, files: &Files) -> Result<Counted, Failure> {
    let knowledge = files.knowledge();
    let mut counted = Counted::default();
    for (line, text) in (1..).zip(text.lines()) {
        let replayed = planner::replay(text, &knowledge)
            .map_err(|error| Failure::new(Status::Refused, format!("{file}:{line}: {error}")))?;
        match replayed {
            Replayed::Same => counted.same += 1,
            Replayed::OtherKnowledge { by: _ } => counted.other_knowledge += 1,
            Replayed::Differs { said, now } => counted.differing.push(Differing { line, said, now }),
        }
    }
    Ok(counted)
}

/// Nothing that could be asked again is no proof.
fn verdict(Counted { same, other_knowledge, differing }: &Counted) -> Result<(), Failure> {
    if !differing.is_empty() {
        let words = format!("{} decisions come out otherwise now", differing.len());
        return Err(Failure::new(Status::NotProven, words));
    }
    if *same == 0 {
        let words = format!(
            "no decision could be made again: {other_knowledge} were made by other files; name those with --rules, --baseline and --runbooks"
        );
        return Err(Failure::new(Status::NotProven, words));
    }
    Ok(())
}

/// What was decided, and why where that is not the same word.
fn words(considered: &Considered) -> String {
    let Considered { verdict, why } = considered;
    match verdict {
        Verdict::Decided(_) | Verdict::Follow(_) => format!("{:?}", why.to_string()),
        Verdict::Ask => format!("to be asked of a model ({why})"),
    }
}
