use std::borrow::Cow;
use std::io;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::intake::Decoder;
use super::{Carries, MediaType};
use crate::model::numbers;

/// An output's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// A JSON object (`bokeh`).
    Object(Map<String, Value>),
    /// Text (`table`, `CSV`, `Markdown`, `Text`).
    Text(String),
    /// Bytes (`PNG`, `JPEG`, `MP3`, `MP4`, `HDF5`, `PDF`).
    Bytes(Vec<u8>),
}

/// One thing that a simulation shows or offers. Its data is always what its media type carries.
///
/// Serialises to `{id?, title, media_type, data}`, bytes as base64.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    id: Option<Uuid>,
    title: String,
    media_type: MediaType,
    data: Data,
}

// Python's encoders break lines and some leave the padding out.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Output {
    /// An output from its parts in JSON: bytes come as base64.
    ///
    /// # Errors
    /// What is wrong with the data, as the end of a sentence about the output.
    pub fn from_parts(
        id: Option<Uuid>,
        title: String,
        media_type: MediaType,
        data: Value,
    ) -> Result<Self, String> {
        let data = match (media_type.carries(), data) {
            (Carries::Object, Value::Object(object)) => Data::Object(object),
            (Carries::Text, Value::String(text)) => Data::Text(text),
            (Carries::Bytes, Value::String(text)) => Data::Bytes(decode(&text)?),
            (_, other) => return Err(unexpected(media_type, kind_of(&other))),
        };
        Ok(Self { id, title, media_type, data })
    }

    /// An output from the bytes of its file.
    ///
    /// # Errors
    /// When the bytes are not what the media type carries, as the end of a sentence about the output.
    pub fn from_file(
        id: Option<Uuid>,
        title: String,
        media_type: MediaType,
        bytes: Vec<u8>,
    ) -> Result<Self, String> {
        let data = match media_type.carries() {
            Carries::Bytes => Data::Bytes(bytes),
            Carries::Text => {
                Data::Text(String::from_utf8(bytes).map_err(|e| format!("it is not UTF-8 text: {e}"))?)
            }
            Carries::Object => {
                Data::Object(numbers::from_slice(&bytes).map_err(|e| format!("it is no JSON object: {e}"))?)
            }
        };
        Ok(Self { id, title, media_type, data })
    }

    /// Its id in the pointer, once it is stored.
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// What a person calls it. Any text: not safe as a file's name.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it is.
    pub fn media_type(&self) -> MediaType {
        self.media_type
    }

    /// Its content.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The bytes of its file.
    pub fn file(&self) -> Cow<'_, [u8]> {
        match &self.data {
            Data::Object(object) => Cow::Owned(numbers::to_vec(object).unwrap_or_default()),
            Data::Text(text) => Cow::Borrowed(text.as_bytes()),
            Data::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }
}

/// Whether text is base64 as outputs may carry it: with or without line breaks and padding. Nothing is kept of it.
///
/// # Errors
/// What is wrong with it, as the end of a sentence about the output.
pub fn check_base64(text: &str) -> Result<(), String> {
    decode_to(text, io::sink())
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    decode_to(text, &mut bytes).map(|()| bytes)
}

/// The one way in which base64 is read, whole or in pieces.
fn decode_to(text: &str, to: impl io::Write) -> Result<(), String> {
    let mut decoder = Decoder::new(to);
    let decoded = decoder.push(text.as_bytes()).and_then(|()| decoder.finish());
    decoded.map_err(|e| e.to_string())?.map_err(|e| no_base64(&e))
}

pub(super) fn no_base64(error: &base64::DecodeError) -> String {
    format!("the data is no base64: {error}")
}

/// `found` is a kind of JSON values.
pub(super) fn unexpected(media_type: MediaType, found: &str) -> String {
    let expected = match media_type.carries() {
        Carries::Object => "a JSON object",
        Carries::Text => "text",
        Carries::Bytes => "bytes in base64",
    };
    format!("the data of {media_type} must be {expected}, it is {found}")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct AsBase64<'a>(&'a [u8]);
        impl Serialize for AsBase64<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
            }
        }
        let mut out = serializer.serialize_struct("Output", 3 + usize::from(self.id.is_some()))?;
        if let Some(id) = &self.id {
            out.serialize_field("id", id)?;
        }
        out.serialize_field("title", &self.title)?;
        out.serialize_field("media_type", &self.media_type)?;
        match &self.data {
            Data::Object(object) => out.serialize_field("data", object)?,
            Data::Text(text) => out.serialize_field("data", text)?,
            Data::Bytes(bytes) => out.serialize_field("data", &AsBase64(bytes))?,
        }
        out.end()
    }
}
