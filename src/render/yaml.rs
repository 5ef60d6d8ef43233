//! Objects as YAML that every reader of YAML 1.1 and 1.2 understands in the same way.

use std::fmt;

use serde::Serialize;

use super::{Object, RenderError};

/// One document, without a separator, ending in a line break.
///
/// # Errors
/// When `out` can't be written.
pub fn write(out: &mut impl fmt::Write, object: &Object) -> Result<(), RenderError> {
    value(out, object.value())
        .map_err(|e| RenderError::Yaml { object: object.to_string(), reason: e.to_string() })
}

/// A document that can stand in a stream: `---`, a line break, and the document.
///
/// # Errors
/// When `out` can't be written.
pub fn write_document(out: &mut impl fmt::Write, object: &Object) -> Result<(), RenderError> {
    out.write_str("---\n")
        .map_err(|e| RenderError::Yaml { object: object.to_string(), reason: e.to_string() })?;
    write(out, object)
}

pub(super) fn value(
    out: &mut impl fmt::Write,
    value: &impl Serialize,
) -> Result<(), serde_saphyr::ser::Error> {
    // The defaults quote whatever YAML 1.1 (kubectl's) would take for something else than text. Folding is put out of
    // reach: it changes how a long value looks in a diff, and some readers' idea of it differs.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 1 << 30 };
    serde_saphyr::to_fmt_writer_with_options(out, value, options)
}
