use std::fmt;

use serde::{Deserialize, Serialize};

/// What an output is. Serialised by the name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// A Bokeh document: the JSON object that `bokeh.embed.json_item` makes.
    #[serde(rename = "bokeh")]
    Bokeh,
    /// An HTML table.
    #[serde(rename = "table")]
    Table,
    /// Comma-separated values.
    #[serde(rename = "CSV")]
    Csv,
    /// A PNG picture.
    #[serde(rename = "PNG")]
    Png,
    /// A JPEG picture.
    #[serde(rename = "JPEG")]
    Jpeg,
    /// MP3 sound.
    #[serde(rename = "MP3")]
    Mp3,
    /// An MP4 film.
    #[serde(rename = "MP4")]
    Mp4,
    /// An HDF5 file.
    #[serde(rename = "HDF5")]
    Hdf5,
    /// A PDF document.
    #[serde(rename = "PDF")]
    Pdf,
    /// Markdown text.
    #[serde(rename = "Markdown")]
    Markdown,
    /// Plain text.
    #[serde(rename = "Text")]
    Text,
}

/// What an output's `data` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// A JSON object.
    Object,
    /// Text.
    Text,
    /// Bytes; base64 in JSON.
    Bytes,
}

impl MediaType {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 11] = [
        Self::Bokeh,
        Self::Table,
        Self::Csv,
        Self::Png,
        Self::Jpeg,
        Self::Mp3,
        Self::Mp4,
        Self::Hdf5,
        Self::Pdf,
        Self::Markdown,
        Self::Text,
    ];

    /// Name on the wire, extension of its files without the dot, what it carries.
    const fn facts(self) -> (&'static str, &'static str, Carries) {
        match self {
            Self::Bokeh => ("bokeh", "json", Carries::Object),
            Self::Table => ("table", "html", Carries::Text),
            Self::Csv => ("CSV", "csv", Carries::Text),
            Self::Png => ("PNG", "png", Carries::Bytes),
            Self::Jpeg => ("JPEG", "jpeg", Carries::Bytes),
            Self::Mp3 => ("MP3", "mp3", Carries::Bytes),
            Self::Mp4 => ("MP4", "mp4", Carries::Bytes),
            Self::Hdf5 => ("HDF5", "h5", Carries::Bytes),
            Self::Pdf => ("PDF", "pdf", Carries::Bytes),
            Self::Markdown => ("Markdown", "md", Carries::Text),
            Self::Text => ("Text", "txt", Carries::Text),
        }
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The extension of its files, without the dot.
    pub const fn extension(self) -> &'static str {
        self.facts().1
    }

    /// What its `data` is.
    pub const fn carries(self) -> Carries {
        self.facts().2
    }

    /// The type of that name on the wire.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_on_the_wire_are_those_of_serde() {
        for media_type in MediaType::ALL {
            assert_eq!(serde_json::to_value(media_type).unwrap(), media_type.as_str());
            assert_eq!(MediaType::from_wire(media_type.as_str()), Some(media_type));
        }
        assert_eq!(MediaType::from_wire("png"), None);
    }
}
