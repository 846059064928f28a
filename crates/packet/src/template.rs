//! A document's words, in Markdown, with slots. The words are ours and parsed once; what is put into a slot is data and never parsed, so no name and no reason can
//! bring a heading, a link or a picture with it.
//!
//! `{name}` within a sentence takes text; `{name}` as a paragraph of its own takes blocks. `> …` is a notice, `---` a new page.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};
use thiserror::Error;

use crate::document::{Block, Inline};

/// What goes into a slot.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    /// Text within a sentence.
    Text(String),
    /// Blocks of their own.
    Blocks(Vec<Block>),
}

/// What a template of ours has wrong. No data can cause it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A slot that nothing is put into.
    #[error("nothing is put into the slot {{{0}}}")]
    Empty(String),
    /// Something is put into a slot that the template does not have.
    #[error("the template has no slot {{{0}}}")]
    NoSlot(String),
    /// Blocks cannot stand within a sentence, or a slot has no end.
    #[error("the slot {{{0}}} is not where it can be")]
    Place(String),
    /// Markdown that no document has.
    #[error("a document has no {0}")]
    Markdown(String),
}

/// The blocks of `template`, with its slots filled.
pub(crate) fn fill(template: &str, slots: &BTreeMap<&str, Slot>) -> Result<Vec<Block>, TemplateError> {
    let parser = Parser::new_ext(template, Options::ENABLE_HEADING_ATTRIBUTES);
    let mut filling = Filling {
        slots,
        used: BTreeSet::new(),
        blocks: Vec::new(),
        run: Vec::new(),
        list: None,
        mark: Mark::Plain,
    };
    for event in TextMergeStream::new(parser) {
        filling.take(event)?;
    }
    match slots.keys().find(|name| !filling.used.contains(**name)) {
        Some(name) => Err(TemplateError::NoSlot((*name).to_owned())),
        None => Ok(filling.blocks),
    }
}

/// How the text that comes next is set.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Plain,
    Strong,
    Emphasis,
    Link(String),
    Notice,
}

struct Filling<'s> {
    slots: &'s BTreeMap<&'s str, Slot>,
    used: BTreeSet<String>,
    blocks: Vec<Block>,
    /// The inlines of the paragraph or item that is being read.
    run: Vec<Inline>,
    list: Option<Vec<Vec<Inline>>>,
    mark: Mark,
}

impl Filling<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<(), TemplateError> {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                let anchor = id.map(|id| id.to_string()).unwrap_or_default();
                self.blocks.push(Block::Heading { level: depth(level), text: String::new(), anchor });
            }
            Event::End(TagEnd::Heading(_)) => self.heading(),
            Event::Start(Tag::Paragraph | Tag::Item) => self.run.clear(),
            Event::End(TagEnd::Paragraph) => self.paragraph()?,
            Event::Start(Tag::List(_)) => self.list = Some(Vec::new()),
            Event::End(TagEnd::Item) => {
                let run = std::mem::take(&mut self.run);
                self.list.get_or_insert_default().push(run);
            }
            Event::End(TagEnd::List(_)) => {
                self.blocks.push(Block::List(self.list.take().unwrap_or_default()));
            }
            Event::Start(Tag::Strong) => self.mark = Mark::Strong,
            Event::Start(Tag::Emphasis) => self.mark = Mark::Emphasis,
            Event::Start(Tag::Link { dest_url, .. }) => self.mark = Mark::Link(dest_url.to_string()),
            Event::Start(Tag::BlockQuote(_)) => self.mark = Mark::Notice,
            Event::End(TagEnd::Strong | TagEnd::Emphasis | TagEnd::Link | TagEnd::BlockQuote(_)) => {
                self.mark = Mark::Plain;
            }
            Event::Text(text) => self.text(&text)?,
            Event::Code(text) => self.run.push(Inline::Code(text.to_string())),
            Event::SoftBreak => self.run.push(Inline::Text(" ".to_owned())),
            Event::Rule => self.blocks.push(Block::Break),
            other => return Err(TemplateError::Markdown(format!("{other:?}"))),
        }
        Ok(())
    }

    fn heading(&mut self) {
        let run = std::mem::take(&mut self.run);
        if let Some(Block::Heading { text, .. }) = self.blocks.last_mut() {
            *text = run.into_iter().map(words).collect();
        }
    }

    fn paragraph(&mut self) -> Result<(), TemplateError> {
        if self.list.is_some() {
            return Ok(());
        }
        let run = std::mem::take(&mut self.run);
        if let [Inline::Text(text)] = &run[..]
            && let Some(name) = text.strip_prefix(BLOCKS)
        {
            let Some(Slot::Blocks(blocks)) = self.slots.get(name) else {
                return Err(TemplateError::Place(name.to_owned()));
            };
            self.blocks.extend(blocks.iter().cloned());
            return Ok(());
        }
        let block = if self.mark == Mark::Notice { Block::Notice(run) } else { Block::Paragraph(run) };
        self.blocks.push(block);
        Ok(())
    }

    /// Text of the template, with its slots.
    fn text(&mut self, text: &str) -> Result<(), TemplateError> {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| TemplateError::Place(after.to_owned()))?;
            self.push(before);
            self.used.insert(name.to_owned());
            match self.slots.get(name) {
                None => return Err(TemplateError::Empty(name.to_owned())),
                Some(Slot::Text(value)) => self.push(value),
                Some(Slot::Blocks(_)) if before.is_empty() && after.is_empty() && self.run.is_empty() => {
                    self.run.push(Inline::Text(format!("{BLOCKS}{name}")));
                }
                Some(Slot::Blocks(_)) => return Err(TemplateError::Place(name.to_owned())),
            }
            rest = after;
        }
        self.push(rest);
        Ok(())
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = text.to_owned();
        let inline = match &self.mark {
            Mark::Plain | Mark::Notice => Inline::Text(text),
            Mark::Strong => Inline::Strong(text),
            Mark::Emphasis => Inline::Emphasis(text),
            Mark::Link(to) => Inline::Anchor(to.trim_start_matches('#').to_owned(), text),
        };
        self.run.push(inline);
    }
}

/// Stands before the name of a slot that takes blocks, until its paragraph has ended. No text of ours holds it.
const BLOCKS: &str = "\u{1}";

const fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => 3,
    }
}

/// The words of a run, without how they are set.
fn words(inline: Inline) -> String {
    match inline {
        Inline::Text(text)
        | Inline::Strong(text)
        | Inline::Emphasis(text)
        | Inline::Code(text)
        | Inline::Toned(_, text)
        | Inline::Anchor(_, text) => text,
        Inline::Field(field) => field.label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, slots: &[(&'static str, Slot)]) -> Result<Vec<Block>, TemplateError> {
        fill(template, &slots.iter().cloned().collect())
    }

    fn text(text: &str) -> Slot {
        Slot::Text(text.to_owned())
    }

    #[test]
    fn what_is_put_in_is_never_markdown() {
        let hostile = "# **x** [y](http://z) {other} <b>\u{1}blocks";
        let blocks = filled("# {name} {#top}\n\nA *b* {name} `c`.\n", &[("name", text(hostile))]).unwrap();
        let [Block::Heading { level: 1, text: head, anchor }, Block::Paragraph(run)] = &blocks[..] else {
            panic!("{blocks:?}")
        };
        assert_eq!((head.as_str(), anchor.as_str()), (hostile, "top"));
        assert!(
            run.contains(&Inline::Text(hostile.to_owned())) && run.contains(&Inline::Emphasis("b".into()))
        );
        let whole = filled("{name}\n", &[("name", text("\u{1}name"))]);
        assert!(matches!(whole, Err(TemplateError::Place(_))), "{whole:?}");
    }

    #[test]
    fn slots_are_all_filled_and_all_there() {
        let blocks = || Slot::Blocks(vec![Block::Break]);
        assert_eq!(filled("a\n\n{x}\n", &[("x", blocks())]).unwrap().len(), 2);
        assert_eq!(filled("{x}\n", &[]), Err(TemplateError::Empty("x".into())));
        assert_eq!(filled("a\n", &[("x", blocks())]), Err(TemplateError::NoSlot("x".into())));
        assert_eq!(filled("a {x}\n", &[("x", blocks())]), Err(TemplateError::Place("x".into())));
        assert_eq!(filled("{x\n", &[]), Err(TemplateError::Place("x".into())));
        assert!(matches!(filled("| a |\n\n<b>\n", &[]), Err(TemplateError::Markdown(_))));
    }

    #[test]
    fn notices_lists_and_pages_are_what_they_are() {
        let blocks = filled("> seen\n\n1. one\n2. two\n\n---\n", &[]).unwrap();
        let list = Block::List(vec![vec![Inline::Text("one".into())], vec![Inline::Text("two".into())]]);
        assert_eq!(blocks, [Block::Notice(vec![Inline::Text("seen".into())]), list, Block::Break]);
    }
}
