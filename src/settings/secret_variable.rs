use std::path::PathBuf;

use secrecy::SecretString;

use crate::isolation::close_to_others;

/// A secret from the environment: the value of `name`, or the content of the file that `<name>_FILE` names, as a mounted
/// secret is one. White space around it does not count; empty means not set.
///
/// # Errors
/// What is wrong, in one sentence that names the variable and never holds the value.
pub fn secret_variable(name: &str) -> Result<Option<SecretString>, String> {
    let in_file = format!("{name}_FILE");
    let file = std::env::var_os(&in_file).filter(|path| !path.is_empty()).map(PathBuf::from);
    let value = match std::env::var(name) {
        Ok(value) => Some(value).filter(|value| !value.trim().is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(std::env::VarError::NotUnicode(_)) => return Err(format!("{name}: not valid UTF-8")),
    };
    let text = match (value, file) {
        (Some(_), Some(_)) => return Err(format!("{name} and {in_file}: set one of the two")),
        (value, None) => value,
        (None, Some(path)) => {
            if let Some(said) = close_to_others(&path) {
                tracing::warn!("{said}");
            }
            Some(
                crate::text::read(&path)
                    .map_err(|e| format!("{in_file}: cannot read {}: {e}", path.display()))?,
            )
        }
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).map(SecretString::from))
}
