//! What an `install.sh` asks for. Such scripts were written for root in a conda image (`apt-get`, `git clone`,
//! `conda install --yes …`), so none is ever run here: the packages that they install with pip or conda are taken from
//! them, and what else they do is told.

/// The packages that a script installs, and the commands that stay undone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Installs {
    /// Specifications for pip, options and `-r FILE` included.
    pub(super) pip: Vec<String>,
    /// Specifications for conda, as in `channel::name>=1`.
    pub(super) conda: Vec<String>,
    /// Whether the repository itself is installed (`pip install -e .`).
    pub(super) project: bool,
    /// Lines that are not done.
    pub(super) ignored: Vec<String>,
}

/// Reads a script.
pub(super) fn read(script: &str) -> Installs {
    let mut found = Installs::default();
    for line in script.replace("\\\n", " ").lines() {
        for command in line.split("&&").flat_map(|c| c.split(';')) {
            let words = words(command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                [] | ["set" | "cd" | "echo" | "exit", ..] => {}
                // Getting the repository is what csw has done before.
                ["git", "clone", ..] => {}
                ["pip" | "pip3", "install", args @ ..]
                | ["python" | "python3", "-m", "pip", "install", args @ ..] => found.pip_install(args),
                ["conda" | "mamba" | "micromamba", "install", args @ ..] => found.conda_install(args),
                _ => found.ignored.push(command.trim().to_owned()),
            }
        }
    }
    found
}

impl Installs {
    fn pip_install(&mut self, args: &[&str]) {
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "-e" | "--editable" | "-U" | "--upgrade" | "-q" | "--quiet" | "-y" | "--no-cache-dir"
                | "--user" | "--no-deps" | "-I" => {}
                "." | "./" => self.project = true,
                "-r" | "--requirement" => self.pip.extend(args.next().map(|file| format!("-r {file}"))),
                option if option.starts_with('-') => self.ignored.push(format!("pip install {option}")),
                package => self.pip.push(package.to_owned()),
            }
        }
    }

    fn conda_install(&mut self, args: &[&str]) {
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "-c" | "--channel" | "-n" | "--name" | "-p" | "--prefix" => drop(args.next()),
                option if option.starts_with('-') => {}
                package => self.conda.push(package.to_owned()),
            }
        }
    }
}

/// The words of a command: quotes group, `#` at a word's start ends the line. Nothing is expanded.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installs_are_found_and_the_rest_is_told() {
        let script = "#!/bin/sh\n# bash commands for installing your package\n\ngit clone https://example.org/x && cd x\n\
                      conda install -c PSLmodels -c conda-forge --yes PSLmodels::taxcalc \"paramtools>=0.18\" \\\n  bokeh\n\
                      pip install -e . 'six>=1' -r requirements.txt\napt-get update\n";
        let found = read(script);
        assert_eq!(found.conda, ["PSLmodels::taxcalc", "paramtools>=0.18", "bokeh"]);
        assert_eq!(found.pip, ["six>=1", "-r requirements.txt"]);
        assert!(found.project);
        assert_eq!(found.ignored, ["apt-get update"]);
        assert_eq!(read(""), Installs::default());
    }
}
