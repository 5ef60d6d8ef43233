//! `kill -9` at any point leaves what the next run finishes.

use std::process::Stdio;
use std::time::Instant;

use super::space::{Space, config_map};
use crate::support::{on_each_cluster, require};

const OBJECTS: usize = 200;

fn write(space: &Space, round: usize) {
    // From round to round every object changes, and half of them give way to others.
    let text: String = (0..OBJECTS)
        .map(|i| config_map(&format!("c{i}-{}", if i % 2 == 0 { 0 } else { round % 2 }), &round.to_string()))
        .collect();
    space.sandbox.write("all.yaml", text);
}

on_each_cluster!(killed_at_twenty_points_and_run_again);

fn killed_at_twenty_points_and_run_again() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    write(&space, 0);
    let begun = Instant::now();
    space.json(&["cluster", "apply", "-f", "all.yaml", "--prune"], 0);
    let whole = begun.elapsed();
    let mut cut_short = 0;
    for round in 1..=20 {
        write(&space, round);
        let mut child = space
            .csw(&["cluster", "apply", "-f", "all.yaml", "--prune"])
            .into_command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the whole run, in no particular order.
        std::thread::sleep(whole.mul_f64(f64::from((round * 7 % 20) as u32) / 20.0));
        cut_short += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let finished = space.json(&["cluster", "apply", "-f", "all.yaml", "--prune"], 0);
        assert_eq!(finished["summary"]["conflict"], 0);
        let live: serde_json::Value = serde_json::from_str(&space.kubectl(&[
            "get",
            "configmap",
            "-l",
            "applyset.kubernetes.io/part-of",
            "-o",
            "json",
        ]))
        .unwrap();
        let items = live["items"].as_array().unwrap();
        assert_eq!(items.len(), OBJECTS, "round {round}");
        let value = round.to_string();
        assert!(items.iter().all(|i| i["data"]["value"] == value.as_str()), "round {round}");
        let again = space.json(&["cluster", "apply", "-f", "all.yaml", "--prune"], 0);
        assert_eq!(again["summary"]["unchanged"], OBJECTS, "round {round}");
    }
    assert!(cut_short > 5, "only {cut_short} of 20 runs were killed in the middle");
}

on_each_cluster!(ctrl_c_ends_with_what_was_applied_and_what_was_not);

fn ctrl_c_ends_with_what_was_applied_and_what_was_not() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("all.yaml", (0..2000).map(|i| config_map(&format!("c{i}"), "1")).collect::<String>());
    let child = space
        .csw(&["cluster", "apply", "-f", "all.yaml", "--concurrency", "2"])
        .into_command()
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // In the middle is when some are there and others not.
    while space.members("configmap").is_empty() {}
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted") && said.contains("not applied ("), "{said}");
    assert!(said.contains("Run the same command again"), "{said}");
    let there = space.members("configmap").len();
    assert!(said.contains(&format!("applied ({there}): ")), "{there} are there: {said}");
}
