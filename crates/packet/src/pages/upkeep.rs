//! Backups and restore tests, clocks, and who came in.

use contract::outcome::Outcome;

use super::cut::{FILE, cut};
use super::{Slots, Writing, put};
use crate::cell::{Cell, named, paragraph, table, text, toned};
use crate::claim::Claim;
use crate::document::{Block, Tone};
use crate::upkeep::{Clock, Looks, RestoreTest, Weeks};
use crate::words;

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) {
    put(slots, "backups", backups(writing));
    put(slots, "restore_tests", restore_tests(writing));
    put(slots, "clocks", clocks(writing));
    put(slots, "access", access(writing));
}

fn backups(writing: &Writing<'_>) -> Vec<Block> {
    let all = &writing.packet.backups;
    let many = all.first().map_or(0, |row| row.weeks.len());
    let heads: Vec<String> = (1..=many).map(|week| format!("Week {week}")).collect();
    let mut columns = vec![("Control", 8), ("Machine", 4)];
    columns.extend(heads.iter().map(|head| (head.as_str(), 4)));
    let week = |host: &contract::ids::HostId, claim: &Claim<Looks>| match claim {
        Claim::Measured { value, records } => {
            let (said, tone) = words::looks(*value);
            let mut cell = toned((&said, tone));
            cell.push(crate::document::Inline::Text(" ".to_owned()));
            cell.extend(Writing::cites_of(host, records));
            cell
        }
        Claim::NotMeasured { reason } => {
            toned((&format!("Not measured: {}", words::unmeasured(*reason)), Tone::Unknown))
        }
    };
    let row = |row: &Weeks| -> Vec<Cell> {
        let mut cells = vec![named(&row.title, row.control.as_str()), Writing::host(&row.host)];
        cells.extend(row.weeks.iter().map(|claim| week(&row.host, claim)));
        cells
    };
    let in_order = |claim: &Claim<Looks>| matches!(claim, Claim::Measured { value, .. } if value.failed + value.unseen == 0);
    let (shown, mut blocks) = cut(all, |row| row.weeks.iter().filter(|week| !in_order(week)).count(), FILE);
    blocks.extend(table(
        "Controls of backups, by week",
        &columns,
        shown.into_iter().map(row).collect(),
        "Not measured: no machine has a log.",
    ));
    blocks
}

fn restore_tests(writing: &Writing<'_>) -> Vec<Block> {
    let number =
        |number: Option<u64>| text(number.map_or("not counted".to_owned(), |number| number.to_string()));
    let row = |test: &RestoreTest| {
        let (came_to, cites) = match test.end {
            Some((outcome, at)) => (toned(words::outcome(outcome)), Writing::cite(&test.host, at)),
            None => (toned(("Goes on", Tone::Unknown)), Writing::cite(&test.host, test.began)),
        };
        vec![
            Writing::host(&test.host),
            writing.wall(test.began.time),
            came_to,
            number(test.restored),
            number(test.compared),
            number(test.databases),
            cites,
        ]
    };
    let failed = |test: &RestoreTest| !matches!(test.end, Some((Outcome::Healed, _)));
    let (shown, mut blocks) = cut(&writing.packet.restore_tests, failed, FILE);
    blocks.extend(table(
        "Restore tests",
        &[
            ("Machine", 4),
            ("Begun", 5),
            ("Came to", 4),
            ("#Files restored", 4),
            ("#Found as they were", 4),
            ("#Databases whole", 4),
            ("Records", 4),
        ],
        shown.into_iter().map(row).collect(),
        "No restore test was run by Suture in this month. Those that others run show in the controls above, where their stamp is declared.",
    ));
    blocks
}

fn clocks(writing: &Writing<'_>) -> Vec<Block> {
    let number = |claim: &Claim<u64>| text(writing.claim(claim, u64::to_string));
    let row = |clock: &Clock| {
        vec![
            Writing::host(&clock.host),
            number(&clock.kept),
            text(writing.claim(&clock.worst_ms, |ms| format!("{ms} ms"))),
            number(&clock.unkept),
            number(&clock.unknown),
            number(&clock.steps_back),
        ]
    };
    let mut blocks = vec![paragraph(
        "Each record says how far its machine's clock could be trusted when it was written. A disruptive step waits while the clock is not kept.",
    )];
    let unkept = |clock: &Clock| {
        let none = |claim: &Claim<u64>| matches!(claim, Claim::Measured { value: 0, .. });
        ![&clock.unkept, &clock.unknown, &clock.steps_back].into_iter().all(none)
    };
    let (shown, cut_off) = cut(&writing.packet.clocks, unkept, FILE);
    blocks.extend(cut_off);
    blocks.extend(table(
        "Records by what they say of the clock",
        &[
            ("Machine", 4),
            ("Clock kept", 5),
            ("Largest error", 5),
            ("Not kept", 5),
            ("Nobody could tell", 5),
            ("Went back", 5),
        ],
        shown.into_iter().map(row).collect(),
        "Not measured: no machine has a log.",
    ));
    blocks
}

fn access(writing: &Writing<'_>) -> Vec<Block> {
    let access = &writing.packet.access;
    let number = |claim: &Claim<u64>| text(writing.claim(claim, u64::to_string));
    let pair = |name: &str, value: Cell| (name.to_owned(), value);
    let (tell, all) = access.told_by;
    vec![Block::Pairs(vec![
        pair(
            "Told of by",
            text(format!("the logs of {tell} of {}", words::many(all as usize, "machine", "machines"))),
        ),
        pair("Failed log-ins, as often as they were noticed", number(&access.failed_log_ins)),
        pair("New administrators, as often as one was noticed", number(&access.new_administrators)),
        pair("Dormant accounts", number(&access.dormant_accounts)),
        pair("Uses of break-glass", text(writing.claim(&access.break_glass, u32::to_string))),
    ])]
}
