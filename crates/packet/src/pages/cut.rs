//! How much of a table is printed: nobody reads a thousand rows on paper, and what counts must not be among those that are left out.

use crate::document::{Block, Inline};

/// Rows of one table in print. What is beyond stands in the files beside it, and the page says so.
const ROWS_MAX: usize = 100;
/// Where all rows stand.
pub(super) const FILE: &str = "packet.json, which is attached";
/// Where all incidents stand.
pub(super) const FILE_OR_CSV: &str = "packet.json, which is attached, and incidents.csv";

/// All rows in their order, where they fit; else those that somebody has to see and then the first others, and where all are.
pub(super) fn cut<'t, T>(
    all: &'t [T],
    to_be_seen: impl Fn(&T) -> bool,
    file: &str,
) -> (Vec<&'t T>, Vec<Block>) {
    if all.len() <= ROWS_MAX {
        return (all.iter().collect(), Vec::new());
    }
    let (first, others): (Vec<&T>, Vec<&T>) = all.iter().partition(|row| to_be_seen(row));
    let order = if first.is_empty() {
        String::new()
    } else {
        format!(" What somebody has to look at comes first: {} of them.", first.len())
    };
    let words = format!("These are {ROWS_MAX} of {}. All of them stand in {file}.{order}", all.len());
    let shown = first.into_iter().chain(others).take(ROWS_MAX).collect();
    (shown, vec![Block::Notice(vec![Inline::Text(words)])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_to_see_is_never_what_is_left_out() {
        let all: Vec<u32> = (0..300).collect();
        let (shown, said) = cut(&all, |row| row % 100 == 99, FILE);
        assert_eq!((shown.len(), &shown[..5]), (100, &[&99, &199, &299, &0, &1][..]));
        let [Block::Notice(words)] = &said[..] else { panic!("{said:?}") };
        let [Inline::Text(words)] = &words[..] else { panic!("{words:?}") };
        assert_eq!(
            words,
            "These are 100 of 300. All of them stand in packet.json, which is attached. What somebody has to look at comes first: 3 of them."
        );
        let (shown, said) = cut(&all[..100], |row| *row == 99, FILE);
        assert!(shown.into_iter().eq(&all[..100]) && said.is_empty(), "what fits stays in its order");
    }
}
