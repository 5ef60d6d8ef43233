use std::path::{Component, Path, PathBuf};

use url::Url;

use super::document::{Decode, Node, Problems};
use crate::model::RepoLocation;

/// Where a repository is, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RepoUrl {
    /// Something git clones; `git@host:path` has become `ssh://git@host/path`.
    Remote(Url),
    /// `./…`, `../…`, `/…`.
    Local(PathBuf),
}

/// Why a text is none, and what to write instead. The text itself is left out: it may hold a password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRepoUrl {
    pub(super) reason: &'static str,
    pub(super) help: Option<String>,
}

pub(super) const EXPECTED: &str =
    "a git URL (https, http, ssh, git, file, or git@host:path) or a path that starts with `./`, `../` or `/`";

/// Where a repository is that is named outside of a model's file; paths start at `base`.
///
/// # Errors
/// When it is neither a git URL nor a path: why, in words that don't quote it.
pub fn repo_location(text: &str, base: &Path) -> Result<RepoLocation, String> {
    RepoUrl::parse(text).map(|url| url.locate(base)).map_err(|no| format!("REPO_URL: {}", no.reason))
}

impl RepoUrl {
    pub(super) fn parse(text: &str) -> Result<Self, NoRepoUrl> {
        let no = |reason, help: Option<String>| Err(NoRepoUrl { reason, help });
        if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return no("expected a repository without blanks in its address", None);
        }
        if matches!(text, "." | "..") || ["./", "../", "/"].iter().any(|p| text.starts_with(p)) {
            return Ok(Self::Local(text.into()));
        }
        if text.starts_with('~') {
            return no("`~` is not expanded here", Some("write the whole path, starting with `/`".into()));
        }
        if text.contains("://") {
            return Self::url(text);
        }
        if let Some((host, path)) = text.split_once(':') {
            let host_only = host.rsplit_once('@').map_or(host, |(_, h)| h);
            let plain =
                |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            let user = host.rsplit_once('@').map(|(u, _)| u);
            if (user.is_some_and(plain) || host_only.contains('.'))
                && !host_only.is_empty()
                && host_only.starts_with(|c: char| c.is_ascii_alphanumeric())
                && plain(host_only)
                && user.is_none_or(plain)
                && !path.is_empty()
            {
                return Self::url(&format!("ssh://{host}/{}", path.trim_start_matches('/')));
            }
            return no(EXPECTED_SENTENCE, None);
        }
        let first = text.split('/').next().unwrap_or_default();
        let help = match first.split_once('.') {
            Some((_, domain)) if !domain.is_empty() && text.contains('/') => {
                format!("write `https://{text}`")
            }
            _ => format!("write `./{text}` for a folder of this project"),
        };
        no(EXPECTED_SENTENCE, Some(help))
    }

    fn url(text: &str) -> Result<Self, NoRepoUrl> {
        let no = |reason, help: Option<&str>| Err(NoRepoUrl { reason, help: help.map(str::to_owned) });
        let Ok(url) = Url::parse(text) else { return no(EXPECTED_SENTENCE, None) };
        if !matches!(url.scheme(), "https" | "http" | "ssh" | "git" | "file") {
            return no("expected a scheme that git clones: https, http, ssh, git or file", None);
        }
        if url.password().is_some() || (url.scheme().starts_with("http") && !url.username().is_empty()) {
            let help = "leave user and password out, and let git's credential helper know them";
            return no("credentials don't belong into a repository's URL", Some(help));
        }
        if url.scheme() != "file" && url.host_str().is_none_or(|h| h.is_empty() || h.starts_with('-')) {
            return no("expected a host in the URL", None);
        }
        if url.path().trim_matches('/').is_empty() {
            return no("expected the repository's path in the URL", Some("add `/owner/repository`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return no("expected a URL without `?` and `#`", Some("name the branch or tag with `repo_tag`"));
        }
        if url.host_str() == Some("github.com") && url.path().contains("/tree/") {
            let help = "end the URL after the repository's name, and name the branch with `repo_tag`";
            return no("this is a page about a branch, not a repository", Some(help));
        }
        Ok(Self::Remote(url))
    }

    /// The location; relative paths start at `root`.
    pub(super) fn locate(&self, root: &Path) -> RepoLocation {
        match self {
            Self::Remote(url) => RepoLocation::Git(url.clone()),
            Self::Local(path) => RepoLocation::Path(normalize(&root.join(path))),
        }
    }
}

const EXPECTED_SENTENCE: &str = "expected a git URL (https, http, ssh, git, file, or git@host:path) or a path that starts with `./`, `../` or `/`";

/// Resolves `.` and `..` by the text alone: the folder need not be there yet.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => normal.push(component),
        }
    }
    normal
}

impl Decode for RepoUrl {
    fn decode(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = node.text() else {
            problems.wrong_type(node, EXPECTED);
            return None;
        };
        Self::parse(text)
            .map_err(|no| {
                let problem = problems.refuse(node.span, no.reason);
                if let Some(help) = no.help {
                    problem.set_help(help);
                }
            })
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match RepoUrl::parse(text) {
            Ok(url) => match url.locate(Path::new("/project/x/..")) {
                RepoLocation::Git(url) => url.to_string(),
                RepoLocation::Path(path) => path.display().to_string(),
            },
            Err(no) => {
                format!("{}|{}", no.reason.get(..30).unwrap_or(no.reason), no.help.unwrap_or_default())
            }
        }
    }

    #[test]
    fn what_git_clones_is_accepted() {
        for (text, url) in [
            ("https://github.com/PSLmodels/Tax-Cruncher", "https://github.com/PSLmodels/Tax-Cruncher"),
            ("http://git.local:3000/a/b.git", "http://git.local:3000/a/b.git"),
            ("git@github.com:PSLmodels/OG-USA.git", "ssh://git@github.com/PSLmodels/OG-USA.git"),
            ("github.com:PSLmodels/OG-USA", "ssh://github.com/PSLmodels/OG-USA"),
            ("ssh://git@host:2222/a", "ssh://git@host:2222/a"),
            ("file:///srv/git/a.git", "file:///srv/git/a.git"),
            ("./examples/solow", "/project/examples/solow"),
            ("../beside", "/beside"),
            ("/srv/./a", "/srv/a"),
            (".", "/project"),
        ] {
            assert_eq!(shown(text), url, "{text}");
        }
    }

    #[test]
    fn what_git_does_not_clone_is_refused_with_a_way_out() {
        for (text, help) in [
            ("", ""),
            ("a b", ""),
            ("~/model", "write the whole path, starting with `/`"),
            ("examples/solow", "write `./examples/solow` for a folder of this project"),
            ("github.com/a/b", "write `https://github.com/a/b`"),
            ("ftp://host/a", ""),
            (
                "https://me:pw@host/a",
                "leave user and password out, and let git's credential helper know them",
            ),
            ("https://host", "add `/owner/repository`"),
            ("https://host/a?b", "name the branch or tag with `repo_tag`"),
            (
                "https://github.com/a/b/tree/dev",
                "end the URL after the repository's name, and name the branch with `repo_tag`",
            ),
            ("-oProxyCommand=x@h.c:y", ""),
            ("ssh://-oProxyCommand=x/a", ""),
            ("C:\\models", ""),
            ("https://", ""),
        ] {
            let answer = RepoUrl::parse(text).unwrap_err();
            assert_eq!(answer.help.unwrap_or_default(), help, "{text}");
        }
    }
}
