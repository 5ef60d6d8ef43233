use std::io::{self, BufRead, Read as _, Seek as _};

use tempfile::SpooledTempFile;

use super::base64_text::Decoder;
use super::json::{Broken, Json};
use crate::outputs::archive::{IN_MEMORY, Packer};
use crate::outputs::collection::{no_output, unknown_media_type};
use crate::outputs::output::{no_base64, unexpected};
use crate::outputs::{Carries, MediaType};

/// `title` or `media_type`.
enum Field {
    Missing,
    NoText,
    Text(String),
}

impl Field {
    fn read(json: &mut Json<impl BufRead>) -> Result<Self, Broken> {
        if json.peek()? == b'"' {
            return json.short_string().map(Self::Text);
        }
        json.skip()?;
        Ok(Self::NoText)
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn required(&self, key: &str) -> Result<&str, String> {
        match self {
            Self::Missing => Err(format!("`{key}` is missing")),
            Self::NoText => Err(format!("`{key}` must be text")),
            Self::Text(text) => Ok(text),
        }
    }
}

/// What has become of `data`.
enum Data {
    Missing,
    /// It is in the zip file, unless it was wrong.
    Packed(Result<(), String>),
    /// It came before what says what it is.
    Text(SpooledTempFile),
    Object(SpooledTempFile),
    /// It can't be any output's.
    Other(&'static str),
}

/// What is wrong with an output; its title, if it has one.
pub(super) struct Wrong {
    pub(super) title: Option<String>,
    pub(super) what: String,
}

/// Reads an output and packs it.
pub(super) fn read_item(
    json: &mut Json<impl BufRead>,
    packer: &mut Packer,
) -> Result<Result<(), Wrong>, Broken> {
    if json.peek()? != b'{' {
        json.skip()?;
        return Ok(Err(Wrong { title: None, what: no_output() }));
    }
    let (mut title, mut media_type, mut data) = (Field::Missing, Field::Missing, Data::Missing);
    json.object(|json, key| {
        match key.as_str() {
            "title" => title = Field::read(json)?,
            "media_type" => media_type = Field::read(json)?,
            "data" if matches!(data, Data::Missing) => data = read_data(json, packer, &title, &media_type)?,
            "data" => {
                json.skip()?;
                data = Data::Packed(Err("`data` is there twice".into()));
            }
            _ => drop(json.skip()?),
        }
        Ok(())
    })?;
    let packed = finish(packer, &title, &media_type, data).map_err(Broken::Sink)?;
    Ok(packed.map_err(|what| Wrong { title: title.text().map(str::to_owned), what }))
}

/// Packs the data at once, if it is known what it is, else puts it aside.
fn read_data(
    json: &mut Json<impl BufRead>,
    packer: &mut Packer,
    title: &Field,
    media_type: &Field,
) -> Result<Data, Broken> {
    if !matches!((title, media_type), (Field::Text(_), Field::Text(_))) {
        let mut aside = SpooledTempFile::new(IN_MEMORY);
        return Ok(match json.peek()? {
            b'"' => {
                json.text(&mut aside)?;
                Data::Text(aside)
            }
            b'{' => {
                json.copy(&mut aside)?;
                Data::Object(aside)
            }
            _ => Data::Other(json.skip()?),
        });
    }
    let (Some(title), Some(media_type)) = (title.text(), media_type.text().and_then(MediaType::from_wire))
    else {
        return json.skip().map(Data::Other);
    };
    match (json.peek()?, media_type.carries()) {
        (b'"', Carries::Text) => json.text(packer.file(title, media_type).map_err(Broken::Sink)?)?,
        (b'{', Carries::Object) => json.copy(packer.file(title, media_type).map_err(Broken::Sink)?)?,
        (b'"', Carries::Bytes) => {
            let mut decoder = Decoder::new(packer.file(title, media_type).map_err(Broken::Sink)?);
            json.string(|part| decoder.push(part).map_err(Broken::Sink))?;
            let decoded = decoder.finish().map_err(Broken::Sink)?;
            return Ok(Data::Packed(decoded.map_err(|e| no_base64(&e))));
        }
        _ => return json.skip().map(Data::Other),
    }
    Ok(Data::Packed(Ok(())))
}

/// Packs what was put aside. The inner error is the first thing that is wrong with the output.
fn finish(
    packer: &mut Packer,
    title: &Field,
    media_type: &Field,
    data: Data,
) -> io::Result<Result<(), String>> {
    let known = title.required("title").and_then(|title| {
        let name = media_type.required("media_type")?;
        Ok((title, MediaType::from_wire(name).ok_or_else(|| unknown_media_type(name))?))
    });
    let (title, media_type) = match known {
        Ok(known) => known,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let (mut aside, found) = match data {
        Data::Missing => return Ok(Err("`data` is missing".into())),
        Data::Packed(packed) => return Ok(packed),
        Data::Other(kind) => return Ok(Err(unexpected(media_type, kind))),
        Data::Text(aside) => (aside, "text"),
        Data::Object(aside) => (aside, "an object"),
    };
    aside.rewind()?;
    match (found, media_type.carries()) {
        ("text", Carries::Bytes) => {
            let mut decoder = Decoder::new(packer.file(title, media_type)?);
            let mut part = vec![0; 64 << 10];
            loop {
                match aside.read(&mut part)? {
                    0 => break,
                    n => decoder.push(part.get(..n).unwrap_or_default())?,
                }
            }
            Ok(decoder.finish()?.map_err(|e| no_base64(&e)))
        }
        ("text", Carries::Text) | ("an object", Carries::Object) => {
            io::copy(&mut aside, &mut packer.file(title, media_type)?)?;
            Ok(Ok(()))
        }
        (found, _) => Ok(Err(unexpected(media_type, found))),
    }
}
