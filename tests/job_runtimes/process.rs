use std::fs;
use std::os::unix::fs::PermissionsExt;

use csw::job::process::ProcessRuntime;
use csw::job::{AttemptKey, JobRuntime};

use super::conformance::Bed;

pub struct Processes {
    dir: tempfile::TempDir,
}

#[allow(clippy::unused_async)] // as the other bed's
pub async fn bed() -> Option<Processes> {
    Some(Processes { dir: tempfile::Builder::new().prefix("csw-runtime-").tempdir().unwrap() })
}

impl Bed for Processes {
    #[allow(clippy::unused_async)] // as the other bed's
    async fn runtime(&self, script: &str) -> Box<dyn JobRuntime> {
        // A script that is being read must not change.
        let program = tempfile::Builder::new().tempfile_in(self.dir.path()).unwrap().into_temp_path();
        let program = program.keep().unwrap();
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Box::new(ProcessRuntime::new(program, &self.dir.path().join("data")).unwrap())
    }

    fn gate(&self) -> String {
        format!("until [ -e {}/go ]; do sleep 0.1; done", self.dir.path().display())
    }

    fn open(&self, _key: &AttemptKey) {
        fs::write(self.dir.path().join("go"), "").unwrap();
    }
}
