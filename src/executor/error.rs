use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Diagnose, Exit};
use crate::model::{JobId, ModelName};

/// Why preparing or delivering failed. A model that fails is no error but a FAIL result.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file of a job does not hold what it should.
    #[error("cannot read {path}: {}", crate::expectation::json(error))]
    Json {
        /// The file.
        path: String,
        /// What is wrong with it. No source of the error: its own words may quote the file.
        error: serde_json::Error,
    },
    /// The outputs processor did not take the result.
    #[error("cannot deliver the result of job {id} to {url}: {reason}")]
    Delivery {
        /// The job.
        id: JobId,
        /// Where it was sent.
        url: String,
        /// Its answer, or why there is none.
        reason: String,
        /// Another time it may work.
        passing: bool,
    },
    /// The outputs processor did not say whether an attempt's result is wanted.
    #[error("cannot learn from {url} whether job {id} waits for a result: {reason}")]
    Attempt {
        /// The job.
        id: JobId,
        /// Where it was asked.
        url: String,
        /// Its answer, or why there is none.
        reason: String,
        /// Another time it may work.
        passing: bool,
    },
    /// Nobody knows where the model's repository is.
    #[error("model {model} has no repository")]
    NoRepository {
        /// The model.
        model: ModelName,
    },
    /// A branch or tag was asked for in a folder that is no git repository.
    #[error("{} is no git repository, so it has no branch, tag or commit `{tag}`", path.display())]
    NotGit {
        /// The folder.
        path: PathBuf,
        /// What was asked for.
        tag: String,
    },
    /// Git does not answer for a folder.
    #[error("cannot ask git about {}: {source}", path.display())]
    Git {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: crate::git::GitError,
    },
    /// Something in a repository leads to files that are not in it.
    #[error("{}: `{}` leads out of the repository", repository.display(), path.display())]
    Outside {
        /// The repository's folder.
        repository: PathBuf,
        /// What leads out: a link, or a path as a file of the repository names it.
        path: PathBuf,
    },
    /// A file for pip says something that can't be known to stay in the repository.
    #[error("{}: {reason}", path.display())]
    Requirements {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("repository {url} has no branch, tag or commit `{tag}`")]
    NoRevision {
        /// The repository.
        url: String,
        /// What was asked for.
        tag: String,
    },
    /// An `environment.yml` can't be read.
    #[error("{} is no environment file: {reason}", path.display())]
    EnvironmentFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The interpreter that environments are made with does not do.
    #[error("Python `{program}` can't be used: {reason}")]
    Python {
        /// The interpreter, as it was given.
        program: String,
        /// Why.
        reason: String,
    },
    /// The model asks for another version of Python.
    #[error("{} asks for Python {wanted}, and this is {found}", file.display())]
    PythonVersion {
        /// The file that asks.
        file: PathBuf,
        /// What it asks for, as pip spells it.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// A program that is needed can't be started.
    #[error("cannot {what}: `{program}` does not start: {source}")]
    Tool {
        /// The step.
        what: String,
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program that is needed failed.
    #[error("cannot {what}: `{program}` ended {exit}: {}\n{last}\n(all of it: {})", telling(last), log.display())]
    Step {
        /// The step.
        what: String,
        /// The program.
        program: String,
        /// How it ended, in words.
        exit: String,
        /// The last lines that it printed.
        last: String,
        /// The file with all of them.
        log: PathBuf,
    },
}

/// What of a tool's lines says what is wrong: the last one that calls itself an error, with the causes that uv gives below
/// it, else the last.
fn telling(lines: &str) -> String {
    const MARKS: [&str; 5] = ["error:", "fatal:", "e:", "critical:", "libmambapy error"];
    let is_marked = |line: &&str| {
        let line = line.trim_start().to_ascii_lowercase();
        MARKS.iter().any(|mark| line.starts_with(mark))
    };
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let Some(at) = lines.iter().rposition(is_marked) else {
        return lines.last().map_or("it said nothing", |last| last).to_owned();
    };
    let causes = lines.iter().skip(at + 1).map_while(|line| line.strip_prefix("cause: "));
    lines.iter().skip(at).take(1).copied().chain(causes).collect::<Vec<_>>().join(": ")
}

impl ExecutorError {
    /// A file of a repository that can't be accessed.
    pub(super) fn beneath(repository: &Path, path: &Path, source: io::Error) -> Self {
        if crate::beneath::leads_out(&source) {
            return Self::Outside { repository: repository.to_owned(), path: path.to_owned() };
        }
        Self::io(&repository.join(path), source)
    }

    /// What whoever waits for a job of the model reads: what the tool printed, then the sentence that explains, with what
    /// can be done about it.
    pub fn story(&self) -> String {
        let hints = self.hints().join("; ");
        let hints = if hints.is_empty() { hints } else { format!(" ({hints})") };
        match self {
            Self::Step { what, program, exit, last, log: _ } => {
                let program = Path::new(program).file_name().unwrap_or_default().display();
                format!("{last}\n\ncannot {what}: {} (`{program}` ended {exit}){hints}", telling(last))
            }
            other => {
                let sentence = other.to_string();
                format!("{}{hints}", sentence.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// A file that can't be accessed.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }
}

impl Diagnose for ExecutorError {
    fn exit(&self) -> Exit {
        match self {
            Self::Delivery { passing, .. } | Self::Attempt { passing, .. } => {
                if *passing {
                    Exit::Remote
                } else {
                    Exit::Config
                }
            }
            Self::Step { what, .. } if what.starts_with("fetch ") => Exit::Remote,
            _ => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Delivery { passing: true, .. } | Self::Attempt { passing: true, .. } => {
                "Look at the outputs processor: `kubectl get pods -l app=outputs-processor`".to_owned()
            }
            Self::Delivery { .. } | Self::Attempt { .. } => {
                "Check CSW_OUTPUTS_PROCESSOR and CSW_JOB_TOKEN, and that scheduler and outputs processor have the \
                 same cluster key"
                    .to_owned()
            }
            Self::NoRepository { .. } => {
                "Set `repo_url` in the model's file: a git URL or a folder".to_owned()
            }
            Self::NotGit { .. } => {
                "Remove `repo_tag` to use the folder as it is, or name a git repository".to_owned()
            }
            Self::Git { source, .. } => match source.hint() {
                Some(hint) => hint,
                None => return Vec::new(),
            },
            Self::Outside { .. } => {
                "Put a copy of what it leads to into the repository: links and paths may lead to all that is in it"
                    .to_owned()
            }
            Self::NoRevision { url, tag } if tag.len() >= 7 && tag.bytes().all(|b| b.is_ascii_hexdigit()) => {
                format!(
                    "A commit that no branch or tag leads to is found by all its 40 digits, if its server gives it; \
                     or name its pull request, as `repo_tag: refs/pull/7/head`. List what there is: git ls-remote {url}"
                )
            }
            Self::NoRevision { url, .. } => format!("List what it has: git ls-remote {url}"),
            Self::Python { .. } => {
                "Install Python 3.8 or later, or name one: CSW_PYTHON=/path/to/python3".to_owned()
            }
            Self::PythonVersion { .. } => {
                "Install that Python and name it: CSW_PYTHON=/path/to/python3, or install micromamba"
                    .to_owned()
            }
            Self::Tool { program, .. } => format!("Install `{program}`, and have it on PATH"),
            Self::Step { last, .. } if last.contains("ensurepip") => {
                "Install Python's venv module (Debian: apt install python3-venv)".to_owned()
            }
            Self::Step { what, .. } if what.starts_with("fetch ") => {
                "Check the URL, and that git can read it without asking for a password".to_owned()
            }
            _ => return Vec::new(),
        };
        vec![hint]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_explains_is_found_among_those_of_a_tool() {
        for (lines, expected) in [
            (
                "ERROR: Could not find a version that satisfies the requirement nosuch\nERROR: No matching distribution found for nosuch\n[notice] A new release of pip is available",
                "ERROR: No matching distribution found for nosuch",
            ),
            (
                "Cloning into 'x'...\nfatal: repository 'x' does not exist\n",
                "fatal: repository 'x' does not exist",
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because x was not found\n  hint: y",
                "error: No solution found when resolving dependencies: Because x was not found",
            ),
            ("one\ntwo\n\n", "two"),
            ("", "it said nothing"),
        ] {
            assert_eq!(telling(lines), expected);
        }
        let error = ExecutorError::Step {
            what: "install the packages".into(),
            program: "/usr/bin/pip".into(),
            exit: "with 1".into(),
            last: "ERROR: No matching distribution found for nosuch\n[notice] pip".into(),
            log: PathBuf::from("/tmp/x.log"),
        };
        let story = error.story();
        let last = story.lines().last().unwrap();
        assert_eq!(
            last,
            "cannot install the packages: ERROR: No matching distribution found for nosuch (`pip` ended with 1)"
        );
    }
}
