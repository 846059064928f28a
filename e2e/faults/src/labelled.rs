//! The incidents that a real machine told of, each with the answer that the catalogue calls right: what planners are measured by.

use serde_json::json;

use crate::Result;
use crate::came::Came;
use crate::catalogue::Fault;

/// One line for each fault that was noticed, in the form of `planner/eval`: where the catalogue names no runbook, a person must look.
pub fn labelled<'a>(came: impl IntoIterator<Item = (&'a Fault, &'a Came)>) -> Result<String> {
    let mut lines = String::new();
    for (fault, one) in came {
        // Of several things at once nothing says which was first.
        let (Some(what), true) = (&one.what, fault.with.is_empty()) else { continue };
        let mut right = fault.refused.iter().chain(&fault.runbooks);
        let label = match right.next() {
            Some(first) => {
                json!({"right": first, "acceptable": right.collect::<Vec<_>>(), "must_escalate": false})
            }
            None => json!({"right": "escalate", "acceptable": [], "must_escalate": true}),
        };
        let line = json!({"id": format!("fault.{}", fault.id), "os": fault.os, "what": what, "label": label,
            "why": format!("A real machine: {}.", fault.says)});
        lines += &serde_json::to_string(&line).map_err(|e| e.to_string())?;
        lines.push('\n');
    }
    Ok(lines)
}
