//! The table of roles and rights, cell by cell.

use super::*;

/// One line for each right: admin, technician, clinic viewer, auditor. `x`: may.
const TABLE: &str = "
tenants-add         x . . .
sites-add           x x . .
enrolments-add      x x . .
allowlists-set      x x . .
exceptions-set      x x . .
incidents-read      x x x x
standing-withhold   x x . .
break-glass-carry   x x . .
runbooks-order      x x . .
orders-read         x x x x
orders-approve      x x . .
status-read         x x x x
events-read         x x x x
hosts-read          x x x x
approvals-read      x x x x
evidence-read       x x . x
heads-prove         x x x x
hub-keys-read       x x x x
kits-make           x x . x
kits-fetch          x x . x
packets-read        x x x x
packets-make        x x . x
packets-acknowledge x x x x
sheets-read         x x x x
certificates-revoke x x . .
quarantine-approve  x x . .
generations-announce x x . .
releases-add        x . . .
alerts-read         x x . .
alerts-acknowledge  x x . .
metrics-read        x . . .
people-read         x . . .
people-change       x . . .
tenants-read        x x x x
enrolments-read     x x . .
exceptions-read     x x x x
library-read        x x x x
rules-approve       x . . .
audit-read          x . . .
own-read            x x x x
own-change          x x x x
";

const NOW_MS: i64 = 1_800_000_000_000;

fn now() -> UtcTime {
    UtcTime::from_unix_ms(NOW_MS).unwrap()
}

fn somebody(role: Role, until: Option<UtcTime>) -> Identity {
    let reach = match role {
        Role::MspAdmin => Reach::Everywhere,
        Role::Technician | Role::ClinicViewer | Role::Auditor => {
            Reach::Tenants(["a".parse().unwrap()].into())
        }
    };
    Identity { person: "ada".parse().unwrap(), role, reach, until, key: None }
}

fn may(who: &Identity, right: Right, tenant: &str, now: UtcTime) -> bool {
    let tenant = is_about_a_tenant(right).then(|| tenant.parse().unwrap());
    permit(who, right, tenant.as_ref(), now)
}

#[test]
fn each_role_has_these_rights_and_no_others() {
    let lines: Vec<Vec<&str>> =
        TABLE.lines().filter(|l| !l.is_empty()).map(|l| l.split_whitespace().collect()).collect();
    let words: Vec<&str> = lines.iter().map(|line| line[0]).collect();
    assert_eq!(words, Right::ALL.iter().map(|right| right.word()).collect::<Vec<_>>(), "a right has no line");
    for (right, line) in Right::ALL.iter().zip(&lines) {
        for (role, cell) in Role::ALL.iter().zip(&line[1..]) {
            let who = somebody(*role, Some(now().plus_ms(1)));
            assert_eq!(may(&who, *right, "a", now()), *cell == "x", "{} {}", role.word(), right.word());
        }
    }
}

#[test]
fn nobody_but_an_admin_may_anything_for_a_tenant_out_of_reach() {
    for right in Right::ALL.iter().filter(|right| is_about_a_tenant(**right)) {
        for role in Role::ALL {
            let who = somebody(role, Some(now().plus_ms(1)));
            assert_eq!(may(&who, *right, "b", now()), role == Role::MspAdmin, "{role:?} {right:?}");
        }
    }
}

#[test]
fn after_the_end_of_the_own_time_there_is_nothing_and_an_auditor_has_an_end() {
    for right in Right::ALL {
        for role in Role::ALL {
            assert!(!may(&somebody(role, Some(now())), *right, "a", now()), "{role:?} {right:?}");
        }
    }
    assert!(!may(&somebody(Role::Auditor, None), Right::KitsFetch, "a", now()));
}

#[test]
fn a_role_without_its_bounds_may_nothing() {
    let end = Some(now().plus_ms(1));
    for right in Right::ALL {
        for role in [Role::ClinicViewer, Role::Auditor] {
            let boundless = Identity { reach: Reach::Everywhere, ..somebody(role, end) };
            assert!(!may(&boundless, *right, "a", now()), "{role:?} {right:?}");
        }
        assert!(!may(&somebody(Role::Auditor, None), *right, "a", now()), "{right:?}");
    }
}

#[test]
fn a_right_about_a_tenant_needs_one_and_another_right_takes_none() {
    let tenant = "a".parse().unwrap();
    for right in Right::ALL {
        let asked = (!is_about_a_tenant(*right)).then_some(&tenant);
        for role in Role::ALL {
            assert!(
                !permit(&somebody(role, Some(now().plus_ms(1))), *right, asked, now()),
                "{role:?} {right:?}"
            );
        }
    }
}
