use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

use super::secret_text::SecretText;
use super::template;

/// What templates can use beyond the engine's own filters.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("b64encode", b64encode);
    environment.add_filter("env_literal", env_literal);
    // Would take a value for text that needs no mark.
    environment.remove_filter("safe");
}

/// Base64, as `data` of a Secret wants it; of a secret it stays one.
fn b64encode(value: &Value) -> Result<Value, Error> {
    if let Some(secret) = value.downcast_object_ref::<SecretText>() {
        return Ok(template::secret(STANDARD.encode(secret.expose()).into()));
    }
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    match value.as_str() {
        Some(text) => Ok(Value::from(STANDARD.encode(text))),
        None => Err(Error::new(ErrorKind::InvalidOperation, "b64encode takes text")),
    }
}

/// Text for `env.value`, `command` and `args`, where Kubernetes takes `$(NAME)` for a reference: stays as it is.
fn env_literal(text: &str) -> String {
    text.replace('$', "$$")
}
