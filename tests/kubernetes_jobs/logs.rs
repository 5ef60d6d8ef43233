use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::place::{Job, Place};
use crate::cluster::space::kubeconfig;
use crate::support::{on_each_cluster, require};

on_each_cluster!(a_follower_hears_everything_from_pending_over_a_retry_to_the_end);

fn a_follower_hears_everything_from_pending_over_a_retry_to_the_end() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    let script = "echo \"begin of $HOSTNAME\"; sleep 1; echo end; printf last; exit 5";
    place.create([Job::new("one", script)
        .set("/spec/backoffLimit", 1.into())
        .pod("nodeSelector", json!({"csw-test/go": place.space.name}))]);
    place.until("one", |j| j["reason"].as_str().is_some_and(|r| r.contains("Unschedulable")));
    let command = place.space.csw(&["jobs", "logs", "-f", "one", "--on", "kubernetes"]).into_command();
    let mut command = command;
    let follower = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let node = place.space.kubectl(&["get", "nodes", "-o", "name"]);
    let label = format!("csw-test/go={}", place.space.name);
    place.space.kubectl(&["label", "--overwrite", node.trim(), &label]);
    let output = follower.wait_with_output().unwrap();
    place.space.kubectl(&["label", node.trim(), "csw-test/go-"]);
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{stderr}");
    let pods = place.space.kubectl(&["get", "pods", "--sort-by=.metadata.creationTimestamp", "-o", "name"]);
    let expected: String =
        pods.lines().map(|p| format!("begin of {}\nend\nlast", p.trim_start_matches("pod/"))).collect();
    assert_eq!(stdout, expected, "{stderr}");
    assert_eq!(pods.lines().count(), 2);
    assert!(
        stderr.contains("Unschedulable") && stderr.contains("tried again after: Error: exited with 5"),
        "{stderr}"
    );

    // Without -f: the last attempt's.
    let last = pods.lines().next_back().unwrap().trim_start_matches("pod/");
    assert_eq!(place.jobs(&["logs", "one"]).stdout, format!("begin of {last}\nend\nlast"));
}

/// Passes connections on to the API server, and cuts them.
struct Cutter {
    connections: Arc<Mutex<Vec<TcpStream>>>,
    kubeconfig: String,
}

impl Cutter {
    fn new(place: &Place) -> Self {
        let text = std::fs::read_to_string(kubeconfig()).unwrap();
        let server = text.split("https://").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let path = place.space.sandbox.write("cut.kubeconfig", text.replace(&server, &address.to_string()));
        let connections: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let all = Arc::clone(&connections);
        std::thread::spawn(move || {
            for incoming in listener.incoming() {
                let (Ok(near), Ok(far)) = (incoming, TcpStream::connect(&server)) else { return };
                all.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let mut buffer = [0; 4096];
                        while let Ok(n @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..n]).is_err() {
                                return;
                            }
                        }
                        drop(to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        Self { connections, kubeconfig: path.display().to_string() }
    }

    fn cut(&self) -> usize {
        let mut connections = self.connections.lock().unwrap();
        let cut = connections.iter().filter(|c| c.shutdown(Shutdown::Both).is_ok()).count();
        connections.clear();
        cut
    }
}

on_each_cluster!(a_broken_stream_is_taken_up_again_where_it_broke);

fn a_broken_stream_is_taken_up_again_where_it_broke() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    let cutter = Cutter::new(&place);
    place.create([Job::new(
        "one",
        "i=0; while [ $i -lt 150 ]; do echo line $i; i=$((i+1)); sleep 0.03; done",
    )]);
    let mut command = place
        .space
        .csw(&["jobs", "logs", "-f", "one", "--on", "kubernetes"])
        .env("KUBECONFIG", &cutter.kubeconfig)
        .into_command();
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut cuts = 0;
    while follower.try_wait().unwrap().is_none() {
        // Not a wait for something: this is how often connections break.
        std::thread::sleep(Duration::from_millis(700));
        cuts += cutter.cut();
    }
    let output = follower.wait_with_output().unwrap();
    assert!(output.status.success() && cuts > 2, "{cuts}");
    let expected: String = (0..150).map(|i| format!("line {i}\n")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

on_each_cluster!(what_has_no_log_says_why);

fn what_has_no_log_says_why() {
    if !require("kubernetes") {
        return;
    }
    let place = Place::new();
    place.create([Job::new("one", "exit 0").pod("nodeSelector", json!({"no": "such"}))]);
    let output = place.jobs(&["logs", "one"]);
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    assert!(output.stderr.contains("job one has no log: it is PENDING"), "{}", output.stderr);
    let output = place.jobs(&["logs", "-f", "none-such"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("there is no job none-such"), "{}", output.stderr);
}
