//! Where a word that is too long for its line may be broken.
//!
//! A mark is put in, and the template turns it into a space of no width. It is no character on the page: a digest that is copied out of the document is whole.

use crate::fonts::Fonts;
use crate::texts::{Ems, Kind};

/// The mark (U+001F, unit separator). None comes in: what is not legible was written out before.
pub(crate) const MARK: char = '\u{1F}';

/// A wider word may be broken even where it has room: it would leave too much of a line empty.
const WHOLE_MAX: Ems = 20.0;
/// So many letters stay together.
const PIECE_CHARS: usize = 4;
/// Shorter words in a fixed width are left alone, where they have room. Nobody looks for a word's end in a digest.
const CODE_CHARS: usize = 9 * PIECE_CHARS;

/// The text with marks, for a place that is so wide.
pub(crate) fn mark(fonts: &Fonts, kind: Kind, room: Ems, text: &str) -> String {
    let too_long = |word: &str| match kind {
        Kind::Line | Kind::Lines | Kind::Drawing => false,
        Kind::Prose | Kind::Stressed => fonts.width(kind, word) > room.min(WHOLE_MAX),
        Kind::Code | Kind::Verbatim => word.chars().count() > CODE_CHARS || fonts.width(kind, word) > room,
    };
    let mut marked = String::with_capacity(text.len() + text.len() / PIECE_CHARS);
    for word in text.split_inclusive(char::is_whitespace) {
        if too_long(word.trim_end()) {
            mark_word(word, &too_long, &mut marked);
        } else {
            marked.push_str(word);
        }
    }
    marked
}

fn mark_word(word: &str, too_long: &impl Fn(&str) -> bool, marked: &mut String) {
    // Letters since one could break.
    let mut since = 0;
    let long_part = |rest: &str| too_long(rest.split(divides).next().unwrap_or(rest).trim_end());
    let mut long = long_part(word);
    for (index, letter) in word.char_indices() {
        if since >= PIECE_CHARS && long && stands_alone(letter) {
            marked.push(MARK);
            since = 0;
        }
        marked.push(letter);
        since += 1;
        let rest = &word[index + letter.len_utf8()..];
        if divides(letter) {
            long = long_part(rest);
            if rest.starts_with(|next| stands_alone(next) && !divides(next)) {
                marked.push(MARK);
                since = 0;
            }
        }
    }
}

/// A letter after which an identifier or a path is broken first.
fn divides(letter: char) -> bool {
    matches!(letter, '/' | '_' | '.' | '@' | ':' | '=' | ',' | ';' | '&' | '?' | '+')
}

/// A letter that does not change with the one before it: Latin, Greek, Cyrillic and Armenian. Arabic letters join, and Indic ones form syllables.
fn stands_alone(letter: char) -> bool {
    letter.is_alphanumeric() && letter < '\u{590}' || letter.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, room: Ems, text: &str) -> String {
        mark(&Fonts::new(), kind, room, text).replace(MARK, "|")
    }

    #[test]
    fn short_words_are_left_alone() {
        for text in ["", "a word", "telecommunications of today", "  two  spaces\n"] {
            assert_eq!(shown(Kind::Prose, 50.0, text), text);
        }
        assert_eq!(shown(Kind::Code, 50.0, "sshd -T"), "sshd -T");
    }

    #[test]
    fn a_word_is_broken_where_there_is_no_room_for_it() {
        assert_eq!(shown(Kind::Prose, 6.0, "for telecommunications"), "for tele|comm|unic|atio|ns");
        assert_eq!(shown(Kind::Prose, 12.0, "for telecommunications"), "for telecommunications");
        // Heavy letters need more.
        assert_eq!(shown(Kind::Prose, 4.0, "Seconds"), "Seconds");
        assert_eq!(shown(Kind::Stressed, 4.0, "Seconds"), "Seco|nds");
        assert_eq!(shown(Kind::Code, 4.0, "12345678"), "1234|5678");
    }

    #[test]
    fn digests_may_be_broken_and_are_the_same_without_marks() {
        let digest = "0123456789abcdef0123456789abcdef0123456789abcdef";
        assert!(shown(Kind::Code, 50.0, digest).starts_with("0123|4567|89ab|cdef|0123|4567|89ab|cdef|"));
        for kind in [Kind::Prose, Kind::Code, Kind::Verbatim, Kind::Line] {
            assert_eq!(shown(kind, 20.0, digest).replace('|', ""), digest);
        }
    }

    #[test]
    fn names_are_broken_where_their_parts_end() {
        let name = "sshd.permit_root_login.effective";
        assert_eq!(shown(Kind::Prose, 10.0, name), "sshd.|permit_|root_|login.|effective");
        assert_eq!(shown(Kind::Prose, 50.0, name), name);
        assert_eq!(shown(Kind::Code, 50.0, name), name);
        assert_eq!(shown(Kind::Line, 10.0, name), name);
    }

    #[test]
    fn letters_that_belong_together_stay_together() {
        let joined = "ع".repeat(60);
        assert_eq!(shown(Kind::Prose, 20.0, &joined), joined);
        let accented = "e\u{301}".repeat(60);
        assert!(!shown(Kind::Prose, 20.0, &accented).contains("|\u{301}"));
    }
}
