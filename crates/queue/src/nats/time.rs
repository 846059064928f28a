//! The server's instants: RFC 3339 in UTC, with up to nine decimals.

use contract::time::UtcTime;

/// In whole milliseconds; nothing where it is none.
pub(super) fn instant(text: &str) -> Option<UtcTime> {
    let (whole, decimals) = match text.strip_suffix('Z')?.split_once('.') {
        Some((whole, decimals)) => (whole, decimals),
        None => (text.strip_suffix('Z')?, ""),
    };
    let ms: String = decimals.chars().chain("000".chars()).take(3).collect();
    UtcTime::try_from(format!("{whole}.{ms}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn decimals_are_cut_to_milliseconds() {
        let ms = |text| instant(text).map(|at| at.unix_ms() % 1_000_000);
        assert_eq!(ms("2026-11-27T05:30:58.123456789Z"), ms("2026-11-27T05:30:58.123Z"));
        assert_eq!(ms("2026-11-27T05:30:58.1Z").unwrap() % 1000, 100);
        assert_eq!(ms("2026-11-27T05:30:58Z").unwrap() % 1000, 0);
        assert_eq!(instant("yesterday"), None);
    }
}
