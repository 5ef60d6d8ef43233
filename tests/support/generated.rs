//! Files of the repository that are generated from the program.

use std::fs;
use std::path::Path;

/// Fails if the file `path` of the repository is not `content`; with `CSW_REGENERATE=1` writes it instead.
pub fn generated(path: &str, content: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let there = fs::read_to_string(&file).unwrap_or_default();
    if there == content {
        return;
    }
    if std::env::var_os("CSW_REGENERATE").is_some_and(|v| !v.is_empty()) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        return;
    }
    let different = there.lines().zip(content.lines()).position(|(a, b)| a != b);
    let line = different.unwrap_or_else(|| there.lines().count().min(content.lines().count()));
    panic!(
        "{path} is stale from line {}: run `make regenerate`\n  there:     {:?}\n  should be: {:?}",
        line + 1,
        there.lines().nth(line).unwrap_or("(its end)"),
        content.lines().nth(line).unwrap_or("(its end)"),
    );
}
