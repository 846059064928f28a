//! The kit's container, taken apart and put together again, also wrongly.
//!
//! Independent of the writer and of both readers: what is tampered with must not be made by the code under test.

/// What a member's headers say. An honest one says what is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: Vec<u8>,
    /// 0: stored.
    pub method: u16,
    /// General purpose flags.
    pub flags: u16,
    /// CRC-32 of the data.
    pub crc: u32,
    /// Size of the data as it lies there.
    pub stored_bytes: u32,
    /// Size of the data when unpacked.
    pub bytes: u32,
    /// The extra field.
    pub extra: Vec<u8>,
}

/// One file of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As the local header has it.
    pub local: Header,
    /// As the central directory has it.
    pub central: Header,
    /// The bytes.
    pub data: Vec<u8>,
    /// Where the central directory says that the local header stands, where that is not true.
    pub offset: Option<u32>,
}

impl Member {
    /// An honest file.
    pub fn new(name: &str, data: Vec<u8>) -> Self {
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let (crc, name) = (crc32(&data), name.as_bytes().to_vec());
        let header = Header { name, method: 0, flags: 0, crc, stored_bytes: bytes, bytes, extra: Vec::new() };
        Self { local: header.clone(), central: header, data, offset: None }
    }

    /// Its name, as text.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.central.name).into_owned()
    }
}

/// A container: members in their order, and what surrounds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Bytes before the first local header.
    pub prefix: Vec<u8>,
    /// The files.
    pub members: Vec<Member>,
    /// The comment of the end record.
    pub comment: Vec<u8>,
    /// Bytes after the end record.
    pub suffix: Vec<u8>,
}

impl Container {
    /// Takes an honest container apart.
    ///
    /// # Panics
    /// Where it is not what the writer of kits writes.
    pub fn read(zip: &[u8]) -> Self {
        let mut members = Vec::new();
        let mut rest = zip;
        while let Some(header) = rest.strip_prefix(b"PK\x03\x04") {
            let size = u32::from_le_bytes([header[14], header[15], header[16], header[17]]) as usize;
            let name = usize::from(u16::from_le_bytes([header[22], header[23]]));
            assert_eq!(&header[24..26], [0, 0], "an honest kit has no extra fields");
            let name_text = std::str::from_utf8(&header[26..26 + name]).expect("names are ASCII");
            let data = &header[26 + name..26 + name + size];
            members.push(Member::new(name_text, data.to_vec()));
            rest = &header[26 + name + size..];
        }
        let container = Self { members, ..Self::default() };
        assert!(container.write() == zip, "an honest kit is written in no other way");
        container
    }

    /// Puts it together.
    pub fn write(&self) -> Vec<u8> {
        let mut zip = self.prefix.clone();
        let mut directory = Vec::new();
        for Member { local, central, data, offset } in &self.members {
            let at = offset.unwrap_or(u32::try_from(zip.len()).unwrap_or(u32::MAX));
            zip.extend_from_slice(b"PK\x03\x04");
            zip.extend_from_slice(&10u16.to_le_bytes());
            zip.extend(shared(local));
            zip.extend_from_slice(&local.name);
            zip.extend_from_slice(&local.extra);
            zip.extend_from_slice(data);
            directory.extend_from_slice(b"PK\x01\x02");
            directory.extend_from_slice(&0x0014u16.to_le_bytes());
            directory.extend_from_slice(&10u16.to_le_bytes());
            directory.extend(shared(central));
            // No comment, disk 0, attributes 0 and 0.
            directory.extend_from_slice(&[0; 10]);
            directory.extend_from_slice(&at.to_le_bytes());
            directory.extend_from_slice(&central.name);
            directory.extend_from_slice(&central.extra);
        }
        let start = u32::try_from(zip.len()).unwrap_or(u32::MAX);
        let count = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        zip.extend_from_slice(&directory);
        zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        zip.extend_from_slice(&count.to_le_bytes());
        zip.extend_from_slice(&count.to_le_bytes());
        zip.extend_from_slice(&u32::try_from(directory.len()).unwrap_or(u32::MAX).to_le_bytes());
        zip.extend_from_slice(&start.to_le_bytes());
        zip.extend_from_slice(&u16::try_from(self.comment.len()).unwrap_or(u16::MAX).to_le_bytes());
        zip.extend_from_slice(&self.comment);
        zip.extend_from_slice(&self.suffix);
        zip
    }

    /// The bytes of a file.
    ///
    /// # Panics
    /// Where there is no such file: a case that alters nothing would be no case.
    pub fn get(&self, name: &str) -> &[u8] {
        &self.find(name).unwrap_or_else(|| panic!("{name} is not in the kit")).data
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Puts other bytes in a file's place, with honest headers; a new file goes where its name belongs.
    pub fn put(&mut self, name: &str, data: Vec<u8>) {
        self.members.retain(|member| member.name() != name);
        let at = self.members.partition_point(|member| member.central.name.as_slice() < name.as_bytes());
        self.members.insert(at, Member::new(name, data));
    }

    /// Takes a file out.
    ///
    /// # Panics
    /// Where there is no such file.
    pub fn remove(&mut self, name: &str) {
        assert!(self.has(name), "{name} is not in the kit");
        self.members.retain(|member| member.name() != name);
    }

    fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name() == name)
    }
}

/// What local and central header have in common, from the flags to the length of the extra field.
fn shared(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&header.flags.to_le_bytes());
    bytes.extend_from_slice(&header.method.to_le_bytes());
    // Time 0, date 1980-01-01.
    bytes.extend_from_slice(&[0, 0, 0x21, 0]);
    bytes.extend_from_slice(&header.crc.to_le_bytes());
    bytes.extend_from_slice(&header.stored_bytes.to_le_bytes());
    bytes.extend_from_slice(&header.bytes.to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(header.name.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(header.extra.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes
}

/// What each byte does to a checksum, bit by bit.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let (mut byte, mut value) = (0, 0);
    while byte < 256 {
        let mut crc: u32 = value;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
        value += 1;
    }
    table
};

/// CRC-32 as zip has it (ISO 3309), sharing nothing with the readers' code.
fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        crc = (crc >> 8) ^ CRC[usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
