use std::path::{Component, Path};

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
                install
                    .files
                    .iter()
                    .filter(|file| is_inside(folder, file))
                    .map(|file| OwnFile::file(format!("csw/asks/{file}"), folder.join(file))),
            );
        }
    }
    own.push(OwnFile::program("csw/program/csw", program.path()));
    own
}

/// Whether a file belongs to the repository: a link or a `..` must not bring others of this machine into an image.
fn is_inside(folder: &Path, file: &str) -> bool {
    let plain = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
    let real = |path: &Path| path.canonicalize().ok();
    plain && real(&folder.join(file)).zip(real(folder)).is_some_and(|(file, folder)| file.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_stay_out_of_the_context() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("repository");
        std::fs::create_dir_all(folder.join("cs-config")).unwrap();
        std::fs::write(outer.path().join("credentials"), "s3cret").unwrap();
        std::fs::write(folder.join("cs-config/requirements.txt"), "").unwrap();
        std::os::unix::fs::symlink("../credentials", folder.join("requirements.txt")).unwrap();
        std::os::unix::fs::symlink("cs-config/requirements.txt", folder.join("more.txt")).unwrap();
        let absolute = outer.path().join("credentials").display().to_string();
        for (file, inside) in [
            ("cs-config/requirements.txt", true),
            ("more.txt", true),
            ("requirements.txt", false),
            ("../credentials", false),
            (absolute.as_str(), false),
            ("gone.txt", false),
        ] {
            assert_eq!(is_inside(&folder, file), inside, "{file}");
        }
    }
}
