//! One short filter out of seccompiler's long ones.
//!
//! seccompiler writes five instructions for each call that has no condition, and the kernel walks through a filter once for every call that there is
//! when the filter is put up, to learn which calls it need not be asked about: most of a millisecond at each start of a program. Here calls that are
//! answered alike become ranges of numbers. What has conditions stays as the compiler wrote it. A test runs both, call by call.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, sock_filter};

/// `BPF_LD | BPF_W | BPF_ABS`, and where the call's number lies.
const LOAD: (u16, u32) = (0x20, 0);
/// `BPF_JMP | BPF_JEQ`, `BPF_JGT`, `BPF_JGE`, each with the constant, and `BPF_JA`.
const JUMP_EQUAL: u16 = 0x15;
const JUMP_ABOVE: u16 = 0x25;
const JUMP_FROM: u16 = 0x35;
const JUMP: u16 = 0x05;
/// `BPF_RET` with the constant.
const RETURN: u16 = 0x06;
/// `SECCOMP_RET_ALLOW`, the mildest of answers.
const ALLOW: u32 = 0x7fff_0000;
/// What goes before the first call: the architecture is loaded, compared and refused, and the number is loaded.
const PROLOGUE: usize = 4;

/// Joins a stack of filters, of which the kernel would take the sternest answer. A call is named by one of them alone, but for the last, which lets
/// through what the others answer; what none of them names is answered as the last answers what it does not name.
pub(crate) fn join(filters: &[BpfProgram]) -> Result<BpfProgram, String> {
    let last = filters.last().ok_or("no filter")?;
    let (Some(prologue), Some(otherwise)) = (last.get(..PROLOGUE), last.last()) else {
        return Err("a filter that is too short".to_owned());
    };
    // By call: what answers it without a condition, or the compiler's own instructions.
    let mut plain = BTreeMap::new();
    let mut conditional: BTreeMap<u32, Vec<&[sock_filter]>> = BTreeMap::new();
    for filter in filters {
        if filter.get(..PROLOGUE) != Some(prologue) {
            return Err("filters for different machines".to_owned());
        }
        for (call, block) in blocks(filter)? {
            let answer = match block {
                [_, _, _, answer, unreached] if (answer.code, unreached.code) == (RETURN, RETURN) => {
                    Some(answer.k)
                }
                _ => None,
            };
            match (answer, plain.contains_key(&call), conditional.contains_key(&call)) {
                // The last filter lets through what the others answer.
                (Some(ALLOW), true, _) | (Some(ALLOW), _, true) => {}
                (_, true, _) | (Some(_), _, true) => {
                    return Err(format!("call {call} is answered in two ways"));
                }
                (Some(answer), false, false) => drop(plain.insert(call, answer)),
                (None, false, _) => conditional.entry(call).or_default().push(block),
            }
        }
    }
    let mut joined = prologue.to_vec();
    for (first, end, answer) in ranges(&plain) {
        joined.extend(range(first, end, answer));
    }
    for blocks in conditional.values() {
        joined.extend(chain(blocks)?);
    }
    joined.push(otherwise.clone());
    Ok(joined)
}

/// The conditions of several filters on one call, the last filter's first: of two answers that are equally stern the kernel takes the newest filter's.
fn chain(blocks: &[&[sock_filter]]) -> Result<Vec<sock_filter>, String> {
    let mut chained = Vec::new();
    for (left, block) in blocks.iter().enumerate().rev() {
        chained.extend_from_slice(block);
        // Where its conditions do not hold, it ends with an answer; where another block follows, that one must be asked, about the call again.
        match chained.last_mut() {
            Some(otherwise) if left > 0 && (otherwise.code, otherwise.k) == (RETURN, ALLOW) => {
                *otherwise = sock_filter { code: LOAD.0, jt: 0, jf: 0, k: LOAD.1 };
            }
            Some(otherwise) if left == 0 && otherwise.code == RETURN => {}
            _ => return Err("a filter that answers a call where its conditions do not hold".to_owned()),
        }
    }
    Ok(chained)
}

/// What a filter has for each call: `if it is this one, go on with what follows; else past the block`.
fn blocks(filter: &BpfProgram) -> Result<Vec<(u32, &[sock_filter])>, String> {
    let mut found = Vec::new();
    let mut rest = match filter.get(PROLOGUE - 1) {
        Some(load) if (load.code, load.k) == LOAD => filter.get(PROLOGUE..).unwrap_or_default(),
        _ => return Err("a filter that does not load the call's number".to_owned()),
    };
    while let [call, into, ..] = rest {
        let shape = (call.code, call.jt, call.jf, into.code, into.k);
        let block = past(rest).and_then(|end| rest.split_at_checked(end));
        let (Some((block, after)), (JUMP_EQUAL, 0, 1, JUMP, 1)) = (block, shape) else {
            return Err("the compiler writes other filters than it did".to_owned());
        };
        found.push((call.k, block));
        rest = after;
    }
    match rest {
        [otherwise] if otherwise.code == RETURN => Ok(found),
        _ => Err("a filter that does not end with an answer".to_owned()),
    }
}

/// Where a block ends: its third instruction jumps past its first set of conditions, onto the jump past the next set if there is one.
fn past(block: &[sock_filter]) -> Option<usize> {
    let mut at = 2;
    while let Some(jump) = block.get(at).filter(|i| i.code == JUMP) {
        at = at.checked_add(1)?.checked_add(usize::try_from(jump.k).ok()?)?;
    }
    (at > 2).then_some(at)
}

/// Neighbours that are answered alike, as first, last and answer.
fn ranges(plain: &BTreeMap<u32, u32>) -> Vec<(u32, u32, u32)> {
    let mut ranges: Vec<(u32, u32, u32)> = Vec::new();
    for (&call, &answer) in plain {
        match ranges.last_mut() {
            Some((_, end, same)) if *end + 1 == call && *same == answer => *end = call,
            _ => ranges.push((call, call, answer)),
        }
    }
    ranges
}

fn range(first: u32, end: u32, answer: u32) -> Vec<sock_filter> {
    let (code, jt, jf) = (RETURN, 0, 0);
    let answer = sock_filter { code, jt, jf, k: answer };
    if first == end {
        return vec![sock_filter { code: JUMP_EQUAL, jt: 0, jf: 1, k: first }, answer];
    }
    let from = sock_filter { code: JUMP_FROM, jt: 0, jf: 2, k: first };
    let above = sock_filter { code: JUMP_ABOVE, jt: 1, jf: 0, k: end };
    vec![from, above, answer]
}
