//! The page for people, in a real browser.

use std::path::Path;
use std::process::Command;

use crate::support::{Sandbox, Up, require};

/// What Chromium is told in every test: nothing but the page is to be fetched.
const QUIET: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// The document as the browser has it in the end.
fn dom(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(QUIET)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn screenshot(url: &str, file: &Path, more: &[&str]) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(QUIET)
        .args(more)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", file.display()))
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn busy(sandbox: &Sandbox) -> Up {
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let up = sandbox.up(&["--max-jobs", "1", "--no-token"]);
    let jobs = |args: &[&str]| {
        let args = [&["jobs", args[0], "--scheduler", &up.url], &args[1..]].concat();
        sandbox.csw(args).output()
    };
    let submit = |id: &str, text: &str| {
        let set = format!("text={text}");
        assert_eq!(jobs(&["submit", "-n", "Test/Echo", "--id", id, "--set", &set]).code, 0);
    };
    submit("good", "hello");
    submit("bad", "fail");
    jobs(&["wait", "good", "bad"]);
    submit("long", "slow");
    submit("queued", "hello");
    up
}

#[test]
fn a_browser_shows_what_goes_on_without_running_anything() {
    if !require("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let up = busy(&sandbox);
    let dom = dom(&up.url);
    for text in [
        "<h1>csw",
        "No job runs.",
        "long",
        "waiting for one of 1 running jobs",
        "class=\"pill success\">success",
        "class=\"pill fail\">fail",
        "Test/Echo",
        "href=\"/metrics\"",
        "href=\"/openapi.json\"",
        "<title>good: Test/Echo, SUCCESS",
    ] {
        let there = dom.contains(text);
        assert_eq!(there, text != "No job runs.", "{text}:\n{dom}");
    }
    assert!(!dom.contains("<script"), "{dom}");
    let picture = sandbox.work().join("page.png");
    screenshot(&up.url, &picture, &["--window-size=1100,1400"]);
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_style_is_applied_under_the_policy_that_forbids_all_else() {
    if !require("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let up = busy(&sandbox);
    // What the policy blocks the browser says on its log.
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(QUIET)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom", &up.url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("Content Security Policy"), "{said}");
}

#[test]
fn a_browser_is_let_in_by_the_token_as_a_password() {
    if !require("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let csw = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "state"]);
    let up = Up::start(csw.env("CSW_SCHEDULER_TOKEN", "s3cret"));
    let with = |password: &str| up.url.replace("http://", &format!("http://me:{password}@"));
    let page = dom(&with("s3cret"));
    assert!(page.contains("No models are known.") && !page.contains("s3cret"), "{page}");
    assert!(!dom(&with("wrong")).contains("No models are known."));
}

#[test]
fn a_browser_is_let_in_by_the_link_that_opens_once() {
    if !require("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let up = sandbox.up(&[]);
    let link = up.page_link();
    // The browser follows the link to the page itself, with the cookie that it was given.
    let page = dom(&link);
    assert!(page.contains("No models are known.") && !page.contains("link="), "{page}");
    assert!(!dom(&link).contains("No models are known."), "it has been opened");
    assert!(!dom(&up.url).contains("No models are known."), "another browser is not let in");
}
