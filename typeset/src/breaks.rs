//! Where a word that is too long for its line may be broken.
//!
//! A mark is put in, and the template turns it into a space of no width. It is no character on the page: a digest that is copied out of the document is whole.

use crate::texts::Kind;

/// The mark (U+001F, unit separator). None comes in: what is not legible was written out before.
pub(crate) const MARK: char = '\u{1F}';

/// A word of as many letters is left to the line's end.
const WHOLE_CHARS: usize = 20;
/// So many letters stay together.
const PIECE_CHARS: usize = 4;

/// The text with marks.
pub(crate) fn mark(kind: Kind, text: &str) -> String {
    let whole = match kind {
        Kind::Line | Kind::Lines | Kind::Drawing => return text.to_owned(),
        Kind::Prose => WHOLE_CHARS,
        // Verbatim in a fixed width: nobody looks for a word's end in a digest.
        Kind::Code | Kind::Verbatim => PIECE_CHARS,
    };
    let mut marked = String::with_capacity(text.len() + text.len() / PIECE_CHARS);
    for word in text.split_inclusive(char::is_whitespace) {
        if word.chars().count() <= WHOLE_CHARS.min(whole * 3) {
            marked.push_str(word);
        } else {
            mark_word(word, whole, &mut marked);
        }
    }
    marked
}

fn mark_word(word: &str, whole: usize, marked: &mut String) {
    // Letters since one could break.
    let mut since = 0;
    let long_parts = |rest: &str| rest.chars().take_while(|c| !divides(*c)).count() > whole;
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

    fn shown(kind: Kind, text: &str) -> String {
        mark(kind, text).replace(MARK, "|")
    }

    #[test]
    fn short_words_are_left_alone() {
        for text in ["", "a word", "telecommunications of today", "  two  spaces\n"] {
            assert_eq!(shown(Kind::Prose, text), text);
        }
        assert_eq!(shown(Kind::Code, "sshd -T"), "sshd -T");
    }

    #[test]
    fn digests_may_be_broken_and_are_the_same_without_marks() {
        let digest = "0123456789abcdef0123456789abcdef";
        assert_eq!(shown(Kind::Code, digest), "0123|4567|89ab|cdef|0123|4567|89ab|cdef");
        for kind in [Kind::Prose, Kind::Code, Kind::Verbatim, Kind::Line] {
            assert_eq!(mark(kind, digest).replace(MARK, ""), digest);
        }
    }

    #[test]
    fn names_are_broken_where_their_parts_end() {
        assert_eq!(
            shown(Kind::Prose, "sshd.permit_root_login.effective"),
            "sshd.|permit_|root_|login.|effective"
        );
        assert_eq!(shown(Kind::Line, "sshd.permit_root_login.effective"), "sshd.permit_root_login.effective");
    }

    #[test]
    fn letters_that_belong_together_stay_together() {
        let joined = "ععععععععععععععععععععععععع";
        assert_eq!(shown(Kind::Prose, joined), joined);
        let accented = "e\u{301}".repeat(30);
        assert!(!shown(Kind::Prose, &accented).contains("|\u{301}"));
    }
}
