//! How much of a table is printed: nobody reads a thousand rows on paper, and what counts must not be among those that are left out.

use crate::document::{Block, Inline};

/// Rows of one table in print. What is beyond stands in the files beside it, and the page says so.
const ROWS_MAX: usize = 100;
/// Where all rows stand: beside the page, and attached in the PDF.
pub(super) const FILE: &str = "packet.json";
/// Where all incidents stand.
pub(super) const FILE_OR_CSV: &str = "packet.json and incidents.csv";

/// All rows in their order, where they fit; else those of the highest rank first, and where all are. A row of the lowest rank (`K`'s default) is none that
/// somebody has to look at.
pub(super) fn cut<'t, T, K: Ord + Default>(
    all: &'t [T],
    rank: impl Fn(&T) -> K,
    file: &str,
) -> (Vec<&'t T>, Vec<Block>) {
    let mut shown: Vec<&T> = all.iter().collect();
    if shown.len() <= ROWS_MAX {
        return (shown, Vec::new());
    }
    shown.sort_by_key(|row| std::cmp::Reverse(rank(row)));
    let urgent = shown.partition_point(|row| rank(row) > K::default());
    let order = match urgent {
        0 => String::new(),
        _ if urgent <= ROWS_MAX => " What somebody has to look at comes first.".to_owned(),
        _ => format!(" They are the worst of {urgent} that somebody has to look at."),
    };
    let words = format!("These are {ROWS_MAX} of {}. All of them stand in {file}.{order}", all.len());
    shown.truncate(ROWS_MAX);
    (shown, vec![Block::Notice(vec![Inline::Text(words)])])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(said: &[Block]) -> &str {
        let [Block::Notice(words)] = said else { panic!("{said:?}") };
        let [Inline::Text(words)] = &words[..] else { panic!("{words:?}") };
        words
    }

    #[test]
    fn the_worst_comes_first_and_that_more_of_it_is_left_out_is_said() {
        let all: Vec<u32> = (0..300).collect();
        let (shown, said) = cut(&all, |row| if row % 100 == 99 { *row } else { 0 }, FILE);
        assert_eq!((shown.len(), &shown[..5]), (100, &[&299, &199, &99, &0, &1][..]));
        assert_eq!(
            words(&said),
            "These are 100 of 300. All of them stand in packet.json. What somebody has to look at comes first."
        );
        let (shown, said) = cut(&all, |row| *row > 149, FILE);
        assert_eq!((shown[0], shown[99]), (&150, &249), "among equals the order stays");
        assert!(words(&said).ends_with(" They are the worst of 150 that somebody has to look at."));
        let (_, said) = cut(&all, |_| (), FILE);
        assert_eq!(words(&said), "These are 100 of 300. All of them stand in packet.json.");
    }

    #[test]
    fn what_fits_stays_in_its_order() {
        let all: Vec<u32> = (0..100).collect();
        let (shown, said) = cut(&all, |row| *row, FILE);
        assert!(shown.into_iter().eq(&all) && said.is_empty());
    }
}
