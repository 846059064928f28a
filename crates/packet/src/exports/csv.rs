//! Incidents as CSV (RFC 4180), for spreadsheets.

use std::fmt::Write as _;

use crate::claim::Cite;
use crate::incidents::EndedBy;
use crate::packet::Packet;

/// One line for each incident, below a line of names. Times are UTC.
pub fn incidents_csv(packet: &Packet) -> String {
    let mut text = String::from(
        "host,control,title,severity,detected,observed,ended,ended_by,after_ms,repairs,first_record,last_record\r\n",
    );
    for incident in &packet.incidents {
        let (ended, by, after) = match &incident.over {
            Some(over) => (
                over.at.time.to_string(),
                word(&over.by).to_owned(),
                over.after_ms.map_or(String::new(), |ms| ms.to_string()),
            ),
            None => (String::new(), String::new(), String::new()),
        };
        let repairs: Vec<&str> = incident.repairs.iter().map(contract::ids::OrderId::as_str).collect();
        let records: Vec<Cite> = incident.cites();
        let last = records.last().map_or(incident.detected.seq, |cite| cite.last);
        let cells = [
            incident.host.to_string(),
            incident.control.to_string(),
            incident.title.clone(),
            incident.severity.map_or(String::new(), |severity| severity.word().to_owned()),
            incident.detected.time.to_string(),
            incident.observed.to_string(),
            ended,
            by,
            after,
            repairs.join(" "),
            incident.detected.seq.to_string(),
            last.to_string(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        // Writing into a string does not fail.
        let _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

const fn word(by: &EndedBy) -> &'static str {
    match by {
        EndedBy::Repair(_) => "repair",
        EndedBy::Another => "another",
        EndedBy::Exception => "exception",
    }
}

/// Quoted, and never a formula: a spreadsheet would run what begins like one.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<i64>().is_err();
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("-7"), "\"-7\"");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
