//! The container: the strict subset of zip of `docs/evidence-format.md` §8, written in one pass (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16).
//!
//! Everything that zip leaves open has one value here, so that the same files always make the same bytes and no two readers see two things.
//! One file is held in memory at a time; of the ones before it, name, length and CRC.

use std::io::{self, Write};

/// The largest kit, in bytes: what 32-bit offsets reach.
pub const KIT_BYTES_MAX: u64 = u32::MAX as u64;
/// The most files: one fewer than the number that marks a zip64 archive, so that no reader looks for one.
pub const FILES_MAX: usize = u16::MAX as usize - 1;
/// The largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const END_SIGNATURE: u32 = 0x0605_4b50;
const LOCAL_BYTES: u64 = 30;
const CENTRAL_BYTES: u64 = 46;
const END_BYTES: u64 = 22;
/// Made on FAT by version 2.0.
const MADE_BY: u16 = 0x0014;
/// 1.0: stored files.
const NEEDED: u16 = 10;
/// 1980-01-01, the first day that the format can write; the time is 0.
const DATE: u16 = 0x0021;

/// Why a file cannot be put into a kit.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The kit would not fit.
    #[error(
        "the kit would be larger than 4 GiB or hold more than {FILES_MAX} files: ask for two shorter periods instead of this one"
    )]
    TooLarge,
    /// One file would not fit.
    #[error("{name} has {bytes} bytes; a file of a kit has at most {FILE_BYTES_MAX}")]
    FileTooLarge {
        /// Its name.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// A name that no kit may hold, or one that does not follow the name before it.
    #[error("{name:?} cannot be the name of a kit's next file")]
    Name {
        /// The name.
        name: String,
    },
    /// The kit cannot be written.
    #[error("the kit cannot be written")]
    Write(#[source] io::Error),
}

/// What the directory says of a file.
struct Listed {
    name: String,
    crc: u32,
    length: u32,
    offset: u32,
}

/// A kit being written.
pub(super) struct Zip<W> {
    out: W,
    offset: u64,
    central: u64,
    files: Vec<Listed>,
}

impl<W: Write> Zip<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, offset: 0, central: 0, files: Vec::new() }
    }

    /// Adds a file. Names ascend.
    pub(super) fn add(&mut self, name: &str, data: &[u8]) -> Result<(), ZipError> {
        let follows = self.files.last().is_none_or(|last| last.name.as_str() < name);
        if !follows || !is_name(name) {
            return Err(ZipError::Name { name: name.to_owned() });
        }
        if data.len() > FILE_BYTES_MAX {
            return Err(ZipError::FileTooLarge { name: name.to_owned(), bytes: data.len() });
        }
        let named = name.len() as u64;
        let after = self.offset + LOCAL_BYTES + named + data.len() as u64;
        let central = self.central + CENTRAL_BYTES + named;
        if after + central + END_BYTES > KIT_BYTES_MAX || self.files.len() == FILES_MAX {
            return Err(ZipError::TooLarge);
        }
        let (Ok(length), Ok(offset)) = (u32::try_from(data.len()), u32::try_from(self.offset)) else {
            return Err(ZipError::TooLarge);
        };
        let file = Listed { name: name.to_owned(), crc: crc32fast::hash(data), length, offset };
        let mut header = LOCAL_SIGNATURE.to_le_bytes().to_vec();
        file.facts(&mut header);
        header.extend_from_slice(file.name.as_bytes());
        self.out.write_all(&header).and_then(|()| self.out.write_all(data)).map_err(ZipError::Write)?;
        (self.offset, self.central) = (after, central);
        self.files.push(file);
        Ok(())
    }

    /// Writes the directory, and returns the kit's length in bytes.
    pub(super) fn finish(mut self) -> Result<u64, ZipError> {
        let (Ok(files), Ok(central), Ok(offset)) =
            (u16::try_from(self.files.len()), u32::try_from(self.central), u32::try_from(self.offset))
        else {
            return Err(ZipError::TooLarge);
        };
        for file in &self.files {
            self.out.write_all(&file.central_header()).map_err(ZipError::Write)?;
        }
        let mut end = END_SIGNATURE.to_le_bytes().to_vec();
        end.extend([0; 4]);
        end.extend([files.to_le_bytes(), files.to_le_bytes()].concat());
        end.extend([central.to_le_bytes(), offset.to_le_bytes()].concat());
        end.extend([0; 2]);
        self.out.write_all(&end).and_then(|()| self.out.flush()).map_err(ZipError::Write)?;
        Ok(self.offset + self.central + END_BYTES)
    }
}

impl Listed {
    /// The fields that both headers share, from the version needed on.
    fn facts(&self, header: &mut Vec<u8>) {
        // Flags, method and time are 0; stored, so both lengths are the same; there is no extra field.
        for field in [NEEDED, 0, 0, 0, DATE] {
            header.extend(field.to_le_bytes());
        }
        for field in [self.crc, self.length, self.length] {
            header.extend(field.to_le_bytes());
        }
        let named = u16::try_from(self.name.len()).unwrap_or(u16::MAX);
        header.extend([named.to_le_bytes(), [0; 2]].concat());
    }

    fn central_header(&self) -> Vec<u8> {
        let mut header = CENTRAL_SIGNATURE.to_le_bytes().to_vec();
        header.extend(MADE_BY.to_le_bytes());
        self.facts(&mut header);
        // Comment length, disk, internal and external attributes: none, the first, none, none.
        header.extend([0; 10]);
        header.extend(self.offset.to_le_bytes());
        header.extend_from_slice(self.name.as_bytes());
        header
    }
}

/// Whether a kit may hold a file of this name.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> Result<Vec<u8>, ZipError> {
        let mut bytes = Vec::new();
        let mut zip = Zip::new(&mut bytes);
        for (name, data) in files {
            zip.add(name, data)?;
        }
        let length = zip.finish()?;
        assert_eq!(length, bytes.len() as u64);
        Ok(bytes)
    }

    #[test]
    fn one_file_makes_these_bytes() {
        let bytes = zipped(&[("a/b", b"123456789")]).unwrap();
        let facts = "0a00000000000000 2100 2639f4cb 09000000 09000000 0300 0000";
        let expected = format!(
            "504b0304 {facts} 612f62 313233343536373839 504b0102 1400 {facts} 00000000000000000000 00000000 612f62
             504b0506 00000000 0100 0100 31000000 2a000000 0000"
        );
        let expected: String = expected.split_whitespace().collect();
        assert_eq!(contract::digest::hex(&bytes), expected);
    }

    #[test]
    fn names_ascend_and_stay_inside() {
        for bad in ["", "/a", "a/", "a//b", "./a", "a/..", "a\\b", "ä", "a b", &"a".repeat(201)] {
            assert!(matches!(zipped(&[(bad, b"")]), Err(ZipError::Name { .. })), "{bad:?} was taken");
        }
        for pair in [["a", "a"], ["b", "a"], ["a/b", "a.b"]] {
            let refused = zipped(&[(pair[0], b""), (pair[1], b"")]);
            assert!(matches!(refused, Err(ZipError::Name { .. })), "{pair:?} was taken");
        }
        assert!(zipped(&[("a.b", b""), ("a/b", b"")]).is_ok());
    }

    #[test]
    fn what_32_bits_cannot_hold_is_refused_with_advice() {
        let mut zip = Zip::new(io::sink());
        let block = vec![0; FILE_BYTES_MAX];
        let refusal = (0..100).find_map(|i| zip.add(&format!("f{i:03}"), &block).err()).unwrap();
        assert!(matches!(refusal, ZipError::TooLarge));
        assert!(refusal.to_string().contains("two shorter periods"));
        assert_eq!(zip.files.len(), 63);
        assert!(zip.finish().unwrap() <= KIT_BYTES_MAX);
        let mut many = Zip::new(io::sink());
        for i in 0..FILES_MAX {
            many.add(&format!("{i:05}"), b"").unwrap();
        }
        assert!(matches!(many.add("x", b""), Err(ZipError::TooLarge)));
        assert!(matches!(
            zipped(&[("a", &vec![0; FILE_BYTES_MAX + 1])]),
            Err(ZipError::FileTooLarge { bytes, .. }) if bytes == FILE_BYTES_MAX + 1
        ));
    }
}
