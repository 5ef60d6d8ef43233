//! The stack of one user on a machine that others use too.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Sandbox, Up, as_another_user, missing, require};

/// What no token is asked for.
const FOR_ALL: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];

fn stack(sandbox: &Sandbox, listen: &str, data: &str) -> Up {
    Up::start(sandbox.csw(["up", "--listen", listen, "--data", data]))
}

async fn asked(request: reqwest::RequestBuilder) -> reqwest::Response {
    request.send().await.unwrap()
}

#[tokio::test]
async fn everything_but_probes_wants_the_token_that_the_stack_made() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let up = sandbox.up(&[]);
    let client = csw::http::client(&up.url.parse().unwrap()).unwrap();
    let token = sandbox.read("data/token");
    let description: Value = asked(client.get(format!("{}openapi.json", up.url))).await.json().await.unwrap();
    let mut routes: Vec<(String, String)> = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.replace("{owner}", "Test").replace("{title}", "Echo").replace("{id}", "run-1");
        routes.extend(operations.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())));
    }
    // What is not described: other spellings, and what executors use.
    for path in ["/sync", "/Test/Echo", "/write/", "/push/"] {
        routes.push(("POST".into(), path.into()));
    }
    assert!(routes.len() > 20, "{routes:?}");
    for (method, path) in routes {
        let request = |with: Option<&str>| {
            let url = format!("{}{}", up.url, path.trim_start_matches('/'));
            let request = client.request(method.parse().unwrap(), url).json(&json!({}));
            match with {
                Some(token) => request.bearer_auth(token.trim()),
                None => request,
            }
        };
        let open = FOR_ALL.contains(&path.as_str());
        for wrong in [None, Some("wrong")] {
            let status = asked(request(wrong)).await.status().as_u16();
            let refused = matches!(status, 401 | 403);
            assert_eq!(refused, !open, "{method} {path} with {wrong:?}: {status}");
        }
        if !["/write/", "/push/"].contains(&path.as_str()) {
            let status = asked(request(Some(&token))).await.status().as_u16();
            assert!(!matches!(status, 401 | 403), "{method} {path}: {status}");
        }
    }
}

#[test]
fn the_command_line_finds_the_token_of_each_stack_by_itself() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let free = "127.0.0.1:0";
    let (one, two) = (stack(&sandbox, free, "data"), stack(&sandbox, free, "data-2"));
    let jobs = |url: &str, args: &[&str]| sandbox.csw(["jobs"].iter().chain(args)).env("CSW_SCHEDULER", url);
    jobs(&one.url, &["submit", "-n", "Test/Echo", "--id", "in-one"]).ok();
    jobs(&two.url, &["submit", "-n", "Test/Echo", "--id", "in-two"]).ok();
    let localhost = one.url.replace("127.0.0.1", "localhost");
    for (url, id) in [(&one.url, "in-one\n"), (&two.url, "in-two\n"), (&localhost, "in-one\n")] {
        assert_eq!(jobs(url, &["list", "-o", "name"]).ok(), id, "{url}");
    }
    assert_ne!(sandbox.read("data/token"), sandbox.read("data-2/token"));
    // Another port, another folder: what ran there before is not taken for it.
    let (url, token) = (two.url.clone(), sandbox.read("data-2/token"));
    two.kill();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let third = stack(&sandbox, address, "data-3");
    assert_eq!(third.url, url);
    assert_eq!(jobs(&url, &["list", "-o", "name"]).ok(), "");
    third.kill();
    let again = stack(&sandbox, free, "data-2");
    assert_eq!(sandbox.read("data-2/token"), token, "who waits meanwhile goes on with it");
    assert_eq!(jobs(&again.url, &["list", "-o", "name"]).ok(), "in-two\n");
    let said = one.said() + &again.said();
    assert!(!said.contains(token.trim()) && !said.contains(sandbox.read("data/token").trim()), "{said}");
    // Gone with the stack.
    let notes = sandbox.home().join(".local/state/csw/stacks");
    assert_eq!(again.terminate().code(), Some(0));
    assert_eq!(one.terminate().code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(notes).unwrap().map(|e| e.unwrap().file_name()).collect();
    // That of the third, which was killed.
    assert_eq!(left.len(), 1, "{left:?}");
}

/// `csw` as another user, with a home of his own.
fn csw_as_another(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o777)).unwrap();
    // Where he can read it: the target folder may be closed to him.
    let program = home.path().join("csw");
    std::fs::copy(env!("CARGO_BIN_EXE_csw"), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    as_another_user()
        .arg(&program)
        .args(args)
        .current_dir("/")
        .env_clear()
        .env("HOME", home.path())
        .output()
        .unwrap()
}

#[test]
fn another_user_can_neither_ask_nor_read_the_token() {
    if !require("another-user") {
        return;
    }
    let sandbox = Sandbox::new();
    // As in a home that everybody may look into.
    let open = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    open(sandbox.work().parent().unwrap());
    open(&sandbox.work());
    open(&sandbox.home());
    let up = sandbox.up(&[]);
    let output = csw_as_another(&["jobs", "list", "--scheduler", &up.url]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(4) && said.contains("wants a token"), "{said}");
    let token = sandbox.work().join("data/token");
    let read = as_another_user().arg("cat").arg(&token).output().unwrap();
    assert!(!read.status.success() && read.stdout.is_empty());
    let notes = sandbox.home().join(".local/state/csw/stacks");
    let listed = as_another_user().arg("ls").arg(&notes).output().unwrap();
    assert!(!listed.status.success() && listed.stdout.is_empty());
    sandbox.csw(["jobs", "list", "--scheduler", &up.url]).ok();
}

/// Takes one request, says what it was, and answers that there are no jobs.
const IMPOSTOR: &str = r#"
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
connection, _ = server.accept()
print(connection.recv(65536).decode(), flush=True)
body = b'{"jobs": [], "next": null}'
connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
connection.close()
"#;

#[test]
fn who_listens_in_the_stacks_place_does_not_learn_the_token() {
    if !require("another-user") {
        return;
    }
    // One of the system's: the first on PATH may be in a folder that is closed to others.
    let Some(python) =
        ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| Path::new(p).exists())
    else {
        return missing("python3", "not among the system's programs");
    };
    let sandbox = Sandbox::new();
    let up = sandbox.up(&[]);
    let (url, token) = (up.url.clone(), sandbox.read("data/token"));
    // The note of a stack that was killed stays.
    up.kill();
    let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
    let mut impostor =
        as_another_user().args([python, "-c", IMPOSTOR, port]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(impostor.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "listens");
    drop(sandbox.csw(["jobs", "list", "--scheduler", &url]).output());
    impostor.wait().unwrap();
    let seen: Vec<String> = lines.map(Result::unwrap).collect();
    let seen = seen.join("\n").to_lowercase();
    assert!(
        seen.starts_with("get ") && !seen.contains("authorization") && !seen.contains(token.trim()),
        "{seen}"
    );
}

#[tokio::test]
async fn the_link_opens_the_page_once_and_nothing_else() {
    let sandbox = Sandbox::new();
    let up = sandbox.up(&[]);
    let client = csw::http::builder(&up.url.parse().unwrap())
        .redirect(reqwest::redirect::Policy::none())
        // The stack is killed and comes again.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let link = up.page_link();
    assert!(link.starts_with(&up.url) && !link.contains(sandbox.read("data/token").trim()), "{link}");
    // Neither of these uses it up.
    assert_eq!(asked(client.head(&link)).await.status(), 401);
    assert_eq!(asked(client.get(&link).header("sec-purpose", "prefetch")).await.status(), 503);
    let opened = asked(client.get(&link)).await;
    assert_eq!((opened.status().as_u16(), opened.headers()["location"].as_bytes()), (303, &b"/"[..]));
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.split("; ").any(|p| p == part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let again = asked(client.get(&link)).await;
    assert_eq!(again.status(), 401);
    let url = up.url.clone();
    let with = |method: &str, path: &str, cookie: &str| {
        let request = client.request(method.parse().unwrap(), format!("{url}{path}"));
        request.header("cookie", cookie.to_owned()).json(&json!({}))
    };
    for (method, path, cookie, status) in [
        ("GET", "", cookie, 200),
        ("GET", "?refresh=5", cookie, 200),
        ("GET", "metrics", cookie, 200),
        ("GET", "", "csw-page=x", 401),
        ("GET", "api/v1/jobs", cookie, 401),
        ("GET", "api/v1/models", cookie, 401),
        ("POST", "sync/", cookie, 401),
        ("POST", "api/v1/jobs/cleanup", cookie, 401),
    ] {
        assert_eq!(asked(with(method, path, cookie)).await.status(), status, "{method} /{path} {cookie}");
    }
    // A restart ends what was opened.
    let address = up.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    up.kill();
    let again = stack(&sandbox, &address, "data");
    assert_eq!(asked(with("GET", "", cookie)).await.status(), 401);
    assert_ne!(again.page_link(), link);
}

#[test]
fn without_a_token_only_when_that_is_said_and_it_says_what_it_means() {
    let sandbox = Sandbox::new();
    let up = sandbox.up(&["--no-token"]);
    let said = up.line_with("warning: everybody who reaches");
    assert!(said.contains("can run any program as you"), "{said}");
    sandbox.csw(["jobs", "list", "--scheduler", &up.url]).ok();
    assert!(!sandbox.work().join("data/token").exists());
    let open = ["up", "--listen", "0.0.0.0:0", "--data", "data-2", "--no-token"];
    let refused = sandbox.csw(open).output();
    assert!(refused.code == 1 && refused.stderr.contains("without a token"), "{}", refused.stderr);
}

#[test]
fn the_readmes_way_to_ask_by_curl_works_and_shows_the_token_to_nobody() {
    let readme = crate::readme::readme();
    let command = readme.lines().find(|line| line.contains("| curl ")).unwrap().trim();
    let sandbox = Sandbox::new();
    let up = Up::start(sandbox.csw(["up", "--listen", "127.0.0.1:0"]));
    let command = command.replace("http://127.0.0.1:8888/", &up.url);
    let mut shell = Command::new("sh")
        .args(["-eu"])
        .env("HOME", sandbox.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("Examples/Solow"), "{command}");
    assert!(!command.contains("-H \"Authorization"), "arguments can be read by everybody: {command}");
}
