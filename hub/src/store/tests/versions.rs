//! Databases of earlier versions, as the hub of each made them, with what was written to them.
//!
//! The first five are whole. A later one is the one before it, the step that led to it, and what was written to it then: released steps do not change.

/// Versions 1 to 5.
const WHOLE: [&str; 5] = [
    include_str!("versions/1.sql"),
    include_str!("versions/2.sql"),
    include_str!("versions/3.sql"),
    include_str!("versions/4.sql"),
    include_str!("versions/5.sql"),
];

/// The versions after them: the step, and the rows.
const LATER: [[&str; 2]; 6] = [
    [include_str!("../steps/0006-what-is-handed-out.sql"), include_str!("versions/6.sql")],
    [include_str!("../steps/0007-what-evidence-says.sql"), include_str!("versions/7.sql")],
    [include_str!("../steps/0008-what-runs-on-hosts.sql"), include_str!("versions/8.sql")],
    [include_str!("../steps/0009-alerts.sql"), include_str!("versions/9.sql")],
    [include_str!("../steps/0010-what-alerts-are-about.sql"), include_str!("versions/10.sql")],
    [include_str!("../steps/0011-what-was-told.sql"), include_str!("versions/11.sql")],
];

/// Every earlier version, beginning with 1, as SQL.
pub(crate) fn versions() -> Vec<String> {
    let mut all = WHOLE.map(str::to_owned).to_vec();
    for made in LATER {
        let before = all.last().cloned().unwrap_or_default();
        all.push(before + &made.concat());
    }
    all
}
