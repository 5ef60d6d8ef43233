use std::path::Path;

use crate::executor::environment::Installation;
use crate::image::Program;
use crate::image::context::OwnFile;

/// csw's own files of a model's context.
pub(super) fn own_files(
    folder: &Path,
    install: &Installation,
    script: &str,
    description: &str,
    program: &Program,
) -> Vec<OwnFile> {
    let mut own = vec![OwnFile::text("csw/model.json", description)];
    if !install.nothing() {
        let lines = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        for (name, text) in [
            ("install.sh", script.to_owned()),
            ("environment", install.environment_file.clone().unwrap_or_default()),
            ("environment.txt", lines(&install.environment_packages)),
            ("conda-only.txt", lines(&install.conda_only)),
            ("left-out.txt", lines(&install.notes)),
            ("requirements.txt", lines(&install.lines)),
            ("projects.txt", lines(&install.projects)),
        ] {
            own.push(OwnFile::text(format!("csw/install/{name}"), text));
        }
        if install.script.is_some_and(|s| s.conda) {
            own.push(OwnFile::text("csw/install/needs-conda", ""));
        }
        own.push(OwnFile::folder("csw/asks", 0o755));
        if !install.whole {
            own.extend(
                install.files.iter().map(|file| OwnFile::beneath(format!("csw/asks/{file}"), folder, file)),
            );
        }
    }
    own.push(OwnFile::program("csw/program/csw", program.path()));
    own
}
