use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Takes from others what they may do with a file that holds a secret of the user's. Returns what there is to be said
/// of it, if anything: that it was so, or that it still is.
pub fn close_to_others(path: &Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    let mode = found.mode() & 0o7777;
    if !found.is_file() || mode & 0o077 == 0 {
        return None;
    }
    let shown = path.display();
    match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700)) {
        Ok(()) => Some(format!(
            "{shown} holds a secret, and others could use it (mode {mode:04o}): it is yours alone now (mode {:04o}). Whoever \
             else has an account here may have read it",
            mode & 0o700
        )),
        // One that a group may read was given to it by whoever owns it, as Kubernetes gives a mounted Secret to a pod.
        Err(_) if mode & 0o007 == 0 => None,
        Err(e) => Some(format!(
            "{shown} holds a secret, and everybody here can use it (mode {mode:04o}): {}; its owner should `chmod 600` it",
            reason(&e)
        )),
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "only its owner can change that".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_may_do_is_taken_away_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        std::fs::write(&path, "x").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (before, after) in
            [(0o600, 0o600), (0o400, 0o400), (0o644, 0o600), (0o666, 0o600), (0o440, 0o400), (0o620, 0o600)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(before)).unwrap();
            let said = close_to_others(&link);
            assert_eq!(said.is_some(), before != after, "{before:o}: {said:?}");
            assert!(said.is_none_or(|said| said.contains(&format!("{before:04o}"))));
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, after);
            assert_eq!(close_to_others(&link), None);
        }
        assert_eq!(close_to_others(folder.path()), None);
        assert_eq!(close_to_others(Path::new("/nonexistent")), None);
    }
}
