use std::path::PathBuf;

use clap::ValueEnum as _;

use crate::ui::Format;

/// Whether a word is one that `-o` takes for a format.
pub(super) fn is_format(word: &str) -> bool {
    Format::from_str(word, false).is_ok()
}

/// A folder or file to write to. A bare `json` or `table` is somebody's format that went to the wrong option.
pub(in crate::cli) fn out(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("expected a path".to_owned());
    }
    if is_format(text) {
        return Err(format!(
            "`{text}` is a format: -o {text} writes it to stdout, --out ./{text} to a path of that name"
        ));
    }
    Ok(PathBuf::from(text))
}
