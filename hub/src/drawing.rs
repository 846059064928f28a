//! QR codes, as SVG: one path of dark squares, with the quiet zone around it that readers need.

use std::fmt::Write as _;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004, section 5.3.8).
const QUIET: usize = 4;

/// The code's picture.
pub(crate) fn qr(text: &str) -> Result<String, QrError> {
    let (path, side) = qr_path(text)?;
    Ok(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><path d="{path}"/></svg>"#
    ))
}

/// The path of the dark squares, and the side of the square that it stands in.
pub(crate) fn qr_path(text: &str) -> Result<(String, usize), QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let width = code.width();
    let mut path = String::new();
    for (at, colour) in code.to_colors().into_iter().enumerate() {
        if colour == Color::Dark {
            // Writing into a string does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    Ok((path, width + 2 * QUIET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finder_pattern_stands_where_readers_look_for_it() {
        let (path, side) = qr_path("otpauth://totp/Suture:ada?secret=A&issuer=Suture").unwrap();
        assert!(side > 29 && (side - 2 * QUIET - 17).is_multiple_of(4), "{side}");
        let dark = |x: usize, y: usize| path.contains(&format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
        assert!((0..7).all(|x| dark(x, 0) && dark(0, x) && dark(x, 6)) && dark(3, 3) && !dark(1, 1));
        assert!((0..8).all(|x| !dark(x, 7)), "the pattern is not set off");
        assert!(qr(&"a".repeat(4000)).is_err());
    }
}
