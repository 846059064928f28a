//! An incremental update (ISO 32000-1, 7.5.6): objects anew and added, a table of where they are, and the trailer again.

use std::io::Write as _;

use hayro_syntax::object::{MaybeRef, Object, ObjectIdentifier};
use pdf_writer::{Chunk, Name, Obj, Ref, Settings, Str};

use super::FormError;

/// What is appended to a file.
pub(super) struct Update {
    /// Where objects are written, each after [`Update::again`] or [`Update::added`] gave its number.
    pub(super) chunk: Chunk,
    /// Where what is appended begins in the file.
    base: usize,
    /// Each object, and where it begins in what is appended.
    written: Vec<(Ref, usize)>,
    trailer: Trailer,
}

/// A file's trailer, as the typesetter writes it.
struct Trailer {
    /// The number after the last object's.
    size: i32,
    /// All else that it holds.
    rest: Vec<u8>,
    /// Where the table of its objects is.
    table: usize,
}

impl Trailer {
    /// The last one of a file: `trailer`, `<</Size 234…>>`, `startxref`, `97819`, a line each.
    fn of(file: &[u8]) -> Option<Self> {
        const HEAD: &[u8] = b"trailer\n<</Size ";
        let at = file.windows(HEAD.len()).rposition(|window| window == HEAD)?;
        let tail = std::str::from_utf8(file.get(at + HEAD.len()..)?).ok()?;
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        let (size, tail) = tail.split_at_checked(digits)?;
        let (rest, tail) = tail.split_once(">>\nstartxref\n")?;
        let (table, _) = tail.split_once('\n')?;
        Some(Self { size: size.parse().ok()?, rest: rest.as_bytes().to_vec(), table: table.parse().ok()? })
    }
}

impl Update {
    pub(super) fn of(file: &[u8]) -> Result<Self, FormError> {
        let trailer =
            Trailer::of(file).ok_or(FormError::Unread("its trailer is not as this typesetter writes it"))?;
        Ok(Self {
            chunk: Chunk::with_settings(Settings { pretty: false }),
            base: file.len() + 1,
            written: Vec::new(),
            trailer,
        })
    }

    /// The number of an object that is written next in place of one that there is.
    pub(super) fn again(&mut self, id: ObjectIdentifier) -> Ref {
        self.next(Ref::new(id.obj_number))
    }

    /// The number of an object that is written next beside those that there are.
    pub(super) fn added(&mut self) -> Ref {
        let id = Ref::new(self.trailer.size);
        self.trailer.size += 1;
        self.next(id)
    }

    fn next(&mut self, id: Ref) -> Ref {
        self.written.push((id, self.chunk.len()));
        id
    }

    /// What is to be appended to the file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        // The mark of the end of a file stands on a line of its own.
        let mut appended = vec![b'\n'];
        appended.extend_from_slice(self.chunk.as_bytes());
        let table = self.base - 1 + appended.len();
        appended.extend_from_slice(b"xref\n");
        self.written.sort_unstable();
        for run in self.written.chunk_by(|(one, _), (next, _)| one.get() + 1 == next.get()) {
            // Writing into a vector does not fail.
            let _ = writeln!(appended, "{} {}", run[0].0.get(), run.len());
            for (_, at) in run {
                let _ = write!(appended, "{:010} 00000 n\r\n", self.base + at);
            }
        }
        let Trailer { size, rest, table: before } = self.trailer;
        let _ = write!(appended, "trailer\n<</Size {size}");
        appended.extend_from_slice(&rest);
        let _ = write!(appended, "/Prev {before}>>\nstartxref\n{table}\n%%EOF");
        appended
    }
}

/// Writes a value as it was read.
pub(super) fn copy(to: Obj<'_>, value: &MaybeRef<Object<'_>>) {
    let value = match value {
        MaybeRef::Ref(id) => return to.primitive(Ref::new(ObjectIdentifier::from(*id).obj_number)),
        MaybeRef::NotRef(value) => value,
    };
    match value {
        Object::Boolean(value) => to.primitive(*value),
        Object::Number(value) => match i32::try_from(value.as_i64()) {
            Ok(whole) if value.as_f64().fract().abs() < f64::EPSILON => to.primitive(whole),
            Ok(_) | Err(_) => to.primitive(value.as_f32()),
        },
        Object::String(value) => to.primitive(Str(value.as_bytes())),
        Object::Name(value) => to.primitive(Name(value.as_ref())),
        Object::Array(value) => {
            let mut array = to.array();
            value.raw_iter().for_each(|item| copy(array.push(), &item));
        }
        Object::Dict(value) => {
            let mut dict = to.dict();
            value.entries().for_each(|(key, item)| copy(dict.insert(Name(key.as_ref())), &item));
        }
        // A stream is an object of its own, never a value within one (ISO 32000-1, 7.3.8).
        Object::Null(_) | Object::Stream(_) => to.primitive(pdf_writer::Null),
    }
}
