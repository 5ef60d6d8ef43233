use secrecy::SecretString;

use crate::error::Failure;

/// A variable of this process.
pub(super) fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::config(format!("the variable {name} is not valid UTF-8")).into())
        }
    }
}

/// A secret that a variable holds; what is there may be empty.
pub(super) fn secret(name: &str) -> anyhow::Result<Option<SecretString>> {
    Ok(variable(name)?.map(SecretString::from))
}
