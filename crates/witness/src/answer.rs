//! What an answer looks like on the wire.

use tlog::note::NoteSignature;

use crate::judge::Refusal;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Prose for whoever reads the refusal.
const TEXT: &str = "text/plain; charset=utf-8";
/// The size of the newest cosigned head, and nothing else.
const SIZE: &str = "text/x.tlog.size";

impl Answer {
    /// The cosignature: one signature line.
    pub fn cosigned(line: &NoteSignature) -> Self {
        Self { status: 200, content_type: TEXT, body: format!("{line}\n") }
    }

    /// A body that is no `add-checkpoint` request.
    pub fn malformed(why: &dyn std::fmt::Display) -> Self {
        Self { status: 400, content_type: TEXT, body: format!("not an add-checkpoint request: {why}\n") }
    }

    /// A refusal with the status that the specification gives it.
    pub fn refused(why: &Refusal) -> Self {
        let status = match why {
            Refusal::UnknownLog => 404,
            Refusal::NotSigned => 403,
            Refusal::NotACheckpoint(_) | Refusal::OldBeyond { .. } => 400,
            Refusal::Elsewhere { cosigned } | Refusal::OtherRoot { cosigned } => {
                return Self { status: 409, content_type: SIZE, body: format!("{cosigned}\n") };
            }
            Refusal::Inconsistent(_) | Refusal::ProofFromNothing => 422,
        };
        Self { status, content_type: TEXT, body: format!("{why}\n") }
    }
}
