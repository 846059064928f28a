//! `suture orders`: what waits on a tenant's machines, and for whom; and what people do about it.

mod acts;

use contract::ids::TenantId;
use contract::plane::OrderView;
use contract::record::WaitingFor;

use crate::exit::Failure;
use crate::kit::Where;
use crate::say::{Tone, Voice};

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Orders {
    /// The tenant. Never guessed: what is shown is always one tenant's.
    #[arg(long, default_value = "local")]
    tenant: TenantId,
    #[command(flatten)]
    hub: Where,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    act: Option<acts::Act>,
}

/// Lists them, or does what is asked.
pub(crate) fn run(told: &Orders) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    if let Some(act) = &told.act {
        return acts::run(voice, &told.hub.operator()?, &told.tenant, act);
    }
    let orders = told.hub.operator()?.orders(&told.tenant)?;
    if told.json {
        voice.line(&serde_json::json!({ "tenant": told.tenant, "orders": orders }).to_string());
        return Ok(());
    }
    voice.heading(&format!("Tenant {}: {} orders wait on their machines", told.tenant, orders.len()));
    for order in &orders {
        voice.line(&one_line(voice, order));
    }
    Ok(())
}

fn one_line(voice: Voice, view: &OrderView) -> String {
    let OrderView { order, host, control, runbook, until, .. } = view;
    format!(
        "  {order}  {runbook} for {control} on {host}: {} until {until}",
        voice.tone(Tone::Unsure, &waits(view))
    )
}

/// What it waits for, in words.
fn waits(view: &OrderView) -> String {
    match &view.waiting_for {
        WaitingFor::Approval { need, have: _ } => {
            format!("{} of {need} people have signed", view.signatures)
        }
        WaitingFor::Window { opens } => format!("waits for the maintenance window at {opens}"),
        WaitingFor::Clock => "waits for a synchronised clock".to_owned(),
        WaitingFor::Turn => "waits for its turn".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use contract::time::UtcTime;

    use super::*;

    #[test]
    fn an_order_that_waits_for_people_says_how_many_have_signed() {
        let mut view = OrderView {
            order: "o-1".parse().unwrap(),
            site: "main".parse().unwrap(),
            host: "h-1".parse().unwrap(),
            incident: "i-1".parse().unwrap(),
            control: "a.b".parse().unwrap(),
            runbook: "RB-X-001-x".parse().unwrap(),
            waiting_for: WaitingFor::Approval { have: 0, need: 2 },
            until: UtcTime::from_unix_ms(0).unwrap(),
            signatures: 1,
        };
        assert_eq!(waits(&view), "1 of 2 people have signed");
        view.waiting_for = WaitingFor::Clock;
        assert_eq!(waits(&view), "waits for a synchronised clock");
    }
}
