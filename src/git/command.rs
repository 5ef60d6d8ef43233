use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::isolation::for_git;

/// What counts whatever a user or a repository has configured: nothing runs but git, and what comes out of it is the
/// same on every machine. What says who a user is (credentials, ssh, proxies, `url.….insteadOf`) stays theirs.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.alternateRefsCommand", ":"),
    ("core.pager", "cat"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.eol", "native"),
    ("core.safecrlf", "false"),
    ("core.ignoreStat", "false"),
    ("core.checkStat", "default"),
    ("core.trustctime", "true"),
    ("core.quotePath", "false"),
    ("color.ui", "false"),
    ("protocol.ext.allow", "never"),
    ("protocol.fd.allow", "never"),
    ("safe.bareRepository", "explicit"),
    ("init.templateDir", ""),
    ("init.defaultBranch", "main"),
    ("init.defaultObjectFormat", "sha1"),
    ("init.defaultRefFormat", "files"),
    ("clone.defaultRemoteName", "origin"),
    ("clone.rejectShallow", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.pruneTags", "false"),
    ("submodule.recurse", "false"),
    ("submodule.active", "."),
    ("submodule.alternateLocation", "no"),
    ("diff.ignoreSubmodules", "none"),
    ("diff.orderFile", "/dev/null"),
    ("diff.relative", "false"),
    ("status.relativePaths", "true"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("advice.graftFileDeprecated", "false"),
];

/// Set by git itself for its hooks and aliases, or by users for other programs: they would point every command at
/// another repository, at other objects, or at programs.
const REMOVED: &[&str] = &[
    "GIT_ALLOW_PROTOCOL",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_PROTOCOL_FROM_USER",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
];

/// A git command for repositories that csw makes, and for those on other machines. It asks nobody anything.
pub fn command() -> Command {
    static OF_THE_USER: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let mut command = plain();
    // Not of a repository that the working folder happens to be in.
    let filters =
        OF_THE_USER.get_or_init(|| Filters::configured(plain().arg("--git-dir=/dev/null")).settings());
    add(&mut command, filters);
    command
}

/// A git command that only looks at the repository around `folder`, which may be anybody's: its own configuration runs
/// nothing, and nothing is fetched for it. Takes no lock that it can do without.
pub fn looking_at(folder: &Path) -> Command {
    let mut command = plain();
    let filters = Filters::configured(plain().arg("-C").arg(folder)).settings();
    add(&mut command, &filters);
    // Objects that a partial clone has left out would be fetched as its configuration says.
    command.env("GIT_ALLOW_PROTOCOL", "").env("GIT_NO_LAZY_FETCH", "1");
    command.arg("-C").arg(folder);
    command
}

fn plain() -> Command {
    let mut command = Command::new("git");
    for name in REMOVED {
        command.env_remove(name);
    }
    // A protocol that runs what a URL says stays out also where somebody lets it in.
    if let Ok(allowed) = std::env::var("GIT_ALLOW_PROTOCOL") {
        let kept: Vec<&str> = allowed.split(':').filter(|p| !matches!(*p, "ext" | "fd")).collect();
        command.env("GIT_ALLOW_PROTOCOL", kept.join(":"));
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    command.envs(crate::http::Proxies::of_process().for_children());
    command.env("GIT_ATTR_NOSYSTEM", "1").env("GIT_LITERAL_PATHSPECS", "1");
    // A commit is what its digits say.
    command.env("GIT_NO_REPLACE_OBJECTS", "1").env("GIT_GRAFT_FILE", "/dev/null");
    for (key, value) in SETTINGS {
        command.arg("-c").arg(format!("{key}={value}"));
    }
    for_git(&mut command);
    command.stdin(Stdio::null());
    command
}

/// Programs that git would run on the content of files, where the attributes of a repository say so.
#[derive(Debug, Default)]
struct Filters {
    names: Vec<String>,
    /// The user has Git LFS, whose files are of no use without it.
    lfs: bool,
}

impl Filters {
    /// All that the configuration knows that `git` sees.
    fn configured(git: &mut Command) -> Self {
        let listed =
            git.args(["config", "--list", "--show-scope", "--name-only", "-z"]).stderr(Stdio::null());
        // A git that can't be started is found out by the command that is wanted.
        let Ok(output) = listed.output() else { return Self::default() };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut parts = text.split('\0');
        let mut found = Self::default();
        let mut extended = false;
        while let (Some(scope), Some(key)) = (parts.next(), parts.next()) {
            let of_user = matches!(scope, "system" | "global" | "command");
            extended |= !of_user && key.starts_with("lfs.extension");
            let filter = key.strip_prefix("filter.").and_then(|rest| rest.rsplit_once('.'));
            let Some((name, _)) = filter else { continue };
            found.lfs |= of_user && name == "lfs";
            if !found.names.iter().any(|n| n == name) {
                found.names.push(name.to_owned());
            }
        }
        // An extension is a program that the repository names.
        found.lfs &= !extended;
        found
    }

    /// None of them runs but Git LFS, and that by its own name.
    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = Vec::new();
        for name in &self.names {
            let lfs = self.lfs && name == "lfs";
            let values = if lfs {
                [
                    ("clean", "git-lfs clean -- %f"),
                    ("smudge", "git-lfs smudge -- %f"),
                    ("process", "git-lfs filter-process"),
                    ("required", "true"),
                ]
            } else {
                [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")]
            };
            settings.extend(values.map(|(key, value)| (format!("filter.{name}.{key}"), value.to_owned())));
        }
        settings
    }
}

/// In the environment behind what the user has there: a name may hold `=`, at which `-c` would end it.
fn add(command: &mut Command, settings: &[(String, String)]) {
    if settings.is_empty() {
        return;
    }
    let before: usize = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for (index, (key, value)) in settings.iter().enumerate() {
        let index = before + index;
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
    command.env("GIT_CONFIG_COUNT", (before + settings.len()).to_string());
}
