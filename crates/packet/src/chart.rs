//! Charts, as SVG: the score over twelve months, the time that repairs took, and codes for cameras. Their numbers stand in tables beside them.

use std::fmt::Write as _;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

use crate::document::Picture;

/// Width and height in which charts are drawn.
const WIDTH: usize = 640;
const HEIGHT: usize = 150;
/// Room for the words at the left and below.
const LEFT: usize = 40;
const BELOW: usize = 22;
const TOP: usize = 14;
/// Light modules around a code (ISO/IEC 18004, section 5.3.8).
const QUIET: usize = 4;

const INK: &str = "#333333";
const FAINT: &str = "#cccccc";

/// A line over months, out of a thousand each. What is not known is a gap in it, never a nought.
pub(crate) fn line(alt: String, colour: &str, points: &[(String, Option<u32>)]) -> Picture {
    let step = (WIDTH - LEFT) / points.len().max(1);
    let x = |place: usize| LEFT + step * place + step / 2;
    let floor = HEIGHT - BELOW;
    let y = |permille: u32| floor - (floor - TOP) * usize::try_from(permille.min(1000)).unwrap_or(0) / 1000;
    let mut body = String::new();
    for (permille, label) in [(0, "0 %"), (500, "50 %"), (1000, "100 %")] {
        let y = y(permille);
        let _ = write!(body, r#"<path d="M{LEFT} {y}H{WIDTH}" stroke="{FAINT}"/>"#);
        body.push_str(&word(LEFT - 6, y + 4, "end", label));
    }
    let (mut path, mut pen_down) = (String::new(), false);
    for (place, (label, value)) in points.iter().enumerate() {
        body.push_str(&word(x(place), HEIGHT - 6, "middle", label));
        match value {
            Some(value) => {
                let (x, y) = (x(place), y(*value));
                let _ = write!(path, "{}{x} {y}", if pen_down { "L" } else { "M" });
                let _ = write!(body, r#"<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>"#);
                pen_down = true;
            }
            None => {
                body.push_str(&word(x(place), floor - 4, "middle", "–"));
                pen_down = false;
            }
        }
    }
    let _ = write!(body, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>"#);
    Picture { svg: svg(WIDTH, HEIGHT, &body), alt }
}

/// Bars, each with its number above it and its label below.
pub(crate) fn bars(alt: String, colour: &str, bars: &[(String, u32)]) -> Picture {
    let step = (WIDTH - LEFT) / bars.len().max(1);
    let floor = HEIGHT - BELOW;
    let highest = bars.iter().map(|(_, many)| *many).max().unwrap_or(0).max(1);
    let mut body = format!(r#"<path d="M{LEFT} {floor}H{WIDTH}" stroke="{INK}"/>"#);
    for (place, (label, many)) in bars.iter().enumerate() {
        let tall =
            (floor - TOP - 14) * usize::try_from(*many).unwrap_or(0) / usize::try_from(highest).unwrap_or(1);
        let (x, y) = (LEFT + step * place + step / 6, floor - tall);
        let wide = step - step / 3;
        let _ = write!(body, r#"<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="{colour}"/>"#);
        body.push_str(&word(x + wide / 2, y - 4, "middle", &many.to_string()));
        body.push_str(&word(x + wide / 2, HEIGHT - 6, "middle", label));
    }
    Picture { svg: svg(WIDTH, HEIGHT, &body), alt }
}

/// A QR code of `text`, with the light border that readers need.
pub(crate) fn qr(text: &str, alt: String) -> Result<Picture, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let (width, mut path) = (code.width(), String::new());
    for (at, colour) in code.to_colors().into_iter().enumerate() {
        if colour == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    let side = width + 2 * QUIET;
    Ok(Picture { svg: svg(side, side, &format!(r#"<path d="{path}"/>"#)), alt })
}

fn svg(width: usize, height: usize, body: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{body}</svg>"#
    )
}

/// Words of ours: months, numbers, lengths of time. They hold no mark of XML, and what they might hold is left out.
fn word(x: usize, y: usize, anchor: &str, text: &str) -> String {
    let text: String = text.chars().filter(|c| !"<>&\"".contains(*c)).collect();
    format!(
        r#"<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="Noto Sans, sans-serif" font-size="11" fill="{INK}">{text}</text>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_gap() {
        let points =
            [("Jan".to_owned(), Some(900)), ("Feb".to_owned(), None), ("Mar".to_owned(), Some(1000))];
        let svg = line("alt".into(), "#123456", &points).svg;
        // Two points and no line between them.
        assert_eq!((svg.matches("<circle").count(), svg.matches('L').count()), (2, 0), "{svg}");
        assert!(svg.contains("–"));
    }

    #[test]
    fn a_bar_is_as_tall_as_its_number_says() {
        let svg = bars("alt".into(), "#123456", &[("a".into(), 4), ("b".into(), 2), ("c".into(), 0)]).svg;
        let heights: Vec<usize> = svg
            .split("<rect ")
            .skip(1)
            .map(|rect| rect.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!((heights[0], heights[2]), (heights[1] * 2, 0), "{heights:?}");
    }
}
