//! What a test needs from outside, and what happens when it isn't there.

/// Says that a test is left out because `what` is missing; fails it when `CSW_TEST_REQUIRE` (a list with commas)
/// names `what`. Use: `if !present { return missing("gawk", "not on PATH"); }`.
pub fn missing(what: &str, why: &str) {
    let required = std::env::var("CSW_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|r| r.trim() == what), "{what} is required but missing: {why}");
    eprintln!("skipped: {what} is missing: {why}");
}

/// Whether a program can be found on PATH.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
