//! `suture calls`: what waits for a person, and that somebody has it.

use contract::baseline::Severity;
use contract::call::{CallView, CallWhole};
use contract::ids::OperatorId;

use crate::exit::Failure;
use crate::kit::Where;
use crate::say::{Tone, Voice};
use crate::trial::words;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Calls {
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
    /// Show one: what was seen, what was tried, what may be tried.
    Show {
        /// Its number.
        call: u64,
    },
    /// Have it: nobody else is called for it until its time goes by.
    Take {
        /// Its number.
        call: u64,
    },
    /// Say that you looked after what a detector saw: nothing measures it, so it ends by that.
    Done {
        /// Its number.
        call: u64,
    },
    /// Hand it over.
    Hand {
        /// Its number.
        call: u64,
        /// Who is to have it.
        #[arg(long, value_name = "PERSON")]
        to: OperatorId,
    },
}

/// Lists those that are open, or does what is asked.
pub(crate) fn run(told: &Calls) -> Result<(), Failure> {
    let (voice, hub) = (Voice::for_stdout(), told.hub.operator()?);
    let say = |json: serde_json::Value, words: &dyn Fn()| {
        if told.json { voice.line(&json.to_string()) } else { words() }
    };
    match &told.act {
        None => {
            let mut open = hub.calls()?;
            open.retain(|call| call.over.is_none());
            open.sort_by_key(|call| (call.holder.is_some(), call.due, call.call));
            say(serde_json::json!({ "calls": open }), &|| list(voice, &open));
        }
        Some(Act::Show { call }) => {
            let whole = hub.call(*call)?;
            say(serde_json::json!(whole), &|| show(voice, &whole));
        }
        Some(Act::Take { call }) => {
            let call = hub.take_call(*call)?;
            say(serde_json::json!(call), &|| {
                voice.line(&format!("call {} is yours until {}", call.call, call.due));
            });
        }
        Some(Act::Done { call }) => {
            hub.end_call(*call)?;
            say(serde_json::json!({ "call": call, "over": true }), &|| {
                voice.line(&format!("call {call} is over"));
            });
        }
        Some(Act::Hand { call, to }) => {
            let call = hub.hand_call(*call, to)?;
            say(serde_json::json!(call), &|| {
                voice.line(&format!("{to} has call {} until {}", call.call, call.due));
            });
        }
    }
    Ok(())
}

fn list(voice: Voice, open: &[CallView]) {
    voice.heading(&format!("{} calls wait for a person", open.len()));
    for call in open {
        voice.line(&format!("  {}", one_line(voice, call)));
    }
}

fn one_line(voice: Voice, call: &CallView) -> String {
    let CallView { call: number, tenant, site, host, what, severity, symptoms, due, again, holder, .. } =
        call;
    let tone = match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium | Severity::Low => Tone::Unsure,
    };
    let who = holder.as_ref().map_or_else(|| "nobody has it".to_owned(), |holder| format!("{holder} has it"));
    let symptoms = if *symptoms > 0 { format!(", {symptoms} follow from it") } else { String::new() };
    let again = if *again > 0 { format!(", called {again} times anew") } else { String::new() };
    format!(
        "{number}  {}  {} on {host} at {tenant}/{site}{symptoms}: {who}, until {due}{again}",
        voice.tone(tone, severity.word()),
        words::what(what),
    )
}

fn show(voice: Voice, whole: &CallWhole) {
    let CallWhole { call, tried, may_try, citations, left_to_people, steps } = whole;
    voice.heading(&one_line(voice, call));
    if let Some(why) = &call.why {
        voice.line(&format!("  why a person: {why}"));
    }
    if let Some(left) = left_to_people {
        voice.line(&format!("  left to people: {left}"));
    }
    if !citations.is_empty() {
        voice.line(&format!("  supports 45 CFR {}", citations.join(", ")));
    }
    for tried in tried {
        voice.line(&format!("  tried {} at {}: {}", tried.runbook, tried.at, tried.came));
    }
    if tried.is_empty() {
        voice.line("  nothing was tried");
    }
    for may in may_try {
        let asks = if may.disruptive { ", in the maintenance window" } else { "" };
        voice.line(&format!(
            "  may be tried: {} ({}){asks}, {} approvals",
            may.runbook, may.title, may.approvals
        ));
    }
    if may_try.is_empty() {
        voice.line("  no approved runbook fits: it has to be repaired by hand");
    } else {
        voice.line(&format!(
            "  to order one: suture orders --tenant {} place --host {} --incident {} --runbook … --person …",
            call.tenant, call.host, call.incident
        ));
    }
    for step in steps {
        voice.line(&format!("  {}: {} has it, by {}", step.at, step.holder, step.by));
    }
}
