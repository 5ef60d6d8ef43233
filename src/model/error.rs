use crate::error::{Diagnose, Exit};

/// Why a value is not what it should be. The place (file, line, flag) is added by who read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} `{value}`: expected {expected}")]
pub struct ModelError {
    /// What the value should have been: "model name", "memory quantity".
    pub what: &'static str,
    /// The value as it was given.
    pub value: String,
    /// What was expected, with an example.
    pub expected: &'static str,
}

impl Diagnose for ModelError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}
