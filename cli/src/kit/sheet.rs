//! `suture sheet`: a machine's installation sheet, to be printed and kept at the site.

use contract::ids::{HostId, TenantId};
use serde_json::Value;

use super::told::Where;
use crate::exit::{Failure, Status};
use crate::operator::Operator;
use crate::say::Voice;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Sheet {
    /// Whose machine.
    #[arg(long)]
    tenant: TenantId,
    /// Which machine; may be left out where the tenant has only one that enrolled.
    #[arg(long)]
    host: Option<HostId>,
    #[command(flatten)]
    hub: Where,
}

/// Prints it.
pub(crate) fn run(told: &Sheet) -> Result<(), Failure> {
    let operator = told.hub.operator()?;
    let host = match &told.host {
        Some(host) => host.clone(),
        None => only_host(&operator, &told.tenant)?,
    };
    let text = operator.sheet(&told.tenant, &host)?;
    Voice::for_stdout().line(text.trim_end());
    Ok(())
}

fn only_host(operator: &Operator, tenant: &TenantId) -> Result<HostId, Failure> {
    let status = operator.status()?;
    let hosts = enrolled(&status, tenant);
    match hosts.as_slice() {
        [host] => Ok(host.clone()),
        [] => Err(Failure::new(Status::NothingThere, format!("no machine of tenant {tenant} has enrolled"))),
        several => {
            let list = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Failure::new(
                Status::Usage,
                format!("tenant {tenant} has several machines; choose one with --host: {list}"),
            ))
        }
    }
}

fn enrolled(status: &Value, tenant: &TenantId) -> Vec<HostId> {
    let hosts = status["hosts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ours =
        hosts.iter().filter(|h| h["tenant"] == tenant.as_str() && h["certificate"]["enrolled"] == true);
    ours.filter_map(|h| h["host"].as_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tenants_own_machines_that_enrolled_are_offered() {
        let host = |tenant: &str, host: &str, enrolled: bool| serde_json::json!({ "tenant": tenant, "host": host, "certificate": { "enrolled": enrolled } });
        let status = serde_json::json!({ "hosts": [host("a", "h-1", true), host("b", "h-2", true), host("a", "h-3", false)] });
        let found: Vec<String> =
            enrolled(&status, &"a".parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["h-1"]);
    }
}
