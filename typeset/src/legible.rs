//! What no brought font can draw is written out as its code point, `[U+1F600]`: an empty box would say nothing, and an archive must not hold it.
//!
//! So are characters that would change how others look without being seen: controls, and those that turn the direction of a line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::fonts::Fonts;
use crate::texts::Kind;

/// The text as it can be drawn.
pub(crate) fn legible(fonts: &Fonts, kind: Kind, text: &str) -> String {
    let text = if kind == Kind::Drawing { named(fonts, text) } else { text.to_owned() };
    let mut drawn = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' if matches!(kind, Kind::Lines | Kind::Verbatim | Kind::Drawing) => drawn.push('\n'),
            '\n' | '\t' if kind != Kind::Verbatim => drawn.push(' '),
            '\t' => drawn.push_str("    "),
            letter if is_drawn(fonts, letter) => drawn.push(letter),
            letter => write_out(letter, &mut drawn),
        }
    }
    drawn
}

/// The text with these groups of letters written out: each of their letters has a font, and no font has them all.
pub(crate) fn written_out(groups: &BTreeSet<String>, text: &str) -> String {
    let mut text = text.to_owned();
    // The longest first: a shorter one may stand within it.
    let mut groups: Vec<&String> = groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    for group in groups {
        let mut out = String::new();
        for letter in group.chars() {
            if letter.is_ascii() { out.push(letter) } else { write_out(letter, &mut out) }
        }
        text = text.replace(group.as_str(), &out);
    }
    text
}

fn write_out(letter: char, to: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(to, "[U+{:04X}]", u32::from(letter));
}

fn is_drawn(fonts: &Fonts, letter: char) -> bool {
    if (' '..='~').contains(&letter) {
        return true;
    }
    let hidden = letter.is_control()
        || matches!(letter,
            // Marks of direction, of lines, of variants, of nothing: each unseen.
            '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFC}' | '\u{FFFE}'..='\u{FFFF}' | '\u{E0000}'..='\u{E0FFF}'
            // For private use: an archive must not hold what only one font's maker understands.
            | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}');
    !hidden && fonts.can_draw(letter)
}

/// The source of a picture, with those of its characters that stand there as numbers (`&#128512;`) and cannot be drawn written out.
fn named(fonts: &Fonts, svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some((before, after)) = rest.split_once("&#") {
        out.push_str(before);
        let (number, beyond) = after.split_once(';').unwrap_or((after, ""));
        let hex = number.strip_prefix(['x', 'X']);
        let value = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
        match value.and_then(char::from_u32) {
            Some(letter) if !is_drawn(fonts, letter) && !letter.is_whitespace() => {
                write_out(letter, &mut out);
                rest = beyond;
            }
            _ => {
                out.push_str("&#");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> String {
        legible(&Fonts::new(), kind, text)
    }

    #[test]
    fn what_has_no_font_is_written_out() {
        assert_eq!(shown(Kind::Prose, "a \u{1F600} b"), "a [U+1F600] b");
        assert_eq!(shown(Kind::Prose, "\u{0}\u{1F}\u{7F}"), "[U+0000][U+001F][U+007F]");
        assert_eq!(shown(Kind::Prose, "gpj.\u{202E}exe"), "gpj.[U+202E]exe");
        assert_eq!(shown(Kind::Prose, "\u{E000}\u{FEFF}"), "[U+E000][U+FEFF]");
        assert_eq!(shown(Kind::Prose, "Łódź, 東京, القاهرة, €"), "Łódź, 東京, القاهرة, €");
    }

    #[test]
    fn lines_stay_lines_only_where_they_are_verbatim() {
        assert_eq!(shown(Kind::Prose, "a\nb\tc"), "a b c");
        assert_eq!(shown(Kind::Verbatim, "a\nb\tc\r"), "a\nb    c[U+000D]");
    }

    #[test]
    fn a_picture_says_it_too_however_it_is_written_there() {
        let svg = "<text>&#128512;&#x1F600;\u{1F600}&amp;&#65;&#xZ;&#</text>";
        assert_eq!(shown(Kind::Drawing, svg), "<text>[U+1F600][U+1F600][U+1F600]&amp;&#65;&#xZ;&#</text>");
    }

    #[test]
    fn groups_without_a_font_for_all_of_them_are_written_out_the_longest_first() {
        let groups = BTreeSet::from(["b\u{93F}".to_owned(), "ab\u{93F}".to_owned()]);
        assert_eq!(written_out(&groups, "ab\u{93F} b\u{93F}"), "ab[U+093F] b[U+093F]");
    }
}
