//! `csw up`

use serde_json::Value;

use super::ECHO;
use crate::support::Sandbox;

#[test]
fn it_says_where_it_is_and_ends_when_asked() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    sandbox.write("config/Test/Broken.yaml", "owner: Test\ntitel: Broken\n");
    let up = sandbox.up(&[]);
    let address: Value = serde_json::from_str(&sandbox.read("data/stack.json")).unwrap();
    assert_eq!(address["url"], up.url.as_str());
    let second = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "data"]).output();
    assert_eq!(second.code, 1);
    let pid = address["pid"].to_string();
    assert!(second.stderr.contains(&format!("is in use by process {pid}")), "{}", second.stderr);
    sandbox.csw(["jobs", "list", "--scheduler", &up.url]).ok();
    let said = up.said();
    assert!(said.contains("titel"), "what is wrong with the other model is told:\n{said}");
    let status = up.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!sandbox.work().join("data/stack.json").exists());
}

#[test]
fn it_does_not_open_itself_to_the_world_without_a_token() {
    let sandbox = Sandbox::new();
    let output = sandbox.csw(["up", "--listen", "0.0.0.0:0", "--data", "data"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("refusing to listen on 0.0.0.0:0 without a token"), "{}", output.stderr);
    let up = crate::support::Up::start(
        sandbox.csw(["up", "--listen", "0.0.0.0:0", "--data", "data"]).env("CSW_SCHEDULER_TOKEN", "s3cret"),
    );
    let list = || sandbox.csw(["jobs", "list", "-o", "json", "--scheduler", &up.url]);
    assert_eq!(list().env("CSW_SCHEDULER_TOKEN", "s3cret").ok(), "[]\n");
    let refused = list().output();
    assert!(refused.code == 4 && refused.stderr.contains("wants a token"), "{}", refused.stderr);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = sandbox.csw(["up", "--listen", &address, "--data", "data"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("cannot listen on {address}")), "{}", output.stderr);
}
