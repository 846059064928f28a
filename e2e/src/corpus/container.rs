//! Tricks with the zip itself: two readers must never see two things in one kit.

use crate::base;
use crate::case::{Case, Expected};
use crate::container::{Container, Header, Member};

pub(super) fn cases() -> Vec<Case> {
    let base = base::small();
    let not_a_kit = || Expected::of("altered", "not_a_kit");
    let mut cases: Vec<Case> = structure()
        .into_iter()
        .map(|(name, tamper)| base.tampered(format!("zip: {name}"), not_a_kit(), tamper))
        .collect();
    cases.extend(names().map(|(what, name)| {
        let tamper = |kit: &mut Container| kit.members.push(Member::new(name, b"x".to_vec()));
        base.tampered(format!("zip: {what}"), not_a_kit(), tamper)
    }));
    cases.extend(headers().map(|(what, edit)| {
        base.tampered(format!("zip: {what}"), not_a_kit(), |kit| {
            let member =
                kit.members.iter_mut().find(|member| member.name() == "README.txt").expect("a README");
            edit(member);
        })
    }));
    for (name, zip) in foreign() {
        cases.push(Case {
            name: format!("zip: {name}"),
            zip,
            brought: base.brought.clone(),
            expected: not_a_kit(),
        });
    }
    // A whole container with nothing in it: what is missing is the cover.
    cases.push(
        base.tampered("zip: no files", Expected::of("altered", "kit_malformed"), |kit| kit.members.clear()),
    );
    let crc = |member: &mut Member| {
        member.local.crc ^= 1;
        member.central.crc ^= 1;
    };
    cases.push(base.tampered(
        "zip: a wrong checksum over a document",
        Expected::of("altered", "file_damaged"),
        |kit| {
            crc(kit.members.iter_mut().find(|member| member.name() == "README.txt").expect("a README"));
        },
    ));
    cases.push(base.tampered(
        "zip: a wrong checksum over records",
        Expected::of("altered", "file_damaged"),
        |kit| {
            crc(kit.members.iter_mut().find(|member| member.name().contains("/entries/")).expect("a bundle"));
        },
    ));
    cases
}

type Tamper = fn(&mut Container);

fn structure() -> Vec<(&'static str, Tamper)> {
    vec![
        ("bytes before it", |kit| kit.prefix = b"MZ".to_vec()),
        ("bytes after it", |kit| kit.suffix = vec![0]),
        ("a comment", |kit| kit.comment = b"hello".to_vec()),
        ("a file twice", |kit| {
            let twin = kit.members[0].clone();
            kit.members.insert(0, twin);
        }),
        ("a file twice, with other bytes", |kit| {
            let name = kit.members[1].name();
            kit.members.insert(1, Member::new(&name, b"other".to_vec()));
        }),
        ("files out of order", |kit| kit.members.swap(0, 1)),
        ("two files over the same bytes", |kit| kit.members[1].offset = Some(0)),
        ("an offset beyond the end", |kit| kit.members[1].offset = Some(u32::MAX - 1)),
    ]
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("a name that climbs", "zz/../../etc/passwd"),
        ("a name from the root", "/etc/zz"),
        ("a name with a backslash", "zz\\windows"),
        ("a name with an empty part", "zz//a"),
        ("a name with a dot", "zz/./a"),
        ("a folder", "zz/"),
        ("a name with a space", "zz a"),
        ("a name with a NUL", "zz\0a"),
        ("a name beyond ASCII", "zzé"),
        ("a name that is only dots", "zz/.."),
    ]
    .into_iter()
}

fn both(member: &mut Member, edit: impl Fn(&mut Header)) {
    edit(&mut member.local);
    edit(&mut member.central);
}

/// What is done to the headers of one file.
type Edit = fn(&mut Member);

fn headers() -> impl Iterator<Item = (&'static str, Edit)> {
    let list: [(&'static str, Edit); 12] = [
        ("deflated", |m| both(m, |h| h.method = 8)),
        ("a bomb", |m| {
            both(m, |h| h.method = 8);
            both(m, |h| h.bytes = u32::MAX);
        }),
        ("encrypted", |m| both(m, |h| h.flags = 1)),
        ("sizes that follow the data", |m| both(m, |h| h.flags = 8)),
        ("UTF-8 names", |m| both(m, |h| h.flags = 0x800)),
        ("an extra field", |m| both(m, |h| h.extra = vec![1, 0, 0, 0])),
        ("an extra field in the directory only", |m| m.central.extra = vec![1, 0, 0, 0]),
        ("zip64 sizes", |m| both(m, |h| (h.bytes, h.stored_bytes) = (u32::MAX, u32::MAX))),
        ("two names for one file", |m| m.local.name = b"README.exe".to_vec()),
        ("two sizes for one file", |m| m.local.bytes += 1),
        ("two checksums for one file", |m| m.local.crc ^= 1),
        ("two methods for one file", |m| m.local.method = 8),
    ];
    list.into_iter()
}

/// Things that are no zip of ours at all.
fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("a text", b"this is a kit, believe me".to_vec()),
        ("a megabyte of nothing", vec![0; 1 << 20]),
    ]
}
