//! Profiles: from commented data to filters of the kernel's own kind. Used when the crate is built, and by its tests for both architectures.
//!
//! A profile becomes a stack of filters, of which the kernel would take the sternest answer: one that lets what is listed through and kills the rest,
//! and one for each errno. What is put up is one filter that answers as the stack does.

#[path = "join.rs"]
mod join;

use std::collections::{BTreeMap, BTreeSet};

use seccompiler::{BpfProgram, TargetArch, compile_from_json};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a file of `profiles/` holds. A key that is not here is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// The name of a whole profile; files to include have none.
    profile: Option<String>,
    #[serde(default)]
    includes: Vec<String>,
    allow: Vec<Group>,
    answer: Vec<Group>,
}

/// System calls with one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    why: String,
    syscalls: Vec<String>,
    errno: Option<String>,
    only: Option<String>,
    args: Option<Vec<Value>>,
}

/// A system call, and the conditions on its arguments.
type Rule = (String, Option<Vec<Value>>);

/// The rules of a whole profile for one architecture.
#[derive(Default)]
struct Rules {
    allow: Vec<Rule>,
    answer: BTreeMap<u64, Vec<Rule>>,
}

/// The filter of a profile.
pub(crate) fn profile(
    name: &str,
    read: &dyn Fn(&str) -> Result<String, String>,
    arch: &str,
) -> Result<BpfProgram, String> {
    join::join(&stack(name, read, arch)?)
}

/// The compiler's own filters for a profile, the allow-list last.
pub(crate) fn stack(
    name: &str,
    read: &dyn Fn(&str) -> Result<String, String>,
    arch: &str,
) -> Result<Vec<BpfProgram>, String> {
    let source = parse(name, read)?;
    if source.profile.as_deref() != Some(name) {
        return Err(format!("{name}.json does not name itself"));
    }
    let mut rules = Rules::default();
    for include in &source.includes {
        let part = parse(include, read)?;
        if part.profile.is_some() || !part.includes.is_empty() {
            return Err(format!("{include}.json is no part"));
        }
        collect(&mut rules, part, arch)?;
    }
    collect(&mut rules, source, arch)?;
    if rules.allow.is_empty() {
        return Err("allows nothing".to_owned());
    }
    once(&rules)?;
    filters(rules, arch)
}

fn parse(name: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Source, String> {
    serde_json::from_str(&read(name)?).map_err(|e| format!("{name}.json: {e}"))
}

fn collect(rules: &mut Rules, source: Source, arch: &str) -> Result<(), String> {
    let groups = source.allow.into_iter().map(|g| (g, true));
    for (group, allowed) in groups.chain(source.answer.into_iter().map(|g| (g, false))) {
        if group.why.trim().is_empty() || group.syscalls.is_empty() {
            return Err("a group without a reason or without a system call".to_owned());
        }
        let list = match (allowed, group.errno.as_deref()) {
            (true, None) => &mut rules.allow,
            (false, Some(errno)) => rules.answer.entry(number(errno)?).or_default(),
            _ => return Err(format!("{}: an answer has an errno, and nothing else has", group.why)),
        };
        match group.only.as_deref() {
            None => {}
            Some(only @ ("x86_64" | "aarch64")) if only == arch => {}
            Some("x86_64" | "aarch64") => continue,
            Some(other) => return Err(format!("{other} is no architecture of ours")),
        }
        list.extend(group.syscalls.into_iter().map(|call| (call, group.args.clone())));
    }
    Ok(())
}

fn number(errno: &str) -> Result<u64, String> {
    match errno {
        "EPERM" => Ok(1),
        "EACCES" => Ok(13),
        "ENOSYS" => Ok(38),
        "EAFNOSUPPORT" => Ok(97),
        other => Err(format!("{other} is no errno that a profile answers with")),
    }
}

/// No rule twice, none that another makes needless, and no system call that is both allowed and answered.
fn once(rules: &Rules) -> Result<(), String> {
    for list in rules.answer.values().chain([&rules.allow]) {
        let mut seen = BTreeSet::new();
        for (call, args) in list {
            if !seen.insert((call, args.as_ref().map(|a| Value::from(a.clone()).to_string()))) {
                return Err(format!("{call} is listed twice"));
            }
        }
        let plain: BTreeSet<_> = list.iter().filter(|(_, args)| args.is_none()).map(|(c, _)| c).collect();
        if let Some((call, _)) = list.iter().find(|(call, args)| args.is_some() && plain.contains(call)) {
            return Err(format!("{call} stands with a condition and without one"));
        }
    }
    let allowed: BTreeSet<_> = rules.allow.iter().map(|(call, _)| call).collect();
    match rules.answer.values().flatten().find(|(call, _)| allowed.contains(call)) {
        Some((call, _)) => Err(format!("{call} is both allowed and answered")),
        None => Ok(()),
    }
}

fn filters(rules: Rules, arch: &str) -> Result<Vec<BpfProgram>, String> {
    let target = TargetArch::try_from(arch).map_err(|e| e.to_string())?;
    // What is answered must get past the allow-list first.
    let answered: BTreeSet<_> = rules.answer.values().flatten().map(|(call, _)| call.clone()).collect();
    let mut allow = rules.allow;
    allow.extend(answered.into_iter().map(|call| (call, None)));
    let mut filters = Vec::new();
    for (errno, list) in rules.answer {
        filters.push(filter(&list, &json!("allow"), &json!({"errno": errno}), target)?);
    }
    filters.push(filter(&allow, &json!("kill_process"), &json!("allow"), target)?);
    Ok(filters)
}

fn filter(
    list: &[Rule],
    otherwise: &Value,
    matched: &Value,
    target: TargetArch,
) -> Result<BpfProgram, String> {
    let rows = list.iter().map(|(call, args)| match args {
        Some(args) => json!({"syscall": call, "args": args}),
        None => json!({"syscall": call}),
    });
    let source = json!({"f": {
        "mismatch_action": otherwise, "match_action": matched, "filter": rows.collect::<Vec<_>>()
    }});
    let mut compiled = compile_from_json(source.to_string().as_bytes(), target).map_err(|e| e.to_string())?;
    compiled.remove("f").ok_or_else(|| "the compiler answered nothing".to_owned())
}
