//! The secrets that this run has touched.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::{Redactor, SecretValue};

static TOUCHED: LazyLock<Mutex<Touched>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Touched {
    values: HashSet<String>,
    /// Made anew when it is needed after values have come.
    redactor: Option<Redactor>,
}

fn touched() -> MutexGuard<'static, Touched> {
    TOUCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Masks these values from now on in every line of the log, and in what is quoted of others' answers.
pub fn mask<'v>(values: impl IntoIterator<Item = &'v SecretValue>) {
    let mut touched = touched();
    for value in values {
        if touched.values.insert(value.expose().to_owned()) {
            touched.redactor = None;
        }
    }
}

/// What masks all that [`mask`] was told of.
pub fn redactor() -> Redactor {
    let mut touched = touched();
    if let Some(redactor) = &touched.redactor {
        return redactor.clone();
    }
    let values: Vec<SecretValue> = touched.values.iter().map(|v| SecretValue::from(v.clone())).collect();
    touched.redactor.insert(Redactor::new(&values)).clone()
}
