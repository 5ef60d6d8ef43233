//! `csw svc serve`: what listens here is answered by pods.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::space::{Space, deployment};
use crate::support::{Up, on_each_cluster, require};

/// A pod that answers `GET /` with its name and `GET /big` with five million bytes, as the Service's port 80.
const ANSWER: &str = "mkdir /tmp/www; hostname >/tmp/www/index.html; yes csw | head -c 5000000 >/tmp/www/big; \
                      exec busybox httpd -f -p 8080 -h /tmp/www";
const PORT: &str = "ports: [{name: web, containerPort: 8080}]\n        readinessProbe: {httpGet: {path: /, port: web}, periodSeconds: 1}";

fn service(selector: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: scheduler}}, spec: {{selector: {selector}, ports: [{{port: 80, targetPort: web}}]}}}}\n---\n"
    )
}

fn space(manifest: &str) -> Space {
    let space = Space::new();
    space.sandbox.write("all.yaml", manifest);
    let output = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    space
}

fn served(more: &[&str]) -> (Space, Up) {
    let space = space(&(service("{app: web}") + &deployment("web", ANSWER, PORT)));
    space.kubectl(&["rollout", "status", "deployment/web"]);
    let up = Up::start(space.csw(&[&["svc", "serve", "--port", "0"], more].concat()));
    (space, up)
}

/// Asks once, with a connection of its own.
fn get(up: &Up, path: &str) -> std::io::Result<Vec<u8>> {
    let address = up.url.trim_start_matches("http://").trim_end_matches('/');
    let mut socket = TcpStream::connect(address)?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok(answer.split_off(head))
}

fn pods(space: &Space) -> BTreeSet<String> {
    space.kubectl(&["get", "pods", "-o", "name"]).lines().map(str::to_owned).collect()
}

on_each_cluster!(connections_are_carried_whole_and_many_at_once);

fn connections_are_carried_whole_and_many_at_once() {
    if !require("kubernetes-node") {
        return;
    }
    let (_space, up) = served(&[]);
    let expected: Vec<u8> = b"csw\n".iter().copied().cycle().take(5_000_000).collect();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| get(&up, "/big").unwrap())).collect();
        for answer in asked {
            assert!(answer.join().unwrap() == expected);
        }
    });
    assert!(up.said().contains("Service csw-test-"), "{}", up.said());
    assert!(up.terminate().success());
}

on_each_cluster!(a_pod_that_is_replaced_is_followed);

fn a_pod_that_is_replaced_is_followed() {
    if !require("kubernetes-node") {
        return;
    }
    let (space, up) = served(&[]);
    let first = get(&up, "/").unwrap();
    let before = pods(&space);
    assert!(before.iter().any(|pod| pod.ends_with(String::from_utf8_lossy(&first).trim())));
    space.kubectl(&["delete", "pods", "-l", "app=web", "--wait=true"]);
    // Connections wait for the next pod; one that fell into the change may have been ended.
    let begun = Instant::now();
    let second = loop {
        match get(&up, "/") {
            Ok(answer) if !answer.is_empty() => break answer,
            other => assert!(begun.elapsed() < Duration::from_secs(120), "{other:?}: {}", up.said()),
        }
    };
    assert_ne!(first, second);
    assert!(up.said().contains("Lost pod"), "{}", up.said());
}

on_each_cluster!(what_cannot_be_forwarded_to_is_said_at_once);

fn what_cannot_be_forwarded_to_is_said_at_once() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let serve = |more: &[&str]| space.run(&[&["svc", "serve", "--port", "0"], more].concat());
    let output = serve(&[]);
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("there is no Service scheduler in the namespace"), "{}", output.stderr);
    assert!(output.stderr.contains("csw svc apply"), "{}", output.stderr);

    space.sandbox.write("service.yaml", service("{app: web}"));
    assert_eq!(space.run(&["cluster", "apply", "-f", "service.yaml"]).code, 0);
    let output = serve(&[]);
    assert!(output.stderr.contains("is ready: it has no pods"), "{}", output.stderr);

    let broken = deployment("web", "true", PORT).replace("csw-test/busybox:1", "127.0.0.1:9/no/such:1");
    space.sandbox.write("service.yaml", service("{app: web}") + &broken);
    let output = space.run(&["cluster", "apply", "-f", "service.yaml", "--wait", "--timeout", "5m"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    let output = serve(&[]);
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("ImagePull") || output.stderr.contains("ErrImage"), "{}", output.stderr);

    space.sandbox.write("csw.yaml", "allowed_contexts: [production]\n");
    let output = serve(&[]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("not among the allowed contexts"), "{}", output.stderr);
}
