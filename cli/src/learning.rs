//! `suture learning`: which changes of the rules runs propose, and a person's approval.

use std::str::FromStr;

use contract::learnt::{Canary, LearntView, Stands};

use crate::exit::Failure;
use crate::kit::Where;
use crate::say::{Tone, Voice};

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Learning {
    #[command(flatten)]
    hub: Where,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    act: Option<Act>,
}

/// What to do about one.
#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Approve one: a new rule is tried on one site first; the end of a rule needs none.
    Approve {
        /// Its number.
        number: u64,
        /// Where a new rule is tried first.
        #[arg(long, value_name = "TENANT/SITE")]
        canary: Option<At>,
    },
}

/// A site, as it is named on a command line.
#[derive(Debug, Clone)]
struct At(Canary);

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tenant, site) = text.split_once('/').ok_or("a site is named TENANT/SITE")?;
        let tenant = tenant.parse().map_err(|e| format!("the tenant: {e}"))?;
        Ok(Self(Canary { tenant, site: site.parse().map_err(|e| format!("the site: {e}"))? }))
    }
}

/// Lists the proposals, or approves one.
pub(crate) fn run(told: &Learning) -> Result<(), Failure> {
    let (voice, hub) = (Voice::for_stdout(), told.hub.operator()?);
    match &told.act {
        None => {
            let all = hub.learning()?;
            if told.json {
                voice.line(&serde_json::json!({ "learning": all }).to_string());
            } else {
                list(voice, &all);
            }
        }
        Some(Act::Approve { number, canary }) => {
            hub.approve_learnt(*number, canary.clone().map(|At(canary)| canary))?;
            if told.json {
                voice.line(&serde_json::json!({ "number": number, "approved": true }).to_string());
            } else {
                voice.line(&format!("proposal {number} is approved in your name"));
            }
        }
    }
    Ok(())
}

fn list(voice: Voice, all: &[LearntView]) {
    voice.heading(&format!("{} changes of the rules were proposed", all.len()));
    for LearntView { number, at, what, rests_on, evidence, rehearsal, stands } in all {
        let tone = match stands {
            Stands::Proposed | Stands::Canary => Tone::Unsure,
            Stands::Everywhere => Tone::Good,
            Stands::Retired => Tone::Quiet,
            Stands::Unreadable => Tone::Bad,
        };
        voice.line(&format!("  {number}  {what}: {}", voice.tone(tone, stands.words())));
        voice.line(&format!("      proposed {at}: {rests_on}; {rehearsal}"));
        voice.line(&format!("      records: {}", evidence.join(", ")));
    }
}
