//! The user's configuration of pip in uv's words: indexes, certificates and proxies go on being used.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::process::Command;

use super::interpreter::Interpreter;
use super::tool::clean;
use crate::isolation::for_tools;

/// Variables of uv, and of the programs that it calls, that say what pip is told by its files and variables. What the
/// user tells uv itself stays.
pub(super) async fn for_uv(base: &Interpreter) -> Vec<(&'static str, String)> {
    let settings = match listed(base).await {
        Some(text) => read(&text),
        // A Python without pip: its variables may still be set.
        None => variables(std::env::vars()),
    };
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    in_uvs_words(&settings).into_iter().filter(|(name, _)| !set(name)).collect()
}

/// Whether a Python comes with pip.
pub(super) async fn has_pip(base: &Interpreter) -> bool {
    said(base, &["--version"]).await.is_some()
}

/// What `pip config list` prints.
async fn listed(base: &Interpreter) -> Option<String> {
    said(base, &["config", "list", "--disable-pip-version-check"]).await
}

async fn said(base: &Interpreter, args: &[&str]) -> Option<String> {
    let mut ask = std::process::Command::new(&base.path);
    // Not what lies in the folder that csw was started in.
    ask.args(["-I", "-m", "pip"]).args(args);
    for_tools(&mut ask);
    let output = clean(Command::from(ask)).stdin(Stdio::null()).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Settings by name, of `install` and what holds for all commands; variables come before files.
fn read(text: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for section in ["global", "install", ":env:"] {
        for line in text.lines() {
            let Some((name, value)) =
                line.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')?.split_once('='))
            else {
                continue;
            };
            settings.insert(name.to_owned(), unquoted(value));
        }
    }
    settings
}

/// A text as Python's `repr` writes it.
fn unquoted(text: &str) -> String {
    let quote = |c: char| c == '\'' || c == '"';
    let inner = text.trim().strip_prefix(quote).and_then(|t| t.strip_suffix(quote)).unwrap_or(text);
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

fn variables(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    all.filter_map(|(name, value)| {
        Some((name.strip_prefix("PIP_")?.to_ascii_lowercase().replace('_', "-"), value))
    })
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

fn in_uvs_words(settings: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let one = |name: &str| settings.get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
    let many = |name: &str| -> Vec<String> {
        one(name).map(|v| v.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    };
    let is = |name: &str| {
        one(name).is_some_and(|v| ["1", "true", "yes", "on", "y", "t"].contains(&v.to_lowercase().as_str()))
    };
    let mut found = Vec::new();
    let mut put =
        |name, value: Option<String>| found.extend(value.filter(|v| !v.is_empty()).map(|v| (name, v)));
    put("UV_DEFAULT_INDEX", one("index-url"));
    let more = many("extra-index-url");
    // pip takes the best of all its indexes.
    put("UV_INDEX_STRATEGY", (!more.is_empty()).then(|| "unsafe-best-match".to_owned()));
    put("UV_INDEX", Some(more.join(" ")));
    put("UV_FIND_LINKS", Some(many("find-links").join(",")));
    put("UV_NO_INDEX", is("no-index").then(|| "1".to_owned()));
    put("UV_INSECURE_HOST", Some(many("trusted-host").join(" ")));
    put("UV_PRERELEASE", is("pre").then(|| "allow".to_owned()));
    put("UV_CONSTRAINT", Some(many("constraint").join(" ")));
    put("UV_KEYRING_PROVIDER", one("keyring-provider").filter(|v| v == "subprocess"));
    put("UV_HTTP_TIMEOUT", one("timeout").or_else(|| one("default-timeout")));
    put("SSL_CERT_FILE", one("cert"));
    put("SSL_CLIENT_CERT", one("client-cert"));
    for (name, all, some) in [
        ("no-binary", "UV_NO_BINARY", "UV_NO_BINARY_PACKAGE"),
        ("only-binary", "UV_NO_BUILD", "UV_NO_BUILD_PACKAGE"),
    ] {
        let packages: Vec<String> =
            many(name).iter().flat_map(|v| v.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
        match packages.iter().any(|p| p == ":all:") {
            true => put(all, Some("1".to_owned())),
            false => put(some, Some(packages.join(" "))),
        }
    }
    let proxy = one("proxy").map(|p| if p.contains("://") { p } else { format!("http://{p}") });
    put("HTTP_PROXY", proxy.clone());
    put("HTTPS_PROXY", proxy);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_is_told_is_told_to_uv() {
        let text = "global.index-url='https://mirror.example/simple'\nglobal.user='true'\n\
                    global.find-links='\\n/opt/a\\n/opt/b'\n:env:.cert='/ca.pem'\n:env:.extra-index-url='https://u:p@x/simple'\n\
                    install.trusted-host='a b'\nglobal.cert='/other.pem'\ninstall.no-binary=':all:'\n\
                    install.only-binary='numpy,scipy'\nglobal.proxy='proxy:8080'\nlist.format='json'\n";
        let found: BTreeMap<_, _> = in_uvs_words(&read(text)).into_iter().collect();
        let expected = [
            ("HTTPS_PROXY", "http://proxy:8080"),
            ("HTTP_PROXY", "http://proxy:8080"),
            ("SSL_CERT_FILE", "/ca.pem"),
            ("UV_DEFAULT_INDEX", "https://mirror.example/simple"),
            ("UV_FIND_LINKS", "/opt/a,/opt/b"),
            ("UV_INDEX", "https://u:p@x/simple"),
            ("UV_INDEX_STRATEGY", "unsafe-best-match"),
            ("UV_INSECURE_HOST", "a b"),
            ("UV_NO_BINARY", "1"),
            ("UV_NO_BUILD_PACKAGE", "numpy scipy"),
        ];
        assert_eq!(found, expected.into_iter().map(|(name, value)| (name, value.to_owned())).collect());
    }

    #[test]
    fn a_python_without_pip_leaves_the_variables() {
        let set = [("PIP_INDEX_URL", "https://x"), ("PIP_NO_INDEX", "1"), ("PIP_CERT", ""), ("PATH", "/bin")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter();
        let found = in_uvs_words(&variables(set));
        assert_eq!(found, [("UV_DEFAULT_INDEX", "https://x".to_owned()), ("UV_NO_INDEX", "1".to_owned())]);
    }
}
