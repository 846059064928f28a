//! What is printed on paper: the hub's public keys, and the installation sheet of a machine.
//!
//! The sheet is the auditor's best trust input (`docs/evidence-format.md` §6): it leaves the hub as text, is printed, and stays in a drawer at the site,
//! where nobody who could rewrite a log could rewrite it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::digest::{Digest, hex};
use contract::ids::HostId;
use contract::kit::HubKeys;
use contract::people::Right;
use contract::time::UtcTime;

use super::answers::{Found, Text};
use super::id;
use super::route::{Route, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::store::HostLog;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/keys", Right::HubKeysRead, "The hub's public keys", keys),
        reads(
            "/api/v1/tenants/{tenant}/hosts/{host}/sheet",
            Right::SheetsRead,
            "A machine's installation sheet, to be printed",
            sheet,
        )
        .refuses(&[StatusCode::CONFLICT]),
    ]
}

/// `GET /api/v1/keys`.
async fn keys(State(hub): State<Arc<Hub>>) -> Found<HubKeys> {
    Found(public(&hub))
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/sheet`: one page of text.
async fn sheet(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, host)): Path<(String, String)>,
) -> Result<Text, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let wanted: HostId = id(&host)?;
    let ours = |e: &crate::store::StoreError| Fault::ours("look up the host", e);
    let hosts = hub.store.logs_of(tenant.clone()).await.map_err(|e| ours(&e))?;
    let Some(host) = hosts.into_iter().find(|host| host.holder.host == wanted) else {
        return Err(Fault::theirs(StatusCode::NOT_FOUND, format!("tenant {} has no host {wanted}", *tenant)));
    };
    let enrolled = hub.store.enrolled_at(tenant.holding(wanted.clone())).await.map_err(|e| ours(&e))?;
    let (Some(key), Some(_)) = (&host.evidence_key, enrolled) else {
        let problem = format!("host {wanted} has not enrolled yet: its machine makes its key when it does");
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    };
    let text = page(&host, key, &public(&hub), edge::clock::utc());
    Ok(Text(text))
}

fn public(hub: &Hub) -> HubKeys {
    HubKeys {
        orders: hub.keys.orders.public(),
        witness: hub.keys.witness.verifier().to_string(),
        heads: hub.keys.heads.verifier().to_string(),
        kits: hub.keys.kits.verifier().to_string(),
        own: Some(hub.keys.own.clone()),
    }
}

/// The sheet, with a word in braces where something belongs.
const SHEET: &str = "\
INSTALLATION SHEET

Keep this page at the site, on paper. Whoever checks this machine's evidence
later needs the keys below from a source that the evidence itself cannot have
changed: this page.

Tenant:   {tenant}
Site:     {site}
Host:     {host}
Log:      {origin}
Printed:  {now}

KEY OF THIS MACHINE'S EVIDENCE (--key)
  {key}

  fingerprint: the SHA-256 of that line, without anything around it
  {first}
  {second}

The key was made on the machine when it enrolled, and has been pinned at the hub
since. Where the machine takes another key later, its log says so, and the key
before signs that.

KEYS OF THE HUB
  cosigns the heads of the machines' logs (--witness)
  {witness}

  signs the log of all sites' heads (--heads-key)
  {heads}

  signs the covers of evidence kits (--kit-key)
  {kits}

TO CHECK A KIT, OFFLINE
  suture-verify KIT.zip --key '...' --witness '...' --kit-key '...'

Installed by: ______________________________   On: ____________________

Signature:    ______________________________
";

fn page(host: &HostLog, key: &str, hub: &HubKeys, now: UtcTime) -> String {
    let HubKeys { orders: _, witness, heads, kits, own: _ } = hub;
    let [first, second] = fingerprint(key);
    let filled = [
        ("{tenant}", host.holder.tenant.as_str()),
        ("{site}", host.holder.site.as_str()),
        ("{host}", host.holder.host.as_str()),
        ("{origin}", &host.origin),
        ("{now}", &now.to_string()),
        ("{key}", key),
        ("{first}", &first),
        ("{second}", &second),
        ("{witness}", witness),
        ("{heads}", heads),
        ("{kits}", kits),
    ];
    filled.iter().fold(SHEET.to_owned(), |text, (place, value)| text.replace(place, value))
}

/// The digest of a key's line in groups of four digits, in two lines that a person can read out.
fn fingerprint(key: &str) -> [String; 2] {
    let digits = hex(Digest::of(key.as_bytes()).as_bytes());
    let (first, second) = digits.split_at(32);
    let groups = |digits: &str| {
        let groups: Vec<String> =
            digits.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
        groups.join(" ")
    };
    [groups(first), groups(second)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_groups() {
        let expected = ["ba78 16bf 8f01 cfea 4141 40de 5dae 2223", "b003 61a3 9617 7a9c b410 ff61 f200 15ad"];
        assert_eq!(fingerprint("abc"), expected);
    }
}
