//! `csw up`

use serde_json::{Value, json};

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

#[tokio::test]
async fn the_web_app_can_sync_its_models_and_can_not_break_them() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let start = || {
        let csw = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "data"]);
        crate::support::Up::start(csw.env("CSW_SCHEDULER_TOKEN", "s3cret"))
    };
    let up = start();
    let client = csw::http::client(&up.url.parse().unwrap()).unwrap();
    let sync = async |list: Value, token: &str| {
        let request = client.post(format!("{}sync/", up.url)).json(&list).header("authorization", token);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let names = async |url: &str| {
        let request = client.get(format!("{url}api/v1/models")).header("authorization", "Token s3cret");
        let models: Value = request.send().await.unwrap().json().await.unwrap();
        models.as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let entry = |title: &str, memory: Value| {
        json!({"owner": "Web", "title": title, "repo_url": "https://example.org/m.git", "repo_tag": "main",
               "exp_task_time": 20, "cpu": 1, "memory": memory, "cluster_type": "single-core"})
    };
    assert_eq!(sync(json!([]), "Token wrong").await.0, 401);
    let (status, answer) = sync(json!([entry("Good", json!(2))]), "Token s3cret").await;
    assert_eq!((status, &answer["models"]), (200, &json!(2)), "{answer}");
    assert_eq!(names(&up.url).await, ["Test/Echo", "Web/Good"]);
    let (status, answer) = sync(json!([entry("Other", json!("much"))]), "Bearer s3cret").await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("nothing was changed: the list has mistakes")),
        "{answer}"
    );
    assert!(answer["hints"][0].as_str().unwrap().contains("memory"), "{answer}");
    assert_eq!(sync(json!({"not": "a list"}), "Token s3cret").await.0, 400);
    assert_eq!(names(&up.url).await, ["Test/Echo", "Web/Good"]);
    up.kill();
    let again = start();
    assert_eq!(names(&again.url).await, ["Test/Echo", "Web/Good"], "a restart does not forget them");
}

#[test]
fn models_are_taken_as_their_files_change_and_kept_where_these_have_mistakes() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("First", super::ECHO);
    let up = sandbox.up(&[]);
    let said = |text: &str| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !up.said().contains(text) {
            assert!(std::time::Instant::now() < deadline, "not said: {text}\n{}", up.said());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let run = |model: &str, id: &str| {
        let submit = ["jobs", "submit", "-n", model, "--id", id, "--set", "text=hi"];
        sandbox.csw(submit).env("CSW_SCHEDULER", &up.url).output()
    };
    // Known as soon as its file is there, without anybody having to wait.
    sandbox.sh_model("Second", super::ECHO);
    let submitted = run("Test/Second", "second");
    assert_eq!(submitted.code, 0, "{}", submitted.stderr);
    said("Added: Test/Second");
    // Mistakes are told, and the model stays as it was.
    let file = "config/Test/Second.yaml";
    let good = sandbox.read(file);
    sandbox.write(file, format!("{good}colour: red\n"));
    said("colour");
    said("until their mistakes are corrected: Test/Second");
    assert_eq!(run("Test/Second", "again").code, 0);
    sandbox.write(file, format!("{good}oneliner: Echoes\n"));
    said("Changed: Test/Second");
    // One that was never right is told of as what it is.
    sandbox.write("config/Test/Third.yaml", "owner: Test\ntitle: Third\ncolour: red\n");
    said("config/Test/Third.yaml");
    let broken = run("Test/Third", "third");
    assert_eq!(broken.code, 1);
    assert!(
        broken.stderr.contains("Its configuration has mistakes: config/Test/Third.yaml:"),
        "{}",
        broken.stderr
    );
    let unknown = run("Test/Nobody", "nobody");
    assert!(
        unknown.stderr.contains("there are: Test/First, Test/Second")
            && unknown.stderr.contains("csw models new Test/Nobody"),
        "{}",
        unknown.stderr
    );
    std::fs::remove_file(sandbox.work().join(file)).unwrap();
    said("Removed: Test/Second");
    sandbox.write("csw.yaml", "max_jobs: 7\n");
    said("Settings have changed that this stack was started with: max_jobs");
    sandbox.write("csw.yaml", "max_jobs: many\n");
    said("The settings stay as they were");
}
