//! Several models tested at once.

use super::*;

/// Says that it is there, and waits to be let go on.
const WAITS: &str = "printf 'at work' >&2; : >/tmp/here; while [ ! -e /tmp/go ]; do sleep 0.1; done; ";

/// Two models in one project, whose simulations wait.
fn two(config: &str) -> Option<Bench> {
    let bench = Bench::sh("First", config, &format!("{WAITS}{RESULT}"))?;
    let image = bench.image();
    // Another one of the same files, with a name of its own.
    docker_says(["tag", &image, &image.replace("first", "second")]);
    let file = bench.sandbox.read("config/Test/First.yaml").replace("title: First", "title: Second");
    bench.sandbox.write("config/Test/Second.yaml", file);
    Some(bench)
}

/// Waits until so many simulations run, and gives their containers.
fn at_work(bench: &Bench, count: usize) -> Vec<String> {
    let waits = |id: &String| {
        docker(["exec", id, "sh", "-c", "[ -e /tmp/here ]"]).output().is_ok_and(|o| o.status.success())
    };
    until("the simulations run", || {
        let containers: Vec<String> = bench.corner.containers().into_iter().filter(waits).collect();
        (containers.len() == count).then_some(containers)
    })
}

fn let_go(container: &str) {
    docker_says(["exec", container, "touch", "/tmp/go"]);
}

fn start(bench: &Bench, more: &[&str]) -> Child {
    let mut command = bench.csw(&[&["models", "test"], more].concat()).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn several_models_are_tested_at_once_within_their_processors() {
    let Some(bench) = two("resources: {limits: {cpu: 500m, memory: 64M}}\n") else { return };
    let running = start(&bench, &["--jobs", "2", "--junit", "all.xml", "-o", "json"]);
    for container in at_work(&bench, 2) {
        let format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}";
        assert_eq!(docker_says(["inspect", "--format", format, &container]), "500000000 64000000");
        let_go(&container);
    }
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for line in ["Test/First  | at work", "Test/Second | at work", "Test/Second | passed"] {
        assert!(said.contains(line), "{said}");
    }
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&Value> = results.as_array().unwrap().iter().map(|result| &result["name"]).collect();
    assert_eq!(names, ["Test/First", "Test/Second"]);
    let report = bench.sandbox.read("all.xml");
    assert!(report.contains(r#"tests="8""#) && report.contains("Test/Second"), "{report}");
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn one_after_the_other_where_that_is_asked_for_and_ctrl_c_ends_them_all() {
    let Some(bench) = two("") else { return };
    let running = start(&bench, &["--jobs", "1"]);
    let first = at_work(&bench, 1);
    let_go(&first[0]);
    let second = until("the second simulation runs", || {
        let found = at_work(&bench, 1);
        (found != first).then_some(found)
    });
    assert_eq!(bench.corner.containers(), second);
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
    let running = start(&bench, &["--jobs", "2"]);
    at_work(&bench, 2);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bench.corner.containers(), Vec::<String>::new());
}

#[test]
fn github_sees_each_models_tests_folded_and_what_is_wrong_beside_its_file() {
    let Some(bench) = Bench::sh("Wrong", "", "echo hello >&2; echo '{}'") else { return };
    let output = bench.csw(&["models", "test"]).env("GITHUB_ACTIONS", "true").output();
    assert_eq!(output.code, 5, "{}", output.stderr);
    let said = &output.stderr;
    assert!(said.contains("::group::Test/Wrong: failed\n") && said.contains("\nhello\n"), "{said}");
    assert!(said.contains("::endgroup::"), "{said}");
    let error = said.lines().find(|line| line.starts_with("::error ")).unwrap();
    let expected = "::error file=config/Test/Wrong.yaml,line=2,title=Test/Wrong::sim: ";
    assert!(error.starts_with(expected), "{error}");
}
