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
        ">csw</a>",
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

/// Without a browser: links and a form, and nothing that would have to run.
#[test]
fn failures_come_first_and_lists_are_filtered_and_paged() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    sandbox.sh_model("Other", crate::jobs::ECHO);
    let up = sandbox.up(&["--no-token"]);
    let jobs = |args: &[&str], stdin: &str| {
        let args = [&["jobs", args[0], "--scheduler", &up.url], &args[1..]].concat();
        let output = sandbox.csw(args).stdin(stdin).output();
        assert_eq!(output.code, 0, "{}", output.stderr);
    };
    jobs(&["submit", "-n", "Test/Echo", "--id", "broken", "--set", "text=fail"], "");
    // One that failed long ago is still to be seen.
    let many: String = (0..130).map(|n| format!("{{\"adjustment\": {{\"text\": \"t{n}\"}}}}\n")).collect();
    jobs(&["submit", "-n", "Test/Other", "--from", "-", "--id-prefix", "many"], &many);
    let waited = sandbox.csw(["jobs", "wait", "--scheduler", &up.url, "--all", "--timeout", "300"]).output();
    assert!(matches!(waited.code, 0 | 5), "{}", waited.stderr);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let page = |path: &str| {
        runtime.block_on(async {
            let response = reqwest::get(format!("{}{path}", up.url)).await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        })
    };
    let overview = page("").1;
    let (failed, ended) = (overview.find("<h2>Failed").unwrap(), overview.find("<h2>Ended").unwrap());
    let broken = overview.find(">broken<").unwrap();
    assert!(failed < broken && broken < overview.find("<h2>Running").unwrap() && failed < ended);
    assert!(overview.contains("no such text"), "{overview}");
    let list = |path: &str| {
        let (status, text) = page(path);
        assert_eq!(status, 200, "{text}");
        let ids: Vec<String> = text
            .split("<td class=\"id\">")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .filter(|id| !id.contains('/'))
            .collect();
        let more = text.split("class=\"more\"><a href=\"").nth(1);
        let clear = |address: &str| address.replace("&amp;", "&").replace("&#x2f;", "/");
        let more = more.map(|rest| clear(rest.split('"').next().unwrap()));
        (ids, more.map(|address| address.trim_start_matches('/').to_owned()))
    };
    assert_eq!(list("?status=fail").0, ["broken"]);
    assert_eq!(list("?status=FAIL&model=Test/Other").0, Vec::<String>::new());
    let (mut ids, mut more) = list("?status=success&model=Test/Other");
    assert_eq!((ids.len(), ids[0].as_str()), (100, "many-130"), "the newest first");
    while let Some(next) = more.take() {
        let (page, then) = list(&next);
        ids.extend(page);
        more = then;
    }
    let expected: Vec<String> = (1..=130).rev().map(|n| format!("many-{n}")).collect();
    assert_eq!(ids, expected);
    let (status, text) = page("?status=strange");
    assert!(status == 400 && text.contains("expected fail, running"), "{text}");
    assert_eq!(page("?after=gone&status=all").0, 200);
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
    assert!(page.contains("Examples/Solow") && !page.contains("s3cret"), "{page}");
    assert!(!dom(&with("wrong")).contains("Examples/Solow"));
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
    assert!(page.contains("Examples/Solow") && !page.contains("link="), "{page}");
    assert!(!dom(&link).contains("Examples/Solow"), "it has been opened");
    assert!(!dom(&up.url).contains("Examples/Solow"), "another browser is not let in");
}
