//! The same detections for sec, the Simple Event Correlator: a rule for each detector, with the union of its patterns and its rate.

use std::error::Error;
use std::io::Write;

use detectors::{Definition, Library, Trigger};

use super::behind_header;

/// What tells a detector's signals apart, where its patterns take it out.
const APART: [&str; 4] = ["unit", "mount", "device", "source"];

/// Writes the rules, and after them one that says that the last line was reached.
pub(crate) fn rules(library: &Library, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // What others come after has to have been counted by then.
    for detector in library.iter() {
        if let Trigger::After(after) = &detector.when {
            let before = library.iter().find(|d| d.id == after.detector).ok_or("a detector after none")?;
            let seen = format!("after_{}_{}", detector.id, apart(before));
            let action = format!("create {seen} {}", after.rate.within.seconds);
            threshold(out, before, &seen, after.rate.times, after.rate.within.seconds, &action)?;
        }
    }
    for detector in library.iter().filter(|d| !d.lines.is_empty()) {
        let fired = format!("write - fired {}", detector.id);
        let name = format!("{} {}", detector.id, apart(detector));
        match &detector.when {
            Trigger::Rate(rate) => {
                threshold(out, detector, &name, rate.times, rate.within.seconds, &fired)?;
            }
            Trigger::After(_) => {
                let context = format!("after_{}_{}", detector.id, apart(detector));
                single(out, detector, &name, &context, &fired)?;
            }
            Trigger::DaysLeft(days) => {
                let context = format!("=( defined($+{{days}}) && $+{{days}} <= {days} )");
                single(out, detector, &name, &context, &fired)?;
            }
            // Once it was seen, a context that outlives its time tells of the lack.
            Trigger::Missing(span) => {
                let seen = format!("create missing_{} {} ({fired})", detector.id, span.seconds);
                single(out, detector, &name, "", &seen)?;
            }
            Trigger::Fills(_) => {}
        }
    }
    writeln!(out, "type=Single\nptype=SubStr\npattern=the last line of all\ndesc=end\naction=write - end\n")?;
    Ok(())
}

fn threshold(
    out: &mut impl Write,
    detector: &Definition,
    name: &str,
    times: u32,
    seconds: u32,
    action: &str,
) -> std::io::Result<()> {
    head(out, "SingleWithThreshold", detector, name, action)?;
    writeln!(out, "window={seconds}\nthresh={times}\n")
}

fn single(
    out: &mut impl Write,
    detector: &Definition,
    name: &str,
    context: &str,
    action: &str,
) -> std::io::Result<()> {
    head(out, "Single", detector, name, action)?;
    if !context.is_empty() {
        writeln!(out, "context={context}")?;
    }
    writeln!(out)
}

/// Other rules see the line too, as a line may mean several things here.
fn head(
    out: &mut impl Write,
    kind: &str,
    detector: &Definition,
    name: &str,
    action: &str,
) -> std::io::Result<()> {
    let patterns: Vec<_> =
        detector.lines.iter().map(|l| behind_header(detector, &named(&l.pattern))).collect();
    let pattern = patterns.join("|");
    writeln!(
        out,
        "type={kind}\ncontinue=TakeNext\nptype=RegExp\npattern={pattern}\ndesc={name}\naction={action}"
    )
}

/// Perl has the same groups without the letter.
fn named(pattern: &str) -> String {
    pattern.replace("(?P<", "(?<")
}

fn apart(detector: &Definition) -> String {
    let has = |group: &&&str| detector.lines.iter().any(|l| l.pattern.contains(&format!("(?P<{group}>")));
    APART.iter().filter(has).map(|group| format!("$+{{{group}}}")).collect::<Vec<_>>().concat()
}
