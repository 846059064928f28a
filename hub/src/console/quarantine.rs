//! What runs on a machine that nothing explains, beside what was known to run there; and the approval of exactly that.

use contract::attest::{Attested, Attests, Program, QuarantineView};
use contract::ids::TenantId;
use contract::time::UtcTime;
use maud::{Markup, html};

use super::parts::{State, ago, chip_saying, digest, table, tag, time, told};

/// The part of a machine's page. `may` where whoever looks may approve.
pub(super) fn section(tenant: &TenantId, view: &QuarantineView, now: UtcTime, may: bool) -> Markup {
    let QuarantineView { site: _, host: _, since, changed, held, said, digest: seen } = view;
    let row = |part: Attests, words: &str, of: fn(&Attested) -> Markup| {
        let state =
            if changed.contains(&part) { chip_saying(State::Fail, "Changed") } else { tag("As before") };
        vec![html! { strong { (words) } }, of(held), of(said), state]
    };
    let rows = [
        row(Attests::Agent, "Agent", |all| program(Some(&all.agent))),
        row(Attests::Executor, "Executor", |all| program(all.executor.as_ref())),
        row(Attests::Closure, "System", closure),
    ];
    html! {
        section #quarantine {
            h2 { "Quarantine" }
            @if *since <= now {
                p {
                    (chip_saying(State::Fail, "In quarantine")) " since " (time(*since)) ", " (ago(*since)) ". "
                    "Something else runs there than was known, and no release, announced generation or switch explains it. The machine is heard as before; it is given no order, no standing order and nothing to do until a person approves what runs there. That all is as it was again does not end it."
                }
            } @else {
                p { (chip_saying(State::CouldNotCheck, "In doubt")) " until " (time(*since)) ": the system's closure is another one, and the evidence that would explain it may be on its way." }
            }
            (table("What runs there, by the machine's own word", &["Part", "Known before", "Said now", "State"], &rows))
            p .muted { "All of what is said now, by one digest: " (digest(seen)) ". An approval names it; where the machine says something else by then, nothing is approved." }
            @if may { (form(tenant, view)) }
        }
    }
}

fn program(program: Option<&Program>) -> Markup {
    html! {
        @match program {
            None => { span .muted { "not told" } }
            Some(Program { version, binary }) => {
                "version " (version.as_str()) br;
                @match binary { Some(binary) => (digest(binary)), None => span .muted { "its file could not be read" } }
            }
        }
    }
}

fn closure(all: &Attested) -> Markup {
    html! { @match &all.closure { Some(closure) => { code { (closure.as_str()) } }, None => { span .muted { "not told: only NixOS has one" } } } }
}

fn form(tenant: &TenantId, QuarantineView { host, digest, .. }: &QuarantineView) -> Markup {
    html! {
        form data-api=(format!("/api/v1/tenants/{tenant}/hosts/{host}/quarantine/approve")) data-then="reload" {
            (told())
            p { "Approve it only if you know who put it there, and why. It is recorded in your name." }
            input type="hidden" name="digest" value=(digest);
            div .field {
                label for="quarantine-host" { "Type the machine's name, " span .nowrap { (host) } ", to confirm" }
                input id="quarantine-host" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required data-must=(host);
            }
            div .buttons { button type="submit" { "Approve what runs there" } }
        }
    }
}
