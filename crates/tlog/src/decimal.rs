//! The one decimal number form of the C2SP specifications: ASCII digits, no sign, no leading zeros.

/// Reads a whole string as a decimal number; `None` when it is not in the one form or does not fit.
pub(crate) fn parse(text: &str) -> Option<u64> {
    // The standard parser also takes `+7` and `007`, which would give one number several spellings.
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}
