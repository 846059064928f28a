//! What is written down of a month.

use packet::sample::Scene;
use packet::{Block, Claim, Document, Inline, Packet, document, html};

/// Everything that a document says.
fn said(document: &Document) -> String {
    let run = |run: &[Inline]| -> String {
        run.iter()
            .map(|inline| match inline {
                Inline::Text(t)
                | Inline::Strong(t)
                | Inline::Emphasis(t)
                | Inline::Code(t)
                | Inline::Toned(_, t)
                | Inline::Anchor(_, t) => t.as_str(),
            })
            .collect()
    };
    let mut lines = vec![document.title.clone(), document.subject.clone(), document.foot.clone()];
    for block in &document.blocks {
        match block {
            Block::Heading { text, .. } | Block::Verbatim(text) => lines.push(text.clone()),
            Block::Paragraph(inlines) | Block::Notice(inlines) => lines.push(run(inlines)),
            Block::List(items) => lines.extend(items.iter().map(|item| run(item))),
            Block::Figures(figures) => {
                lines.extend(figures.iter().map(|f| format!("{} {} {}", f.value, f.label, f.note)));
            }
            Block::Table(table) => {
                lines.push(table.caption.clone());
                lines.extend(table.columns.iter().map(|column| column.head.clone()));
                lines.extend(
                    table
                        .rows
                        .iter()
                        .map(|row| row.iter().map(|cell| run(cell)).collect::<Vec<_>>().join(" | ")),
                );
            }
            Block::Pairs(pairs) => {
                lines.extend(pairs.iter().map(|(name, value)| format!("{name}: {}", run(value))))
            }
            Block::Chart(picture) => lines.push(picture.alt.clone()),
            Block::Square(picture, words) => lines.extend([picture.alt.clone(), run(words)]),
            Block::Lines(labels) => lines.extend(labels.clone()),
            Block::Break => {}
        }
    }
    lines.join("\n")
}

#[test]
fn a_packet_is_the_same_when_it_was_written_and_read() {
    let packet = Scene::default().packet();
    let json = packet.to_json().unwrap();
    assert_eq!(serde_json::from_slice::<Packet>(&json).unwrap(), packet);
    assert_eq!(json, Scene::default().packet().to_json().unwrap());
    std::fs::write("/tmp/packet.json", &json).unwrap();
    let doc = document(&packet, &Scene::brand()).unwrap();
    std::fs::write("/tmp/packet.txt", said(&doc)).unwrap();
    std::fs::write("/tmp/packet.html", html(&doc)).unwrap();
    let sheet = packet::Sheet { document: doc, paper: packet::Paper::Letter, attached: vec![] };
    std::fs::write("/tmp/sheet.json", serde_json::to_vec(&sheet).unwrap()).unwrap();
    assert!(matches!(packet.summary.fixed, Claim::Measured { .. }));
}
