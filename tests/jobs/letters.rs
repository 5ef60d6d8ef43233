//! `csw jobs results --dead`, `--waiting` and `--retry`, on a stack whose web app refuses a result.

use serde_json::Value;

use super::ECHO;
use crate::support::{Sandbox, Up, WebApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_web_app_refused_is_listed_and_sent_again() {
    let web_app = WebApp::start().await;
    web_app.fail_next([(400, vec![])]);
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let csw = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "data"]);
    let up = Up::start(csw.env("CS_URL", web_app.url.as_str()).env("CS_API_TOKEN", "s3cret"));
    let jobs = |args: &[&str]| {
        let at = ["--scheduler", &up.url];
        sandbox.csw(["jobs"].iter().chain(args).chain(&at)).output()
    };
    assert_eq!(jobs(&["results", "--dead"]).stdout, "The web app has refused no result\n");
    assert_eq!(jobs(&["submit", "-n", "Test/Echo", "--id", "run-1"]).code, 0);
    web_app.until("it to be refused", |w| w.requests().len() == 1).await;
    let dead = loop {
        let dead: Value = serde_json::from_str(&jobs(&["results", "--dead", "-o", "json"]).stdout).unwrap();
        if dead != serde_json::json!([]) {
            break dead;
        }
    };
    assert_eq!((&dead[0]["task_id"], &dead[0]["tries"]), (&"run-1".into(), &1.into()));
    let table = jobs(&["results", "--dead"]).stdout;
    assert!(table.contains("Test/Echo") && table.contains("answered 400 Bad Request"), "{table}");
    assert_eq!(jobs(&["results", "--retry", "nobody"]).code, 1);
    let sent = jobs(&["results", "--retry", "-o", "name"]);
    assert_eq!((sent.code, sent.stdout.as_str()), (0, "run-1\n"), "{}", sent.stderr);
    web_app.until("the result", |w| w.taken() == ["run-1"]).await;
    while !jobs(&["results", "--waiting", "-o", "name"]).stdout.is_empty() {}
    assert_eq!(jobs(&["results", "--dead", "-o", "name"]).stdout, "");
    let late = jobs(&["results", "--retry", "run-1"]);
    assert_eq!(late.code, 1);
    assert!(late.stderr.contains("the result of job run-1 does not wait for the web app"), "{}", late.stderr);
    assert_eq!(jobs(&["results"]).code, 2);
    assert_eq!(jobs(&["results", "run-1", "--dead"]).code, 2);
}
