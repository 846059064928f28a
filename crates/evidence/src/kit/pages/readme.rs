//! `README.txt`: what the kit does and does not prove, and how to verify it.

use std::fmt::Write as _;

use super::LogFacts;
use crate::kit::Cover;

const VERIFY: &str = "\
HOW TO VERIFY, WITH THE NETWORK OFF
  1. Find what you trust and did not get with this kit: the key on the site's
     installation sheet, a head on a postcard, a witness's key.
  2. suture-verify KIT.zip --key KEY --witness WITNESS --kit-key KITS
     (KEY once for each machine; all of them stand on the installation sheets.
     Or open verify.html in a browser, drop the zip on it, paste the keys.)
  3. Read the verdict. \"Nothing verified\" is a failure, not a pass.
Take suture-verify, or verify.html, from somewhere else than this kit where you
can: whoever could alter a kit could alter a verifier in it. Every byte of a kit
is described in docs/evidence-format.md of the program's source, so that you can
have another verifier written.
";

const PROVES: &str = "\
WHAT IT PROVES, UNDER THE KEYS AND HEADS THAT YOU BROUGHT
  - The records are unchanged since they were signed, in order, and none
    between the first and the last of this kit is missing.
  - They were written by whoever held the machine's key.
  - They existed no later than the witnesses' cosignatures over them, and no
    later than the time stamps in heads/, where there are any.

WHAT IT DOES NOT PROVE
  - That a record is true. A log proves records unchanged, ordered, timely and
    attributed, never true.
  - That the machine was unbroken when it wrote them, or that everything that
    happened was recorded. Gaps that are known are records, and are listed in
    documents/gaps.json; nobody can list what nobody noticed.
  - What the documents folder says beyond the records. The exporter signed it,
    and it is the exporter's word, not the machines'.
  - It does not certify compliance with HIPAA or any other regulation, and says
    nothing of the clinic's duties as a whole.

WHAT IT IS NOT
  - It is technical evidence. It is not an accounting of disclosures (45 CFR
    164.528), and neither a designated record set nor a copy of one (45 CFR
    164.501, 164.524).
  - Records are made of typed fields; log text, user names and patient data are
    not collected by design. That is no proof that none is there.
";

const FILES: &str = "\
WHAT IS IN THE KIT
  kit.json, kit.note           what this kit says it is, and the exporter's signature over that
  custodian.txt                a form for a records custodian's certification
  verify.html                  a verifier in one file
  documents/gaps.json          what was not observed or not kept, and why
  documents/exceptions.json    failures that a person accepted for a time
  documents/baseline.json      by which baseline the machines were measured, from which record on
  documents/human-actions.json what people did by hand
  documents/keys.json          the keys of the logs: for reading, not for trusting
  documents/disclosures.json   what went wrong with the evidence itself, and who exported it before
  logs/<host>/                 the records, the hashes over them, and the signed head
";

pub(super) fn text(cover: &Cover, logs: &[LogFacts]) -> String {
    let Cover { tenant, period, export } = cover;
    let mut text = format!(
        "EVIDENCE KIT\n\nTenant:   {tenant}\nPeriod:   {} up to, not including, {}\nExported: by {}, {}, export {}\n\n",
        period.from(),
        period.to(),
        export.by,
        export.time,
        export.id
    );
    text.push_str("THE LOGS\n");
    for log in logs {
        text.push_str(&lines(log));
    }
    for part in [VERIFY, PROVES, FILES] {
        let _ = write!(text, "\n{part}");
    }
    text
}

/// What is in the kit of one log.
fn lines(log: &LogFacts) -> String {
    let LogFacts { found, survey, origin, size } = log;
    let period = match survey.bounds {
        Some((first, last)) => {
            format!("{} records of the period, from index {first} to index {last}", survey.records)
        }
        None => "no record of the period: see documents/gaps.json".to_owned(),
    };
    let mut text = format!(
        "  host {} at site {}\n    log {origin}, {size} records when this was exported\n    {period}\n    in the kit: index {} to {}, so much more \
         that nothing of the\n    period can have been left out at either end\n",
        found.host(),
        found.site(),
        survey.first,
        survey.end - 1
    );
    if survey.steps_back > 0 {
        let _ = writeln!(
            text,
            "    the machine's clock went back {} times in this log: the order is by index,\n    and a time is what the clock showed",
            survey.steps_back
        );
    }
    if found.unread > 0 {
        let _ = writeln!(
            text,
            "    {} records could not be read for the documents; a verifier judges\n    them all the same",
            found.unread
        );
    }
    text
}
