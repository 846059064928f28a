//! One question or change within a scope for each method of the store that takes one, about things that are anybody's.

use contract::attest::Announced;
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::fact::Word;
use contract::people::Reach;

use super::super::*;
use super::{HOSTS, LATE_MS, TENANTS, host, software, tenant};
use crate::view::exceptions::ProposalView;

mod calls;

/// What is asked, within the scope of tenant `n`, about host `of`.
pub(super) struct Asking<'a> {
    pub(super) store: &'a Store,
    pub(super) owners: &'a [usize],
    pub(super) certificates: &'a [Digest],
    pub(super) n: usize,
    pub(super) of: usize,
}

macro_rules! arms {
    ($($name:ident)*) => {
        /// The methods, by name.
        pub(super) const ARMS: &[&str] = &[$(stringify!($name)),*];

        pub(super) async fn ask(arm: &str, asking: &Asking<'_>) {
            match arm {
                $(stringify!($name) => asking.$name().await,)*
                other => panic!("{other}"),
            }
        }
    };
}

arms! {
    accept acknowledge_alert actions add_glass add_host add_site alarms_of alerts allowlist announce approve approve_software call calls
    controls decide_by_person decisions decline end_call enrolled_at enrolments_within exceptions fleet has_log has_site has_tenant healings hold_call holder hosts_within incidents
    incidents_before last_words log_within logs_of order_that_waits orders_of orders_that_wait pending proposals propose quarantined
    replace_exceptions retired revoke set_allowlist set_exceptions tenants_within whole window_opens withdraw withhold
}

/// A proposal of this id.
pub(super) fn proposal(id: &str) -> ProposalView {
    let proposed = serde_json::json!({
        "control": "a.b", "reason": "So.", "risk": "So.", "compensating_controls": ["So."], "owner": "Ann",
        "from": "2026-11-01", "until": "2026-12-01",
    });
    ProposalView {
        id: id.to_owned(),
        proposer: "jane".parse().unwrap(),
        time: at(0),
        proposed: serde_json::from_value(proposed).unwrap(),
    }
}

fn by_jane(choice: Choice) -> Decision {
    Decision { choice, provenance: Provenance::Person("jane".parse().unwrap()) }
}

impl Asking<'_> {
    fn scope(&self) -> Scope<TenantId> {
        Scope::of_a_test(tenant(self.n))
    }

    fn reach(&self) -> Scope<Reach> {
        Scope::of_a_test(Reach::Tenants([tenant(self.n)].into()))
    }

    fn ours(&self) -> bool {
        self.owners[self.of] == self.n
    }

    /// The tenant's own number where the host's number names a tenant.
    fn names_us(&self) -> bool {
        self.of % TENANTS == self.n
    }

    fn mine(&self, other: &HostId) -> bool {
        (0..HOSTS).any(|m| self.owners[m] == self.n && host(m) == *other)
    }

    fn count(&self) -> usize {
        self.owners.iter().filter(|owner| **owner == self.n).count()
    }

    fn said(&self) -> String {
        tenant(self.n).to_string()
    }

    fn held_by(&self, m: usize) -> Holder {
        Holder { tenant: tenant(self.owners[m]), site: "main".parse().unwrap(), host: host(m) }
    }

    /// The host as somebody of the tenant finds it: the one way to what is asked about a host.
    async fn found(&self) -> Option<Scope<Holder>> {
        let found = self.store.holder(self.scope(), host(self.of)).await.unwrap();
        assert_eq!(found.is_some(), self.ours());
        found
    }

    /// What is set within the scope is said of that tenant's hosts, and of no others.
    async fn told(&self, of: impl Fn(Said) -> Option<String>) {
        for m in 0..HOSTS {
            let said = of(self.store.said(self.held_by(m)).await.unwrap());
            let own = said == Some(self.said());
            assert_eq!(own, self.owners[m] == self.n, "host {m} of {} is told {said:?}", self.owners[m]);
        }
    }
}

/// Tenants, sites and hosts.
impl Asking<'_> {
    async fn has_tenant(&self) {
        assert!(self.store.has_tenant(self.scope()).await.unwrap());
        assert!(!self.store.has_tenant(Scope::of_a_test("t-9".parse().unwrap())).await.unwrap());
    }

    async fn add_site(&self) {
        assert!(self.store.add_site(self.scope(), "more".parse().unwrap(), at(1)).await.unwrap());
    }

    async fn has_site(&self) {
        let site = format!("own-{}", self.of % TENANTS).parse().unwrap();
        assert_eq!(self.store.has_site(self.scope(), site).await.unwrap(), self.names_us());
    }

    /// Whose it becomes is said by the scope, whatever else is said.
    async fn add_host(&self) {
        let other = tenant((self.n + 1) % TENANTS);
        let holder = Holder { tenant: other, site: "main".parse().unwrap(), host: "h-new".parse().unwrap() };
        let authority = Authority::create("localhost", at(0)).unwrap();
        let new = NewHost {
            holder: holder.clone(),
            origin: "localhost/h-new".to_owned(),
            token: "k-new".parse().unwrap(),
            secret: Digest::of(b"secret"),
            token_until: at(0),
            bootstrap: authority.bootstrap(&holder, at(0)).unwrap().issued,
        };
        self.store.add_host(self.scope(), new).await.unwrap();
        assert!(self.store.holder(self.scope(), "h-new".parse().unwrap()).await.unwrap().is_some());
        let gone = "DELETE FROM certificate WHERE host = 'h-new'; DELETE FROM host WHERE host = 'h-new'";
        self.store.run_for_a_test(move |c| c.execute_batch(gone)).await.unwrap();
    }

    async fn tenants_within(&self) {
        let tenants = self.store.tenants_within(self.reach()).await.unwrap();
        assert!(tenants.len() == 1 && tenants[0].tenant == tenant(self.n), "{tenants:?}");
        assert_eq!(tenants[0].sites.iter().map(|site| site.hosts).sum::<u64>(), self.count() as u64);
    }

    async fn enrolments_within(&self) {
        let all = self.store.enrolments_within(self.reach(), at(0), 1).await.unwrap();
        assert!(all.len() == self.count() && all.iter().all(|enrolment| self.mine(&enrolment.host)));
    }

    async fn hosts_within(&self) {
        let hosts = self.store.hosts_within(self.reach()).await.unwrap();
        assert!(hosts.len() == self.count() && hosts.iter().all(|row| row.holder.tenant == tenant(self.n)));
    }

    async fn holder(&self) {
        let found = self.store.holder(self.scope(), host(self.of)).await.unwrap();
        assert_eq!(found.map(|of| (*of).clone()), self.ours().then(|| self.held_by(self.of)));
    }

    async fn revoke(&self) {
        let revoked = self.store.revoke(self.reach(), self.certificates[self.of], at(1)).await.unwrap();
        assert_eq!(revoked.map(|(host, _)| host), self.ours().then(|| host(self.of)));
    }

    async fn fleet(&self) {
        let sites = self.store.fleet(Whose::Reach(self.reach()), Vec::new(), at(1)).await.unwrap();
        let hosts: Vec<_> = sites.iter().flat_map(|site| &site.hosts).collect();
        assert!(sites.iter().all(|site| site.tenant == tenant(self.n)));
        assert!(hosts.len() == self.count() && hosts.iter().all(|facts| self.mine(&facts.host)));
        let site = Whose::Site(self.scope(), "main".parse().unwrap());
        let sites = self.store.fleet(site, Vec::new(), at(1)).await.unwrap();
        let hosts: Vec<_> = sites.iter().flat_map(|site| &site.hosts).collect();
        assert!(hosts.len() == self.count() && hosts.iter().all(|facts| self.mine(&facts.host)));
        let Some(of) = self.found().await else { return };
        let sites = self.store.fleet(Whose::Host(of), Vec::new(), at(1)).await.unwrap();
        assert_eq!(
            sites.iter().flat_map(|site| &site.hosts).map(|f| &f.host).collect::<Vec<_>>(),
            [&host(self.of)]
        );
    }
}

/// Logs, and what kits tell out of the registry.
impl Asking<'_> {
    async fn has_log(&self) {
        let origin = format!("localhost/h-{}", self.of);
        assert_eq!(self.store.has_log(self.reach(), origin).await.unwrap(), self.ours());
    }

    async fn log_within(&self) {
        let Some(of) = self.found().await else { return };
        let log = self.store.log_within(of).await.unwrap().unwrap();
        assert_eq!((log.holder, log.origin), (self.held_by(self.of), format!("localhost/h-{}", self.of)));
        // Whatever the host is called: the tenant counts as well.
        let astray = Holder { tenant: tenant((self.n + 1) % TENANTS), ..self.held_by(self.of) };
        assert!(self.store.log_within(Scope::of_a_test(astray)).await.unwrap().is_none());
    }

    async fn logs_of(&self) {
        let logs = self.store.logs_of(self.scope()).await.unwrap();
        assert!(logs.len() == self.count() && logs.iter().all(|log| log.holder.tenant == tenant(self.n)));
    }

    async fn enrolled_at(&self) {
        let Some(of) = self.found().await else { return };
        let host = of.holding(of.host.clone());
        assert!(self.store.enrolled_at(host).await.unwrap().is_some());
    }

    async fn retired(&self) {
        let retired = self.store.retired(self.scope()).await.unwrap();
        assert!(retired.iter().all(|(host, _)| self.mine(host)));
    }

    async fn actions(&self) {
        let actions = serde_json::to_value(self.store.actions(self.scope()).await.unwrap()).unwrap();
        let told = actions["certificates"].as_array().unwrap();
        assert_eq!(told.len(), 2 * self.count());
        assert!(told.iter().all(|c| self.mine(&c["host"].as_str().unwrap().parse().unwrap())));
    }

    async fn alarms_of(&self) {
        let alarms = serde_json::to_value(self.store.alarms_of(self.scope()).await.unwrap()).unwrap();
        let alarms = alarms.as_array().unwrap();
        assert_eq!(alarms.len(), self.count());
        assert!(alarms.iter().all(|a| self.mine(&a["host"].as_str().unwrap().parse().unwrap())));
    }
}

/// Incidents, and what hosts' evidence says.
impl Asking<'_> {
    async fn incidents(&self) {
        let incidents = self.store.incidents(self.scope(), None, 100).await.unwrap();
        assert!(
            incidents.len() == 3 * self.count() && incidents.iter().all(|(_, view)| self.mine(&view.host))
        );
    }

    async fn incidents_before(&self) {
        let filter = Filter { host: Some(host(self.of)), ..Filter::default() };
        let incidents = self.store.incidents_before(self.scope(), filter, None, 9).await.unwrap();
        assert_eq!(incidents.len(), 3 * usize::from(self.ours()), "incidents of {}", self.of);
    }

    async fn healings(&self) {
        let filter = Filter { host: Some(host(self.of)), ..Filter::default() };
        let healed = self.store.healings(self.scope(), filter, 9).await.unwrap();
        assert_eq!(healed.len(), usize::from(self.ours()), "healings of {}", self.of);
    }

    async fn whole(&self) {
        let Some(of) = self.found().await else { return };
        let whole = self.store.whole(of, "i-1".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(whole.incident.host, host(self.of));
        let own = format!("s-h-{}", self.of).parse().unwrap();
        assert!(whole.moments.len() == 1 && whole.moments[0].order == own, "{:?}", whole.moments);
    }

    async fn orders_of(&self) {
        let Some(of) = self.found().await else { return };
        let orders = self.store.orders_of(of, "i-1".parse().unwrap()).await.unwrap();
        assert_eq!(orders, [format!("s-h-{}", self.of).parse().unwrap()]);
    }

    async fn controls(&self) {
        let Some(of) = self.found().await else { return };
        let controls = self.store.controls(of).await.unwrap();
        let marks: Vec<_> = controls.iter().filter(|(id, _)| id.as_str().starts_with("c.h-")).collect();
        assert!(marks.len() == 1 && marks[0].0.as_str() == format!("c.h-{}", self.of), "{marks:?}");
    }

    async fn last_words(&self) {
        let Some(of) = self.found().await else { return };
        let words = self.store.last_words(of).await.unwrap();
        let said: Vec<_> = words.iter().filter(|(kind, ..)| kind == "mode").map(|(.., said)| said).collect();
        assert_eq!(said, [&serde_json::json!(format!("h-{}", self.of))]);
    }
}

/// Orders that wait, and people who decide.
impl Asking<'_> {
    async fn orders_that_wait(&self) {
        let waiting = self.store.orders_that_wait(self.scope(), at(1), None, 100).await.unwrap();
        assert!(waiting.iter().all(|(_, waits)| self.mine(&waits.host)));
        let windows = waiting.iter().filter(|(_, waits)| waits.order.as_str().starts_with("w-")).count();
        assert_eq!(windows, self.count());
    }

    async fn order_that_waits(&self) {
        let order = format!("w-{}", self.of).parse().unwrap();
        let waits = self.store.order_that_waits(self.scope(), order, at(1)).await.unwrap();
        assert_eq!(waits.map(|waits| waits.host), self.ours().then(|| host(self.of)));
    }

    async fn pending(&self) {
        let pending = self.store.pending(self.reach(), at(1)).await.unwrap();
        assert!(pending.iter().all(|pending| self.mine(&pending.holder.host)));
        assert!(pending.len() >= self.count());
    }

    async fn window_opens(&self) {
        let Some(of) = self.found().await else { return };
        let opens = self.store.window_opens(of, at(1)).await.unwrap();
        assert_eq!(opens, Some(at(1_000 + self.of as u64)));
    }

    async fn approve(&self) {
        let order = format!("o-{}", self.of).parse().unwrap();
        let judge = |_: &[u8], _: bool| Ok::<_, ()>(b"signed".to_vec());
        let before =
            self.store.order_that_waits(self.scope(), format!("o-{}", self.of).parse().unwrap(), at(1)).await;
        let waits = before.unwrap().is_some();
        match self.store.approve(self.scope(), order, at(1), judge).await.unwrap() {
            Ok(approved) => assert!(waits && self.ours() && approved == host(self.of)),
            Err(NotApproved::NotWaiting) => assert!(!waits && self.ours()),
            Err(NotApproved::NoSuchOrder) => assert!(!self.ours()),
            Err(NotApproved::Unfit(())) => panic!("nothing is unfit"),
        }
    }

    async fn decline(&self) {
        let order: contract::ids::OrderId = format!("o-{}", self.of).parse().unwrap();
        let no = by_jane(Choice::Escalate(Escalation::Declined(contract::decision::Because::NotNow)));
        let declined = self.store.decline(self.scope(), order.clone(), at(1), no).await.unwrap();
        assert_eq!(declined.ok().map(|waits| waits.host), self.ours().then(|| host(self.of)));
    }

    async fn decide_by_person(&self) {
        let Some(of) = self.found().await else { return };
        let id: contract::ids::OrderId = format!("p-{}", self.of).parse().unwrap();
        let new = NewOrder { id: id.clone(), expires: at(LATE_MS), envelope: vec![1] };
        let decide = move |_: &contract::incident::What, _| {
            Some((by_jane(Choice::Run("RB-X-001-x".parse().unwrap())), new))
        };
        let done = self.store.decide_by_person(of, "o-of".parse().unwrap(), at(1), decide).await.unwrap();
        assert!(matches!(done, ByPerson::Ordered(order) if order == id));
    }
}

/// Papers and proposals.
impl Asking<'_> {
    async fn set_exceptions(&self) {
        self.store.set_exceptions(self.scope(), Some(self.said()), at(1)).await.unwrap();
        self.told(|said| said.exceptions).await;
    }

    async fn replace_exceptions(&self) {
        let own = self.said();
        let holds = move |there: Option<&str>| there.is_some_and(|there| there == own);
        assert!(self.store.replace_exceptions(self.scope(), Some(self.said()), at(1), holds).await.unwrap());
        self.told(|said| said.exceptions).await;
    }

    async fn exceptions(&self) {
        assert_eq!(self.store.exceptions(self.scope()).await.unwrap(), Some(self.said()));
    }

    async fn set_allowlist(&self) {
        let site = AllowedFor::Site(self.scope(), "main".parse().unwrap());
        assert!(self.store.set_allowlist(site, Some(self.said()), at(1), |_| true).await.unwrap());
        if let Some(of) = self.found().await {
            let one = AllowedFor::Host(of);
            assert!(self.store.set_allowlist(one, Some(self.said()), at(1), |_| true).await.unwrap());
        }
        self.told(|said| said.allowlist).await;
    }

    async fn allowlist(&self) {
        let site = AllowedFor::Site(self.scope(), "main".parse().unwrap());
        assert_eq!(self.store.allowlist(site).await.unwrap(), Some(self.said()));
        let Some(of) = self.found().await else { return };
        let one = self.store.allowlist(AllowedFor::Host(of)).await.unwrap();
        assert!(one.is_none_or(|text| text == self.said()));
    }

    async fn propose(&self) {
        self.store.propose(self.scope(), proposal(&format!("y-{}", self.n))).await.unwrap();
        self.proposals().await;
    }

    async fn proposals(&self) {
        let all = self.store.proposals(self.scope()).await.unwrap();
        assert!(all.iter().all(|p| p.id.ends_with(&format!("-{}", self.n))), "{all:?}");
    }

    async fn waits(&self, id: &str) -> bool {
        let all = self.store.proposals(self.scope()).await.unwrap();
        all.iter().any(|proposal| proposal.id == id)
    }

    async fn accept(&self) {
        let id = format!("x-{}", self.of % TENANTS);
        let waits = self.waits(&id).await;
        let before = self.store.exceptions(self.scope()).await.unwrap();
        let accepted = self.store.accept(self.scope(), id, before, self.said(), at(1)).await.unwrap();
        assert!(accepted == waits && (!accepted || self.names_us()));
    }

    async fn withdraw(&self) {
        let id = format!("x-{}", self.of % TENANTS);
        let waits = self.waits(&id).await;
        let gone = self.store.withdraw(self.scope(), id).await.unwrap();
        assert!(gone == waits && (!gone || self.names_us()));
    }
}

/// Standing orders, grants, software, alerts.
impl Asking<'_> {
    async fn withheld(&self) -> Vec<bool> {
        let mut all = Vec::new();
        for m in 0..HOSTS {
            all.push(self.store.is_withheld(self.held_by(m)).await.unwrap());
        }
        all
    }

    /// Also of a host that is none of the tenant's.
    async fn withhold(&self) {
        let before = self.withheld().await;
        self.store.withhold(self.scope(), Some(host(self.of)), true, at(1)).await.unwrap();
        let after = self.withheld().await;
        for m in 0..HOSTS {
            let set = m == self.of && self.ours();
            assert_eq!(after[m], before[m] || set, "host {m}, asked about {}", self.of);
        }
    }

    async fn add_glass(&self) {
        let Some(of) = self.found().await else { return };
        assert!(self.store.add_glass(of, vec![1], at(1)).await.unwrap());
        assert_eq!(self.store.glass(host(self.of), at(1)).await.unwrap().len(), 1);
    }

    async fn quarantined(&self) {
        let listed = self.store.quarantined(self.scope()).await.unwrap();
        assert!(listed.len() <= self.count() && listed.iter().all(|view| self.mine(&view.host)));
    }

    async fn approve_software(&self) {
        let Some(of) = self.found().await else { return };
        let listed = self.store.quarantined(self.scope()).await.unwrap();
        let Some(seen) = listed.into_iter().find(|view| view.host == host(self.of)) else { return };
        let approved = self.store.approve_software(of, seen.digest, at(1)).await.unwrap();
        assert_eq!(approved, Approving::Approved);
    }

    /// What one tenant announces explains nothing at another's.
    async fn announce(&self) {
        let closure: Word = format!("c-{}", self.n).try_into().unwrap();
        self.store.announce(self.scope(), Announced { closure }, at(1)).await.unwrap();
        for m in 0..HOSTS {
            let closure: Word = format!("c-{}", self.owners[m]).try_into().unwrap();
            let listed = "SELECT EXISTS (SELECT 1 FROM announced WHERE tenant = ?1 AND closure = ?2)";
            let values = [tenant(self.owners[m]).to_string(), format!("c-{}", self.n)];
            let explained: bool = self
                .store
                .run_for_a_test(move |c| c.query_row(listed, values, |row| row.get(0)))
                .await
                .unwrap();
            assert_eq!(explained, self.owners[m] == self.n, "{closure:?}");
        }
        let Some(of) = self.found().await else { return };
        let said = software(Some(format!("c-{}", self.n).try_into().unwrap()));
        let known = self.store.attest((*of).clone(), said, at(1)).await.unwrap();
        assert_eq!(known, Attesting::Known);
    }

    async fn alerts(&self) {
        let alerts = self.store.alerts(self.reach(), at(0)).await.unwrap();
        assert!(alerts.len() == 1 && alerts[0].tenant == Some(tenant(self.n)), "{alerts:?}");
    }

    async fn acknowledge_alert(&self) {
        let id = (self.of % TENANTS) as u64 + 1;
        assert_eq!(
            self.store.acknowledge_alert(self.reach(), id, "jane".parse().unwrap(), at(1)).await.unwrap(),
            self.names_us()
        );
    }
}
