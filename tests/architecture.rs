//! The layers hold: who imports whom, who prints, where logic may be, how long a file may get.

use std::fs;
use std::path::{Path, PathBuf};

/// Stages that stay pure: neither the edge, nor a cluster, nor an async runtime.
const PURE: [&str; 4] = ["config", "model", "render", "plan"];
const NOT_IN_PURE: [&str; 4] = ["cli", "ui", "kube", "tokio"];
const LONGEST: usize = 400;

struct Source {
    /// From `src/` on, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// The folder or file of `src/` that it belongs to.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    /// Its code without comments and what strings hold, so that only code is looked at.
    fn code(&self) -> String {
        strip(&self.text)
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    files.sort();
    let source = |f: PathBuf| Source {
        path: f.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&f).unwrap(),
    };
    let sources: Vec<_> = files.into_iter().map(source).collect();
    assert!(sources.iter().any(|s| s.path == "lib.rs"), "the sources were not found");
    sources
}

/// Blanks out comments and the inside of strings and character literals; lines stay where they are.
fn strip(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let keep_lines = |from: usize, to: usize| {
        chars[from..to.min(chars.len())].iter().filter(|c| **c == '\n').collect::<String>()
    };
    while i < chars.len() {
        let start = i;
        let word_before = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
                out += &keep_lines(start, i);
            }
            'r' if !word_before
                && (at(i + 1) == '"' || (at(i + 1) == '#' && matches!(at(i + 2), '"' | '#'))) =>
            {
                let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
                i += hashes + 2;
                while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|h| at(i + h) == '#')) {
                    i += 1;
                }
                i += hashes + 1;
                out += "\"\"";
                out += &keep_lines(start, i);
            }
            '"' => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
                out += "\"\"";
                out += &keep_lines(start, i);
            }
            // A character, not a lifetime.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += if at(i + 1) == '\\' { 3 } else { 2 };
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
                out += "' '";
            }
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

/// First segments of everything that the code names by path from the crate's root (`crate::x`, `crate::{x, y::z}`) or
/// from another crate (`tokio::…`).
fn named_roots(code: &str) -> Vec<(usize, String)> {
    let ident = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let line = code[..at].matches('\n').count() + 1;
        let head: String = code[..at]
            .chars()
            .rev()
            .take_while(|c| ident(*c))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        let before = code[..at - head.len()].trim_end();
        if before.ends_with("::") {
            continue;
        }
        if head != "crate" {
            found.push((line, head));
            continue;
        }
        let rest = code[at + 2..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut fresh = true;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    c if ident(c) && fresh => name.push(c),
                    c if c.is_whitespace() => {}
                    _ => fresh = false,
                }
                if (!fresh || c == ',') && !name.is_empty() {
                    found.push((line, format!("crate::{}", std::mem::take(&mut name))));
                    fresh = c == ',' && depth == 0;
                }
            }
            if !name.is_empty() {
                found.push((line, format!("crate::{name}")));
            }
        } else {
            found.push((
                line,
                format!("crate::{}", rest.chars().take_while(|c| ident(*c)).collect::<String>()),
            ));
        }
    }
    // `use tokio;` and `extern crate tokio;` name a crate without `::`.
    for (line, text) in code.lines().enumerate() {
        if let Some(name) = text.trim().strip_prefix("use ").and_then(|t| t.strip_suffix(';'))
            && name.chars().all(ident)
        {
            found.push((line + 1, name.to_owned()));
        }
    }
    found
}

fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn the_pure_stages_import_neither_the_edge_nor_a_runtime() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| PURE.contains(&s.module())) {
        let code = source.code();
        for (line, root) in named_roots(&code) {
            let name = root.strip_prefix("crate::").unwrap_or(&root);
            if NOT_IN_PURE.contains(&name) {
                broken.push(format!("src/{}:{line} names {root}", source.path));
            }
        }
        for name in NOT_IN_PURE {
            if code.contains(&format!("super::{name}")) {
                broken.push(format!("src/{} climbs up to {name}", source.path));
            }
        }
    }
    assert_none(&broken, "config, model, render and plan never import cli, ui, kube or tokio");
}

#[test]
fn nobody_imports_the_command_line() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| !["cli", "main", "lib"].contains(&s.module())) {
        for (line, root) in named_roots(&source.code()) {
            if root == "crate::cli" {
                broken.push(format!("src/{}:{line}", source.path));
            }
        }
    }
    assert_none(&broken, "only main.rs imports cli");
}

#[test]
fn only_the_printer_prints() {
    let prints = ["println!", "print!", "eprintln!", "eprint!", "dbg!", "stdout().lock", "stderr().lock"];
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| !["ui", "main"].contains(&s.module())) {
        for (line, text) in source.code().lines().enumerate() {
            let whole = |p: &str| {
                text.find(p)
                    .is_some_and(|at| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            if let Some(print) = prints.iter().find(|p| whole(p)) {
                broken.push(format!("src/{}:{}: {print}", source.path, line + 1));
            }
        }
    }
    assert_none(&broken, "only ui/ and main.rs write to stdout and stderr");
}

#[test]
fn module_files_hold_no_logic() {
    // A noun's mod.rs dispatches to its verbs, and a module may have one small entry function.
    const FUNCTIONS: usize = 3;
    const LINES: usize = 100;
    let mut broken = Vec::new();
    for source in sources().iter().filter(|s| s.path.ends_with("/mod.rs") || s.path == "lib.rs") {
        let code = source.code();
        let functions = code.matches("fn ").count();
        let lines = code.lines().filter(|l| !l.trim().is_empty()).count();
        let implements = code.lines().filter(|l| l.starts_with("impl")).count();
        let in_cli = source.module() == "cli";
        if ((functions > FUNCTIONS || implements > 0) && !in_cli) || lines > LINES {
            broken.push(format!(
                "src/{}: {lines} lines, {functions} functions, {implements} impls",
                source.path
            ));
        }
    }
    assert_none(&broken, "mod.rs files list modules and re-export");
}

#[test]
fn no_file_is_long_or_named_after_nothing() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST {
            broken.push(format!("src/{}: {lines} lines", source.path));
        }
        let name = source.path.rsplit('/').next().unwrap();
        if ["util.rs", "utils.rs", "helper.rs", "helpers.rs", "misc.rs", "common.rs"].contains(&name) {
            broken.push(format!("src/{}: the name says nothing", source.path));
        }
    }
    assert_none(&broken, &format!("files have at most {LONGEST} lines and a name that says what they hold"));
}

#[test]
fn the_reader_of_imports_sees_them_all() {
    let code = strip(
        "use crate::{cli, model::{A, ui}, ui::B};\nuse tokio;\n// crate::kube\nlet s = \"crate::kube\"; let r = r#\"kube::x\"#;\nlet c = '\"'; kube::Client::new(); crate::plan::x::<'a>();\n/* tokio::a /* b */ */ use crate::render::{\n  y};",
    );
    let roots: Vec<_> = named_roots(&code).into_iter().map(|(line, root)| format!("{line} {root}")).collect();
    for expected in [
        "1 crate::cli",
        "1 crate::model",
        "1 crate::ui",
        "2 tokio",
        "5 kube",
        "5 crate::plan",
        "6 crate::render",
    ] {
        assert!(roots.iter().any(|r| r == expected), "{expected} in {roots:?}");
    }
    assert_eq!(roots.iter().filter(|r| r.contains("kube")).count(), 1, "{roots:?}");
    assert_eq!(roots.iter().filter(|r| r.contains("crate::ui")).count(), 1, "{roots:?}");
}
