//! A record's proof, and its check in the browser with a key from elsewhere: the same for a machine's log and for the hub's own.

use maud::{Markup, html};

use super::parts::told;

/// What is proven, and by whom.
pub(super) struct Proven<'a> {
    pub(super) index: u64,
    pub(super) size: u64,
    /// Who signed the head: `the machine signed and this hub cosigned`.
    pub(super) signers: &'static str,
    /// The C2SP tlog-proof.
    pub(super) proof: &'a str,
    /// The record's exact bytes.
    pub(super) entry: &'a str,
    /// Where the proof is fetched as a file, and the file's name.
    pub(super) file: String,
    pub(super) name: String,
    /// What the key is called that is asked for, and where it is found.
    pub(super) label: &'static str,
    pub(super) hint: Markup,
    /// What is to be said of the key that this hub has.
    pub(super) held: Markup,
}

impl Proven<'_> {
    /// The part of a record's page.
    pub(super) fn section(&self) -> Markup {
        html! {
            section {
                h2 { "Proof" }
                p { "That this record stands at index " (self.index) " of the " (self.size) " records under the newest head that " (self.signers) ". A proof says that a record was not changed since, and where it stands; not that what it says is true." }
                pre #proof tabindex="0" aria-label="The proof" { (self.proof) }
                p { a href=(self.file) download=(self.name) { "Save the proof" } " · " button .quiet.small type="button" data-copy="entry" { "Copy the entry" } }
                details { summary { "The entry, byte by byte" } pre #entry tabindex="0" aria-label="The entry" { (self.entry) } }
                (self.check())
            }
        }
    }

    fn check(&self) -> Markup {
        html! {
            form #check data-checks {
                (told())
                div .field {
                    label for="check-key" { (self.label) }
                    input id="check-key" type="text" autocomplete="off" spellcheck="false" required aria-describedby="check-key-hint";
                    p .hint id="check-key-hint" { (self.hint) }
                }
                div .buttons { button type="submit" { "Check it in this browser" } }
                p .muted { (self.held) }
            }
        }
    }
}
