//! What every listener of csw has in common, on each of them: what slow and strange callers get.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::support::{Sandbox, Up};

/// A listener and what is not to be found there.
struct Listener {
    up: Up,
    /// Requests that are refused by their head alone, and how.
    refused: &'static [(&'static str, u16)],
}

/// `csw` that may have so many files open.
fn with_files(sandbox: &Sandbox, files: u32, args: &[&str], env: &[(&str, &str)]) -> Up {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_csw");
    command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), program]).args(args);
    command.current_dir(sandbox.work()).env_clear().env("HOME", sandbox.home());
    command.env("PATH", std::env::var_os("PATH").unwrap()).envs(env.iter().copied());
    Up::spawn(command)
}

/// Each kind of listener that serves HTTP.
fn listeners(sandbox: &Sandbox, files: u32) -> Vec<Listener> {
    let free = ["--listen", "127.0.0.1:0"];
    let key = [("CSW_CLUSTER_KEY", "0123456789abcdef0123456789abcdef")];
    let model = serde_json::json!({
        "model": "Test/Echo", "entry": {"command": {"argv": ["sh", "model.sh"]}}, "commit": "c0ffee",
        "workdir": sandbox.work(),
    });
    sandbox.write("model.json", model.to_string());
    sandbox.write("model.sh", crate::stack::harness::ECHO);
    let inputs = ["api-task", "--start", "--model-file", "model.json"];
    let inputs = with_files(sandbox, files, &[&inputs[..], &free].concat(), &[]);
    let stack = with_files(sandbox, files, &[&["up", "--data", "stack"][..], &free].concat(), &[]);
    let outputs = with_files(
        sandbox,
        files,
        &[&["outputs-processor", "--start", "--data", "op"][..], &free].concat(),
        &key,
    );
    vec![
        Listener {
            up: stack,
            refused: &[
                ("POST /sync/", 401),
                ("POST /Test/Echo/", 401),
                ("POST /write/", 403),
                ("POST /push/", 403),
                ("GET /nothing", 404),
                ("DELETE /healthz", 405),
            ],
        },
        Listener {
            up: outputs,
            refused: &[
                ("POST /write/", 403),
                ("POST /push/", 403),
                ("GET /api/v1/results", 403),
                ("GET /nothing", 404),
            ],
        },
        Listener { up: inputs, refused: &[("GET /nothing", 404), ("DELETE /sync/", 405)] },
    ]
}

fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).unwrap()
}

/// Everything that is answered until the other end closes.
fn said(url: &str, request: &str) -> String {
    let mut stream = connect(url);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // One that is reset has ended too.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn healthy(url: &str) -> String {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    said(url, &format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

#[test]
fn half_sent_requests_lock_nobody_out() {
    let sandbox = Sandbox::new();
    for Listener { up, .. } in listeners(&sandbox, 128) {
        let mut half = Vec::new();
        for n in 0..300 {
            let mut stream = connect(&up.url);
            // Those that were given up meanwhile don't take it any more.
            drop(stream.write_all(b"POST /push/ HTTP/1.1\r\nX-Half: ").map(|()| n));
            half.push(stream);
        }
        let answer = healthy(&up.url);
        assert!(answer.starts_with("HTTP/1.1 200"), "{}: {answer}", up.url);
    }
}

#[test]
fn who_shows_no_token_is_refused_before_his_body_takes_memory() {
    let sandbox = Sandbox::new();
    for Listener { up, refused } in listeners(&sandbox, 1024) {
        let before = up.memory("VmHWM");
        for (route, status) in refused {
            let mut open = Vec::new();
            for _ in 0..24 {
                let mut stream = connect(&up.url);
                let host = up.url.trim_start_matches("http://").trim_end_matches('/');
                let head = format!(
                    "{route} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer made-up\r\n\
                     Content-Type: application/json\r\nContent-Length: 33000000\r\n\r\n{{"
                );
                stream.write_all(head.as_bytes()).unwrap();
                open.push(stream);
            }
            for mut stream in open {
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{route}");
            }
        }
        let grown = up.memory("VmHWM") - before;
        assert!(grown < 64 << 20, "{grown} bytes");
    }
}

#[test]
fn every_answer_tells_browsers_to_leave_it_alone() {
    let sandbox = Sandbox::new();
    for Listener { up, refused } in listeners(&sandbox, 1024) {
        let host = up.url.trim_start_matches("http://").trim_end_matches('/');
        for route in
            refused.iter().map(|(route, _)| *route).chain(["GET /healthz", "GET /readyz", "GET /metrics"])
        {
            let answer = said(
                &up.url,
                &format!(
                    "{route} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                ),
            );
            let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
            for header in [
                "x-content-type-options: nosniff",
                "content-security-policy: default-src 'none'",
                "x-frame-options: deny",
                "referrer-policy: no-referrer",
                "cache-control: no-store",
                "cross-origin-resource-policy: same-origin",
            ] {
                assert!(head.contains(header), "{route} lacks {header}:\n{head}");
            }
        }
    }
}

#[test]
fn only_http_1_1_is_spoken() {
    let sandbox = Sandbox::new();
    for Listener { up, .. } in listeners(&sandbox, 1024) {
        let answer = said(&up.url, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
        let host = up.url.trim_start_matches("http://").trim_end_matches('/');
        let upgrade = format!(
            "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
        );
        let answer = said(&up.url, &upgrade);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
