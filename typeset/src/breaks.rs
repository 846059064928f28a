//! Where a word that is too long for its line may be broken.
//!
//! A mark is put in, and the template turns it into a space of no width. It is no character on the page: a digest that is copied out of the document is whole.

use crate::texts::{Kind, Room};

/// The mark (U+001F, unit separator). None comes in: what is not legible was written out before.
pub(crate) const MARK: char = '\u{1F}';

/// A longer word may be broken even where it has room: it would leave too much of a line empty.
const WHOLE_CHARS_MAX: usize = 36;
/// So many letters stay together.
const PIECE_CHARS: usize = 4;
/// Shorter words in a fixed width are left alone.
const CODE_CHARS: usize = 3 * PIECE_CHARS;

/// The text with marks, for a place where so many letters stand in a line.
pub(crate) fn mark(kind: Kind, room: Room, text: &str) -> String {
    // From which length a word is looked at, and from which one a part of it is broken.
    let (word_max, part_max) = match kind {
        Kind::Line | Kind::Lines | Kind::Drawing => return text.to_owned(),
        Kind::Prose => (room.min(WHOLE_CHARS_MAX), room.min(WHOLE_CHARS_MAX)),
        // Nobody looks for a word's end in a digest.
        Kind::Code | Kind::Verbatim => (room.min(CODE_CHARS), PIECE_CHARS),
    };
    let mut marked = String::with_capacity(text.len() + text.len() / PIECE_CHARS);
    for word in text.split_inclusive(char::is_whitespace) {
        if word.trim_end().chars().count() <= word_max {
            marked.push_str(word);
        } else {
            mark_word(word, part_max, &mut marked);
        }
    }
    marked
}

fn mark_word(word: &str, part_max: usize, marked: &mut String) {
    // Letters since one could break.
    let mut since = 0;
    let long_parts = |rest: &str| rest.chars().take_while(|c| !divides(*c)).count() > part_max;
    let mut long = long_parts(word);
    for (index, letter) in word.char_indices() {
        if since >= PIECE_CHARS && long && stands_alone(letter) {
            marked.push(MARK);
            since = 0;
        }
        marked.push(letter);
        since += 1;
        let rest = &word[index + letter.len_utf8()..];
        if divides(letter) {
            long = long_parts(rest);
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

    fn shown(kind: Kind, room: Room, text: &str) -> String {
        mark(kind, room, text).replace(MARK, "|")
    }

    #[test]
    fn short_words_are_left_alone() {
        for text in ["", "a word", "telecommunications of today", "  two  spaces\n"] {
            assert_eq!(shown(Kind::Prose, 80, text), text);
        }
        assert_eq!(shown(Kind::Code, 80, "sshd -T"), "sshd -T");
    }

    #[test]
    fn a_word_is_broken_where_there_is_no_room_for_it() {
        assert_eq!(shown(Kind::Prose, 10, "for telecommunications"), "for tele|comm|unic|atio|ns");
        assert_eq!(shown(Kind::Prose, 18, "for telecommunications"), "for telecommunications");
    }

    #[test]
    fn digests_may_be_broken_and_are_the_same_without_marks() {
        let digest = "0123456789abcdef0123456789abcdef0123456789abcdef";
        assert!(shown(Kind::Code, 80, digest).starts_with("0123|4567|89ab|cdef|0123|4567|89ab|cdef|"));
        for kind in [Kind::Prose, Kind::Code, Kind::Verbatim, Kind::Line] {
            assert_eq!(mark(kind, 20, digest).replace(MARK, ""), digest);
        }
    }

    #[test]
    fn names_are_broken_where_their_parts_end() {
        let name = "sshd.permit_root_login.effective";
        assert_eq!(shown(Kind::Prose, 20, name), "sshd.|permit_|root_|login.|effective");
        assert_eq!(shown(Kind::Prose, 80, name), name);
        assert_eq!(shown(Kind::Line, 20, name), name);
    }

    #[test]
    fn letters_that_belong_together_stay_together() {
        let joined = "ع".repeat(60);
        assert_eq!(shown(Kind::Prose, 20, &joined), joined);
        let accented = "e\u{301}".repeat(60);
        assert!(!shown(Kind::Prose, 20, &accented).contains("|\u{301}"));
    }
}
