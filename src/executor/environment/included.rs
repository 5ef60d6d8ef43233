//! Lines for pip in words that mean the same in any folder: what they include is read, and their paths are absolute.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::inside::{Where, inside};
use super::lines::{self, Named};
use super::needs::{Needs, name_of};
use crate::beneath::{Beneath, plain};
use crate::executor::ExecutorError;

impl Needs {
    /// The lines of a file for pip; none where it is not there, or has been read.
    pub(super) fn lines_of(&mut self, root: &Beneath, file: &Path) -> Result<Vec<String>, ExecutorError> {
        if self.has_taken(&name_of(file)) {
            return Ok(Vec::new());
        }
        let Some(bytes) = self.take(root, file)? else { return Ok(Vec::new()) };
        lines::read(&bytes)
            .map_err(|reason| ExecutorError::Requirements { path: root.path().join(file), reason })
    }

    /// What a line of `file` asks for, in lines that mean the same in any folder: included files are read, as they are a
    /// part of what identifies the environment, and paths become absolute. All that is named stays in the repository.
    pub(super) fn expand(
        &mut self,
        root: &Beneath,
        file: &Path,
        line: String,
        lines: &mut Vec<String>,
    ) -> Result<(), ExecutorError> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut line = line;
        let told = |reason| ExecutorError::Requirements { path: root.path().join(file), reason };
        for named in lines::named(&line).map_err(told)? {
            let (Named::File(path) | Named::Part(path)) = &named;
            match (inside(root, folder, path)?, &named) {
                (Where::Abroad(path), _) => self.abroad.push(path),
                (Where::Inside(included), Named::File(_)) => {
                    if !root.has_file(&included) {
                        return Err(told(format!(
                            "`{line}`: there is no file {}",
                            plain(&included).display()
                        )));
                    }
                    let constrains = line.starts_with("-c") || line.starts_with("--c");
                    let mut found = Vec::new();
                    for line in self.lines_of(root, &included)? {
                        self.expand(root, &included, line, &mut found)?;
                    }
                    if !constrains {
                        lines.extend(found);
                        return Ok(());
                    }
                    let path = root.path().join(plain(&included)).display().to_string();
                    let quote = if path.contains(char::is_whitespace) { "\"" } else { "" };
                    line = format!("-c {quote}{path}{quote}");
                }
                (Where::Inside(_), Named::Part(path)) => self.part(root, folder, path, &mut line)?,
            }
        }
        lines.push(line);
        Ok(())
    }

    /// A wheel, a project's folder or a place of wheels of the repository itself, beside the file that names it or, as
    /// pip looks for it too, beside `requirements.txt`.
    fn part(
        &mut self,
        root: &Beneath,
        folder: &Path,
        path: &str,
        line: &mut String,
    ) -> Result<(), ExecutorError> {
        let mut there = None;
        for folder in [folder, Path::new("")] {
            match inside(root, folder, path)? {
                Where::Abroad(path) => self.abroad.push(path),
                Where::Inside(found) if root.has_file(&found) || root.has_folder(&found) => {
                    there.get_or_insert(found);
                }
                Where::Inside(_) => {}
            }
        }
        let found = there.unwrap_or_else(|| folder.join(path));
        let lists = ["-f", "--f", "-i", "--i", "--ex"].iter().any(|option| line.starts_with(option));
        if lists {
            let names = root.names(&found).map_err(|e| ExecutorError::beneath(root.path(), &found, e))?;
            for file in names.iter().map(|name| found.join(name)).filter(|file| root.has_file(file)) {
                self.archive(root, &file)?;
            }
        }
        match root.has_file(&found) {
            true => self.archive(root, &found)?,
            false => self.pinned |= !lists && root.has_folder(&found),
        }
        if Path::new(path).is_relative() {
            let absolute = root.path().join(plain(&found)).display().to_string();
            // Behind an option, or before extras and markers.
            let at = if line.starts_with('-') { line.rfind(path) } else { line.find(path) };
            if let Some(at) = at {
                line.replace_range(at..at + path.len(), &absolute);
            }
        }
        Ok(())
    }

    /// A file that may be large: of its content the digest is kept.
    fn archive(&mut self, root: &Beneath, path: &Path) -> Result<(), ExecutorError> {
        let name = name_of(path);
        if self.has_taken(&name) {
            return Ok(());
        }
        let mut hash = Sha256::new();
        let read = |mut file: File| -> io::Result<()> {
            let mut piece = vec![0; 64 << 10];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(()),
                    n => hash.update(piece.get(..n).unwrap_or_default()),
                }
            }
        };
        root.file(path).and_then(read).map_err(|e| ExecutorError::beneath(root.path(), path, e))?;
        self.files.push((name, hash.finalize().to_vec()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::environment::needs::tests::repository;

    #[test]
    fn every_form_of_including_means_the_same_and_counts() {
        for form in
            ["-r reqs/dev.txt", "-rreqs/dev.txt", "--requirement=reqs/dev.txt", "-r reqs/dev.txt # the rest"]
        {
            let files = [
                ("requirements.txt", form),
                ("reqs/dev.txt", "-rbase.txt\n-c limits.txt\n./wheels/a.whl\n-f wheels\n-f f"),
                ("reqs/base.txt", "six==1.0\n"),
                ("reqs/limits.txt", "six<2\n"),
                ("reqs/f/b.whl", ""),
                ("wheels/a.whl", "A"),
            ];
            let folder = repository(&files);
            let needs = Needs::read(folder.path()).unwrap();
            let here = folder.path().display();
            let expected = [
                "six==1.0".to_owned(),
                format!("-c {here}/reqs/limits.txt"),
                format!("{here}/wheels/a.whl"),
                format!("-f {here}/wheels"),
                format!("-f {here}/reqs/f"),
            ];
            assert_eq!(needs.lines, expected, "{form}");
            for name in [
                "requirements.txt",
                "reqs/dev.txt",
                "reqs/base.txt",
                "reqs/limits.txt",
                "wheels/a.whl",
                "reqs/f/b.whl",
            ] {
                assert!(needs.files.iter().any(|(n, _)| n == name), "{name}: {:?}", needs.files);
            }
        }
        let missing = repository(&[("requirements.txt", "six\n-r nowhere.txt\n")]);
        let error = Needs::read(missing.path()).unwrap_err().to_string();
        assert!(error.contains("there is no file nowhere.txt"), "{error}");
    }
}
