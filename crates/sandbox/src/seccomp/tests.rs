use std::collections::BTreeSet;

use seccompiler::sock_filter;

use super::{compile, filter};
use crate::confinement::Profile;

const PROFILES: [(Profile, &str); 4] = [
    (Profile::Strict, "strict"),
    (Profile::Standard, "standard"),
    (Profile::StandardNet, "standard-net"),
    (Profile::Netfilter, "netfilter"),
];

fn read(name: &str) -> Result<String, String> {
    let path = format!("{}/profiles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

/// A profile of one file, or what the compiler says against it.
fn compiled(text: &str) -> Result<usize, String> {
    let text = text.to_owned();
    compile::profile("p", &move |_| Ok(text.clone()), "x86_64").map(|filter| filter.len())
}

fn with(allow: &str, answer: &str) -> String {
    format!(r#"{{"profile": "p", "allow": [{allow}], "answer": [{answer}]}}"#)
}

#[test]
fn every_profile_compiles_for_both_architectures_and_lists_nothing_twice() {
    for (_, name) in PROFILES {
        for arch in ["x86_64", "aarch64"] {
            let stack = compile::stack(name, &read, arch).unwrap_or_else(|e| panic!("{name} {arch}: {e}"));
            let longest = stack.iter().map(Vec::len).max().unwrap();
            assert!(stack.len() >= 3 && longest > 150, "{name} {arch}: {} of {longest}", stack.len());
            let joined = compile::profile(name, &read, arch).unwrap_or_else(|e| panic!("{name} {arch}: {e}"));
            // BPF_MAXINSNS is 4096; what is put up at each start is far below it, or a start takes a millisecond longer.
            assert!((100..500).contains(&joined.len()), "{name} {arch}: {}", joined.len());
        }
    }
}

#[test]
fn what_was_built_in_is_what_the_files_say() {
    for (profile, name) in PROFILES {
        let built = filter(profile);
        assert!(!built.is_empty());
        assert!(built == compile::profile(name, &read, std::env::consts::ARCH).unwrap(), "{name}");
    }
}

#[test]
fn a_profile_that_says_nothing_or_nonsense_is_refused() {
    let good = r#"{"why": "x", "syscalls": ["read"]}"#;
    assert!(compiled(&with(good, "")).is_ok());
    for (allow, answer, why) in [
        ("", "", "allows nothing"),
        (r#"{"why": " ", "syscalls": ["read"]}"#, "", "without a reason"),
        (r#"{"why": "x", "syscalls": []}"#, "", "without a system call"),
        (r#"{"why": "x", "syscalls": ["reed"]}"#, "", "reed"),
        (r#"{"why": "x", "syscalls": ["read"], "only": "mips"}"#, "", "mips"),
        (r#"{"why": "x", "syscalls": ["read"], "wen": 1}"#, "", "unknown field"),
        (r#"{"why": "x", "syscalls": ["read"], "errno": "EPERM"}"#, "", "nothing else has"),
        (good, r#"{"why": "x", "syscalls": ["bpf"]}"#, "has an errno"),
        (good, r#"{"why": "x", "syscalls": ["bpf"], "errno": "EWHAT"}"#, "EWHAT"),
    ] {
        let said = compiled(&with(allow, answer)).unwrap_err();
        assert!(said.contains(why), "{said} against {why}");
    }
    for text in ["", "{}", "[]", r#"{"profile": "q", "allow": [], "answer": []}"#] {
        assert!(compiled(text).is_err(), "{text}");
    }
}

#[test]
fn a_rule_that_stands_twice_is_refused() {
    let one = r#"{"why": "x", "syscalls": ["read"]}"#;
    let conditional = r#"{"why": "x", "syscalls": ["read"], "args": [{"index": 0, "type": "dword", "op": "eq", "val": 1}]}"#;
    let answered = r#"{"why": "x", "syscalls": ["read"], "errno": "EPERM"}"#;
    for (allow, answer, why) in [
        (format!("{one},{one}"), String::new(), "read is listed twice"),
        (format!("{conditional},{conditional}"), String::new(), "read is listed twice"),
        (format!("{one},{conditional}"), String::new(), "with a condition and without"),
        (one.to_owned(), answered.to_owned(), "both allowed and answered"),
    ] {
        assert!(compiled(&with(&allow, &answer)).unwrap_err().contains(why), "{why}");
    }
}

/// What a call looks like to a filter: its number, the architecture, and six arguments (`struct seccomp_data`, native order).
struct Call {
    number: u32,
    arch: u32,
    args: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.arch,
            16.. => {
                let arg = self.args[((offset - 16) / 8) as usize];
                let half = if offset.is_multiple_of(8) { arg } else { arg >> 32 };
                u32::try_from(half & u64::from(u32::MAX)).unwrap()
            }
            other => panic!("nothing looks at {other}"),
        }
    }
}

/// Runs a filter as the kernel does (`bpf(4)`'s classic instructions, those that the compiler uses).
fn answer(filter: &[sock_filter], call: &Call) -> u32 {
    let (mut at, mut held) = (0, 0);
    loop {
        let i = &filter[at];
        at += 1;
        let jump = |taken: bool| usize::from(if taken { i.jt } else { i.jf });
        match i.code {
            0x20 => held = call.word(i.k),
            0x54 => held &= i.k,
            0x05 => at += i.k as usize,
            0x15 => at += jump(held == i.k),
            0x25 => at += jump(held > i.k),
            0x35 => at += jump(held >= i.k),
            0x06 => return i.k,
            other => panic!("{other:#x} is no instruction that the compiler uses"),
        }
    }
}

/// `SECCOMP_RET_*`: of two answers the kernel takes the lower action, read as a signed number, and of two that are equal the newest filter's.
fn sternest(stack: &[Vec<sock_filter>], call: &Call) -> u32 {
    let answers = stack.iter().rev().map(|filter| answer(filter, call));
    answers.min_by_key(|answer| (answer & 0xffff_0000).cast_signed()).unwrap()
}

#[test]
fn one_filter_answers_every_call_as_the_compilers_stack_does() {
    for (_, name) in PROFILES {
        for (arch, audit) in [("x86_64", 0xc000_003e), ("aarch64", 0xc000_00b7)] {
            let stack = compile::stack(name, &read, arch).unwrap();
            let joined = compile::profile(name, &read, arch).unwrap();
            // Every constant that a condition compares with, its neighbours, and its bits in either half.
            let compared = |i: &&sock_filter| (i.code & 0x07 == 0x05 || i.code == 0x54) && i.code != 0x05;
            let after_a_load = |filter: &Vec<sock_filter>| -> Vec<u32> {
                let loads = (0..filter.len()).filter(|at| filter[*at].code == 0x20 && filter[*at].k >= 16);
                loads.flat_map(|at| filter[at + 1..].iter().take(2).filter(compared).map(|i| i.k)).collect()
            };
            let constants: BTreeSet<u32> = stack.iter().flat_map(after_a_load).collect();
            assert!(constants.len() > 2, "{name} {arch}: {constants:?}");
            let near = constants.iter().flat_map(|k| [k.wrapping_sub(1), *k, k.wrapping_add(1)]);
            let values: BTreeSet<u64> = near.flat_map(|k| [u64::from(k), u64::from(k) << 32]).collect();
            let mut seen = BTreeSet::new();
            let mut same = |call: &Call| {
                let expected = sternest(&stack, call);
                assert_eq!(
                    answer(&joined, call),
                    expected,
                    "{name} {arch}: {} {:x?}",
                    call.number,
                    call.args
                );
                seen.insert(expected);
            };
            for number in (0..600).chain(0x4000_0000..0x4000_0010).chain([u32::MAX]) {
                same(&Call { number, arch: audit, args: [0; 6] });
                same(&Call { number, arch: 0x4000_0003, args: [0; 6] });
                same(&Call { number, arch: audit, args: [u64::MAX; 6] });
            }
            let conditional = (0..600).filter(|number| {
                let differs = |value| {
                    let (number, arch) = (*number, audit);
                    sternest(&stack, &Call { number, arch, args: [value; 6] })
                        != sternest(&stack, &Call { number, arch, args: [0; 6] })
                };
                values.iter().any(|value| differs(*value)) || differs(u64::MAX)
            });
            let conditional: Vec<u32> = conditional.collect();
            assert!(!conditional.is_empty(), "{name} {arch}");
            for number in conditional {
                for index in 0..6 {
                    for value in &values {
                        let mut args = [0; 6];
                        args[index] = *value;
                        same(&Call { number, arch: audit, args });
                        same(&Call { number, arch: audit, args: [*value; 6] });
                    }
                }
            }
            // Killed, let through, and at least two errnos: it has seen them all.
            assert!(seen.len() >= 4, "{name} {arch}: {seen:x?}");
        }
    }
}

#[test]
fn a_call_that_two_filters_answer_without_a_condition_is_refused() {
    let condition =
        |val: u32| format!(r#""args": [{{"index": 0, "type": "dword", "op": "eq", "val": {val}}}]"#);
    let answered = |errno: &str, args: &str| {
        format!(r#"{{"why": "x", "errno": "{errno}", "syscalls": ["socket"]{args}}}"#)
    };
    let good = r#"{"why": "x", "syscalls": ["read"]}"#;
    let (one, two) = (format!(", {}", condition(1)), format!(", {}", condition(2)));
    let refused = format!("{},{}", answered("EPERM", ""), answered("EACCES", &two));
    assert!(compiled(&with(good, &refused)).unwrap_err().contains("answered in two ways"));
    let chained = format!("{},{}", answered("EPERM", &one), answered("EACCES", &two));
    assert!(compiled(&with(good, &chained)).is_ok());
}
