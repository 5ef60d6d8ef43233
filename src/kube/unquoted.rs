//! Errors of the client library in a sentence, without what files and plugins of a user hold: tokens and keys.

use std::error::Error;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};

use crate::expectation;

/// An error and its causes in one sentence, none of them twice, and no text that was to be parsed in it.
pub(super) fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = at {
        let more = cause.to_string();
        match clean(cause) {
            // Most errors say what their causes say.
            Some(clean) if text.contains(&more) => text = text.replace(&more, &clean),
            Some(clean) => text = format!("{text}: {clean}"),
            None if !text.contains(&more) => text = format!("{text}: {more}"),
            None => {}
        }
        at = cause.source().filter(|_| clean(cause).is_none());
    }
    text
}

/// The words for an error that quotes what was read; `None` for all others.
fn clean(error: &(dyn Error + 'static)) -> Option<String> {
    let yaml = error.downcast_ref::<serde_saphyr::Error>();
    let boxed = error.downcast_ref::<Box<serde_saphyr::Error>>().map(|e| &**e);
    if let Some(e) = yaml.or(boxed) {
        return Some(expectation::yaml(e));
    }
    // It tells its cause in its own words and doesn't name it as such.
    if let Some(KubeconfigError::Parse(e)) = error.downcast_ref::<KubeconfigError>() {
        return Some(format!("failed to parse kubeconfig YAML: {}", expectation::yaml(e)));
    }
    if let Some(e) = error.downcast_ref::<serde_json::Error>() {
        return Some(expectation::json(e));
    }
    if let Some(LoadDataError::DecodeBase64(_)) = error.downcast_ref::<LoadDataError>() {
        return Some("expected base64 text".to_owned());
    }
    match error.downcast_ref::<AuthError>()? {
        // Its stdout is for us alone.
        AuthError::AuthExecRun { cmd, out } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            Some(format!("the program `{cmd}` ended with {}: {}", out.status, said.trim()))
        }
        AuthError::AuthExec(_) => Some("the program that logs in failed".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::Kubeconfig;

    #[test]
    fn no_error_about_a_kubeconfig_quotes_it() {
        for text in [
            "users:\n- name: a\n  user: {token: c4n4ry\n",
            "users:\n- name: a\n  user: {token: [c4n4ry]}\n",
            "users:\n- name: a\n  user: c4n4ry\n",
            "users: c4n4ry\n",
            "c4n4ry",
            "users:\n- name: a\n  user:\n    token: c4n4ry: x\n",
            "users:\n- name: a\n  user:\n    token: *c4n4ry\n",
            "{\"users\": [{\"name\": \"a\", \"user\": {\"token\": \"c4n4ry}]}",
            "clusters:\n- cluster: {insecure-skip-tls-verify: c4n4ry}\n",
        ] {
            let error = Kubeconfig::from_yaml(text).unwrap_err();
            let said = sentence(&error);
            assert!(!said.contains("c4n4ry"), "{text}: {said}");
            assert!(said.contains("line "), "{text}: {said}");
        }
    }
}
