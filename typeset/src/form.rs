//! Fields that are filled in on a screen, of which typst has none (its 0.15): the template leaves a link where one is to be, and an incremental update
//! (ISO 32000-1, 7.5.6) makes a field of each (12.7), in the tags as well (14.8.4.5). What typst wrote stays as it is, byte for byte.
//!
//! A field has an appearance of its own and the form asks no reader to make one (ISO 19005-3, 6.4.1); it has a name to be spoken (ISO 14289-1, 7.18.1).

mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, MaybeRef, Name, Object, ObjectIdentifier, Rect};
use packet::{Field, FieldKind};
use pdf_writer::types::{AnnotationFlags, CheckBoxState, FieldType};
use pdf_writer::{Finish as _, Ref, Str, TextStr};
use thiserror::Error;

use update::Update;

/// What a link leads to where a field is to be, before the field's name.
const PLACE: &str = "field:";
/// The letters of what is typed in: a font of every reader's, which no page uses and which is therefore not in the file.
const LETTERS: &[u8] = b"/Helv 9 Tf 0 g";
/// The same for a tick, where a reader draws its own: the cross of that font.
const SIGNS: &[u8] = b"/ZaDb 0 Tf 0 g";
const SIGN: &str = "8";
/// A tick, in a square of ten units that is scaled to the field.
const CROSS: &[u8] = b"q 1.3 w 1 J 2.2 2.2 m 7.8 7.8 l 2.2 7.8 m 7.8 2.2 l S Q";

/// What a tick's two looks are called (ISO 32000-1, 12.7.4.2.3).
const OFF: pdf_writer::Name<'_> = pdf_writer::Name(b"Off");
const ON: pdf_writer::Name<'_> = pdf_writer::Name(b"Yes");

/// Why a file has no form: our mistake, or a typesetter that writes in another way than the one that this was made for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FormError {
    /// The file cannot be read.
    #[error("the typesetter's file cannot be read again: {0}")]
    Unread(&'static str),
    /// A field has no place, or two.
    #[error("the field {name:?} has {places} places in the typesetter's file")]
    Places {
        /// The field.
        name: String,
        /// How many it has.
        places: usize,
    },
    /// There is a place, and no field.
    #[error("there is a place in the typesetter's file for a field {0:?}, and no such field")]
    Unasked(String),
    /// A place stands in no tag, or with something else in it.
    #[error("the place of the field {0:?} is not alone in a tag of its own")]
    Untagged(String),
}

/// The file with its form; the same file where there is no field.
pub(crate) fn with_fields(file: Vec<u8>, fields: &[Field]) -> Result<Vec<u8>, FormError> {
    if fields.is_empty() {
        return Ok(file);
    }
    let file = Arc::new(file);
    let appended = {
        let pdf =
            Pdf::new(Arc::clone(&file)).map_err(|_| FormError::Unread("it is not understood as a PDF"))?;
        let found = Found::of(&pdf);
        if let Some(name) = found.places.keys().find(|name| !fields.iter().any(|field| field.name == **name))
        {
            return Err(FormError::Unasked(name.clone()));
        }
        let mut update = Update::of(&file)?;
        let looks = looks(&mut update);
        let ids = fields
            .iter()
            .map(|field| found.field(field, &looks, &mut update))
            .collect::<Result<Vec<_>, _>>()?;
        catalog(&pdf, &ids, &mut update)?;
        update.finish()
    };
    let mut file = Arc::unwrap_or_clone(file);
    file.extend(appended);
    Ok(file)
}

/// How fields look that nobody has filled in, and how a tick looks.
struct Looks {
    empty: Ref,
    ticked: Ref,
}

fn looks(update: &mut Update) -> Looks {
    let mut one = |content: &[u8]| {
        let id = update.added();
        let mut form = update.chunk.form_xobject(id, content);
        form.bbox(pdf_writer::Rect::new(0.0, 0.0, 10.0, 10.0));
        form.resources().finish();
        id
    };
    Looks { empty: one(b""), ticked: one(CROSS) }
}

/// The links and the tags of a file that fields are made of.
struct Found<'a> {
    places: BTreeMap<String, Vec<Dict<'a>>>,
    tags: BTreeMap<ObjectIdentifier, Dict<'a>>,
}

impl<'a> Found<'a> {
    fn of(pdf: &'a Pdf) -> Self {
        let mut found = Self { places: BTreeMap::new(), tags: BTreeMap::new() };
        for object in pdf.objects() {
            let Object::Dict(dict) = object else { continue };
            if let Some(name) = place(&dict) {
                found.places.entry(name).or_default().push(dict);
            } else if let Some(of) = tagged(&dict) {
                found.tags.insert(of, dict);
            }
        }
        found
    }

    /// Writes a field where its place is, and its tag anew.
    fn field(&self, field: &Field, looks: &Looks, update: &mut Update) -> Result<Ref, FormError> {
        let places = self.places.get(&field.name).map_or(&[][..], Vec::as_slice);
        let [place] = places else {
            return Err(FormError::Places { name: field.name.clone(), places: places.len() });
        };
        let untagged = || FormError::Untagged(field.name.clone());
        let id = place.obj_id().ok_or_else(untagged)?;
        let tag = self.tags.get(&id).ok_or_else(untagged)?;
        let parent = place.get::<i32>("StructParent").ok_or_else(untagged)?;
        let rect = place.get::<Rect>("Rect").ok_or_else(untagged)?;
        let at = update.again(id);
        let mut told = update.chunk.form_field(at);
        told.partial_name(TextStr(&field.name)).alternate_name(TextStr(&field.label));
        match field.kind {
            FieldKind::Tick => {
                told.field_type(FieldType::Button).checkbox_value(CheckBoxState::Off);
                told.vartext_default_appearance(Str(SIGNS));
            }
            FieldKind::Text => {
                told.field_type(FieldType::Text).vartext_default_appearance(Str(LETTERS));
            }
            FieldKind::Signature => {
                told.field_type(FieldType::Signature);
            }
        }
        let mut widget = told.into_annotation();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "points on a page: the file itself has no more digits"
        )]
        widget.rect(pdf_writer::Rect::new(rect.x0 as f32, rect.y0 as f32, rect.x1 as f32, rect.y1 as f32));
        widget.flags(AnnotationFlags::PRINT).struct_parent(parent);
        match field.kind {
            FieldKind::Tick => {
                widget.appearance_state(OFF);
                widget.appearance_characteristics().normal_caption(TextStr(SIGN));
                let mut look = widget.appearance();
                look.normal().streams().pairs([(OFF, looks.empty), (ON, looks.ticked)]);
            }
            FieldKind::Text | FieldKind::Signature => widget.appearance().normal().stream(looks.empty),
        }
        widget.finish();
        form_tag(tag, update).ok_or_else(untagged)?;
        Ok(at)
    }
}

/// The name of the field that is to be where this link is.
fn place(dict: &Dict<'_>) -> Option<String> {
    if dict.get::<Name<'_>>("Subtype")?.as_ref() != b"Link" {
        return None;
    }
    let action = dict.get::<Dict<'_>>("A")?;
    let uri = action.get::<hayro_syntax::object::String<'_>>("URI")?;
    std::str::from_utf8(uri.as_bytes()).ok()?.strip_prefix(PLACE).map(str::to_owned)
}

/// The link of which alone this is the tag.
fn tagged(dict: &Dict<'_>) -> Option<ObjectIdentifier> {
    if dict.get::<Name<'_>>("S")?.as_ref() != b"Link" {
        return None;
    }
    let only = match dict.get_raw::<Object<'_>>("K")? {
        MaybeRef::NotRef(Object::Array(kids)) => {
            let mut kids = kids.iter::<Dict<'_>>();
            kids.next().filter(|_| kids.next().is_none())?
        }
        MaybeRef::NotRef(Object::Dict(kid)) => kid,
        MaybeRef::Ref(_) | MaybeRef::NotRef(_) => return None,
    };
    Some(only.get_ref("Obj")?.into())
}

/// Writes the tag of a link as that of a field.
fn form_tag(tag: &Dict<'_>, update: &mut Update) -> Option<()> {
    let id = update.again(tag.obj_id()?);
    let mut written = update.chunk.indirect(id).dict();
    for (key, value) in tag.entries() {
        match key.as_ref() {
            b"S" => drop(written.pair(pdf_writer::Name(b"S"), pdf_writer::Name(b"Form"))),
            key => update::copy(written.insert(pdf_writer::Name(key)), &value),
        }
    }
    Some(())
}

/// Writes the catalogue with the form in it.
fn catalog(pdf: &Pdf, fields: &[Ref], update: &mut Update) -> Result<(), FormError> {
    let root = pdf.xref().root_id();
    let there: Dict<'_> = pdf.xref().get(root).ok_or(FormError::Unread("it has no catalogue"))?;
    let letters = update.added();
    let mut font = update.chunk.type1_font(letters);
    font.base_font(pdf_writer::Name(b"Helvetica")).encoding_predefined(pdf_writer::Name(b"WinAnsiEncoding"));
    font.finish();
    let signs = update.added();
    update.chunk.type1_font(signs).base_font(pdf_writer::Name(b"ZapfDingbats"));
    let id = update.again(root);
    let mut written = update.chunk.indirect(id).dict();
    for (key, value) in there.entries() {
        update::copy(written.insert(pdf_writer::Name(key.as_ref())), &value);
    }
    let mut form = written.insert(pdf_writer::Name(b"AcroForm")).start::<pdf_writer::writers::Form<'_>>();
    form.fields(fields.iter().copied()).default_appearance(Str(LETTERS));
    let fonts = [(pdf_writer::Name(b"Helv"), letters), (pdf_writer::Name(b"ZaDb"), signs)];
    form.default_resources().fonts().pairs(fonts);
    Ok(())
}
