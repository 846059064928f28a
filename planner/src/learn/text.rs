//! Changes the text of a table by whole lines, so that comments and order stay as people wrote them. What comes out is always read again and compared.

use crate::rules::{Rule, RuleId, Rules};

/// `table` with `rule` (its first line begins with `- `) at the end of the list, as far to the right as the others.
pub(super) fn with_added(table: &str, rules: &Rules, rule: &str) -> String {
    let last = rules.table.last().map_or(1, |(line, _)| *line);
    let indent: String = table
        .lines()
        .nth(usize::try_from(last.saturating_sub(1)).unwrap_or(usize::MAX))
        .map(|line| line.chars().take_while(|c| *c == ' ').collect())
        .unwrap_or_default();
    let mut text = format!("{}\n\n", table.trim_end());
    for line in rule.lines() {
        text.extend([indent.as_str(), line, "\n"]);
    }
    text
}

/// `table` without the lines of one rule; none where it is not there or is the only one. Comments that stand over the next rule stay with it.
pub(super) fn without(table: &str, rules: &Rules, id: &RuleId) -> Option<String> {
    let at = rules.table.iter().position(|(_, rule)| rule.id == *id)?;
    if rules.table.len() == 1 {
        return None;
    }
    let index = |line: u64| usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let lines: Vec<&str> = table.lines().collect();
    let first = index(rules.table.get(at)?.0);
    let next = rules.table.get(at + 1).map_or(lines.len(), |(line, _)| index(*line)).min(lines.len());
    let is_over_the_next = |line: &&str| line.trim_start().starts_with('#') || line.trim().is_empty();
    let own = lines.get(first..next)?;
    let kept = own.iter().rev().take_while(|line| is_over_the_next(line)).count();
    let rest = lines.get(next - kept..)?;
    Some(lines.get(..first)?.iter().chain(rest).flat_map(|line| [*line, "\n"]).collect())
}

/// Whether both say the same, whatever lines it stands in.
pub(super) fn are_the_same<'a>(
    some: impl Iterator<Item = &'a Rule>,
    others: impl Iterator<Item = &'a Rule>,
) -> bool {
    let said = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.tests.iter_mut().for_each(|(line, _)| *line = 0);
        rule
    };
    some.map(said).eq(others.map(said))
}
