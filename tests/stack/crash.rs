//! The stack is killed with -9, again and again, while jobs are submitted and run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Sandbox, Up};

/// Writes a line when it is done, so that a simulation that was computed twice shows.
const APPEND: &str = r#"
read -r request
case "$request" in *'"task":"version"'*) echo '{"version": "1"}'; exit ;; esac
n=$(echo "$request" | sed 's/.*"n":\([0-9]*\).*/\1/')
echo "$n" >>runs
echo "{\"renderable\": [], \"downloadable\": [{\"title\": \"n\", \"media_type\": \"Text\", \"data\": \"$n\"}]}"
"#;

/// How many simulations go through; more take more time and nothing else.
fn jobs() -> usize {
    std::env::var("CSW_CRASH_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

struct Place {
    sandbox: Sandbox,
    listen: String,
}

impl Place {
    fn up(&self) -> Up {
        Up::start(self.sandbox.csw(["up", "--listen", &self.listen, "--data", "data", "--max-jobs", "4"]))
    }

    fn finished(&self) -> usize {
        std::fs::read_to_string(self.sandbox.work().join("models/Append/runs"))
            .unwrap_or_default()
            .lines()
            .count()
    }

    /// Kills the stack once so many simulations were computed.
    fn kill_at(&self, up: Up, finished: usize) {
        while self.finished() < finished {
            std::thread::sleep(Duration::from_millis(1));
        }
        up.kill();
    }
}

#[test]
fn nothing_is_lost_and_nothing_runs_twice() {
    let count = jobs();
    let sandbox = Sandbox::new();
    sandbox.sh_model("Append", APPEND);
    let sets: String = (0..count).map(|n| format!("{{\"adjustment\": {{\"n\": {n}}}}}\n")).collect();
    sandbox.write("sets.jsonl", sets);
    // The same address after every start, so that the client finds it again.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place { sandbox, listen: free.to_string() };
    let url = format!("http://{free}/");
    let up = place.up();
    let submit = place.sandbox.csw([
        "jobs",
        "submit",
        "-n",
        "Test/Append",
        "--from",
        "sets.jsonl",
        "--scheduler",
        &url,
        "--concurrency",
        "4",
        "--id-prefix",
        "n",
        "-o",
        "name",
    ]);
    let submitting = std::thread::spawn(move || submit.ok());
    // Moments that differ from run to run.
    let luck = |n: usize| std::process::id() as usize * 31 % (count / 10 * (n + 1)) + 1;
    place.kill_at(up, luck(0));
    let up = place.up();
    place.kill_at(up, count / 3 + luck(1) / 4);
    let up = place.up();
    place.kill_at(up, count * 2 / 3 + luck(2) / 4);
    let _up = place.up();
    let ids = submitting.join().unwrap();
    assert_eq!(ids.lines().count(), count, "every submission was accepted in the end");
    place.sandbox.csw(["jobs", "wait", "--all", "--scheduler", &url, "--timeout", "10m"]).ok();

    let list =
        place.sandbox.csw(["jobs", "list", "--status", "SUCCESS", "-o", "json", "--scheduler", &url]).ok();
    let jobs: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(jobs.len(), count, "as many results as submissions");
    let mut runs: BTreeMap<usize, usize> = BTreeMap::new();
    for line in place.sandbox.read("models/Append/runs").lines() {
        *runs.entry(line.parse().unwrap()).or_default() += 1;
    }
    assert_eq!(runs.len(), count);
    let twice: Vec<_> = runs.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "computed more than once: {twice:?}");
    // Each result is the one of its own inputs.
    for n in [0, count / 2, count - 1] {
        let (id, out) = (format!("n-{}", n + 1), format!("out-{n}"));
        place.sandbox.csw(["jobs", "results", &id, "--scheduler", &url, "--out", &out]).ok();
        assert_eq!(place.sandbox.read(&format!("{out}/downloadable/n.txt")), n.to_string());
    }
}
