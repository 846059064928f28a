//! The three headers of the container, byte by byte. A kit has one way to write each field that says nothing.
//!
//! Numbers are little-endian, as in every zip file (APPNOTE.TXT §4.3).

/// Bytes of a file's entry in the directory, without its name.
pub(super) const CENTRAL: usize = 46;
/// Bytes of a file's own header, without its name.
pub(super) const LOCAL: usize = 30;
/// Bytes of the end record.
pub(super) const END: usize = 22;

/// Version needed, flags, method, time and date: the same for every file of every kit.
const FIXED: [u8; 10] = [10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];

/// What the directory says of a file.
pub(super) struct Central {
    pub(super) crc: u32,
    pub(super) length: u32,
    pub(super) name: u16,
    pub(super) start: u32,
}

impl Central {
    /// None where any other field is not what it always is.
    pub(super) fn read(bytes: &[u8; CENTRAL]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.fixed(b"PK\x01\x02")?;
        fields.fixed(&[20, 0])?;
        fields.fixed(&FIXED)?;
        let (crc, length) = (fields.u32()?, fields.u32()?);
        let uncompressed = fields.u32()?;
        let name = fields.u16()?;
        // Extra field, comment, disk and attributes.
        fields.fixed(&[0; 12])?;
        let start = fields.u32()?;
        (length == uncompressed).then_some(Self { crc, length, name, start })
    }
}

/// The header that stands before a file of which the directory says this.
pub(super) fn local(central: &Central, name: &[u8]) -> Vec<u8> {
    let length = central.length.to_le_bytes();
    let crc = central.crc.to_le_bytes();
    let sizes = [central.name.to_le_bytes(), [0; 2]].concat();
    [b"PK\x03\x04".as_slice(), &FIXED, &crc, &length, &length, &sizes, name].concat()
}

/// The end record.
pub(super) struct End {
    pub(super) files: u16,
    pub(super) directory_length: u32,
    pub(super) directory_start: u32,
}

impl End {
    /// None where any other field is not what it always is.
    pub(super) fn read(bytes: &[u8; END]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.fixed(b"PK\x05\x06\0\0\0\0")?;
        let (files, total) = (fields.u16()?, fields.u16()?);
        let (directory_length, directory_start) = (fields.u32()?, fields.u32()?);
        fields.fixed(&[0; 2])?;
        (files == total).then_some(Self { files, directory_length, directory_start })
    }
}

/// What is left of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn fixed(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*bytes))
    }
}
