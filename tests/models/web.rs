//! What the web app knows is a source too; what a file says outweighs it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use csw::config::{self, ConfigError, Sources};
use serde_json::Value;

use crate::support::Sandbox;

const ANSWER: &str = r#"[
    {"owner": "PSLmodels", "title": "Tax-Cruncher", "oneliner": "From the web", "description": null,
     "repo_url": "https://github.com/PSLmodels/Tax-Cruncher", "repo_tag": "dev", "latest_tag": "2020-01-01",
     "exp_task_time": 60, "cpu": "2", "memory": "6.00", "listed": false, "cluster_type": "single-core", "pk": 1},
    {"owner": "PSLmodels", "title": "OG-USA", "repo_url": "https://github.com/PSLmodels/OG-USA", "cluster_type": "dask"},
    {"owner": "PSLmodels", "title": "Broken", "memory": "lots"}
]"#;

fn sources(sandbox: &Sandbox) -> Sources {
    Sources::files(sandbox.work().join("config")).with_web_app("http://web/publish/api/", ANSWER)
}

#[test]
fn a_minimal_file_gets_the_rest_from_the_web_app() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "config/PSLmodels/Tax-Cruncher.yaml",
        "owner: PSLmodels\ntitle: Tax-Cruncher\ntimestamp: \"2020-10-29 09:29\"\n",
    );
    let catalog = config::load_valid(&sources(&sandbox)).unwrap();
    let model = catalog.find("PSLmodels/Tax-Cruncher").unwrap();
    assert_eq!(model.oneliner.as_deref(), Some("From the web"));
    assert_eq!(model.repo_tag.as_deref(), Some("dev"));
    assert_eq!(model.latest_tag.as_deref(), Some("2020-01-01"));
    assert_eq!(model.timestamp.as_ref().unwrap().to_string(), "2020-10-29 09:29");
    assert_eq!(model.resources.requests.memory.to_string(), "6.00G".replace(".00", ""));
    assert_eq!(model.resources.limits.memory.to_string(), "8G");
    assert_eq!(model.resources.limits.cpu.to_string(), "2");
    assert!(!model.listed);
    assert_eq!(catalog.find("PSLmodels/OG-USA").unwrap().resources.limits.memory.to_string(), "3G");
}

#[test]
fn a_files_values_outweigh_the_web_apps() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "config/PSLmodels/Tax-Cruncher.yaml",
        "owner: PSLmodels\ntitle: Tax-Cruncher\ntimestamp: 2020-10-29\noneliner: Mine\nlisted: true\nrepo_tag: v1\n\
         resources: {limits: {memory: 20G}}\ncluster_type: dask\nreplicas: 3\n",
    );
    let catalog = config::load_valid(&sources(&sandbox)).unwrap();
    let model = catalog.find("PSLmodels/Tax-Cruncher").unwrap();
    assert_eq!(model.oneliner.as_deref(), Some("Mine"));
    assert_eq!((model.repo_tag.as_deref(), model.replicas, model.listed), (Some("v1"), 3, true));
    // Memory is the file's alone, cpu the web app's.
    assert_eq!(model.resources.requests.memory.to_string(), "20G");
    assert_eq!(model.resources.requests.cpu.to_string(), "2");
}

#[test]
fn a_broken_entry_costs_that_model_alone() {
    let sandbox = Sandbox::new();
    let catalog = config::load_valid(&sources(&sandbox)).unwrap();
    assert_eq!(catalog.models().len(), 2);
    let Err(ConfigError::Invalid(found)) = catalog.find("PSLmodels/Broken") else { panic!() };
    insta::assert_snapshot!(found.to_string(), @r"
    http://web/publish/api/: entry 3 (PSLmodels/Broken): `memory`: expected a number of gigabytes, found `lots`
    1 problem in 1 file
    ");
    assert!(matches!(config::load(&sources(&sandbox)), Err(ConfigError::Invalid(_))));
}

#[test]
fn a_name_that_the_web_app_spells_otherwise_is_a_collision() {
    let sandbox = Sandbox::new();
    sandbox.write("config/pslmodels/OGUSA.yaml", "owner: pslmodels\ntitle: OGUSA\ntimestamp: 2020-10-29\n");
    let catalog = config::load_valid(&sources(&sandbox)).unwrap();
    let text = catalog.diagnostics().to_string();
    assert!(
        text.contains("`PSLmodels/OG-USA` and `pslmodels/OGUSA` would both be called `pslmodels-ogusa`"),
        "{text}"
    );
    assert!(catalog.find("pslmodels/ogusa").is_err() && catalog.find("PSLmodels/OG-USA").is_err());
}

/// A web app that gives these answers, one a connection, and the requests that it got.
fn web_app(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            requests.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).unwrap();
        }
        requests
    });
    (url, server)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn the_command_asks_the_web_app_and_tries_again() {
    let sandbox = Sandbox::new();
    let good = r#"[{"owner": "A", "title": "B", "cpu": 1, "memory": 5}]"#;
    let (url, server) = web_app(vec![http("503 Busy", ""), http("200 OK", good)]);
    let csw = sandbox.csw(["models", "list", "--source", "web", "-o", "json", "--cs-url", &url]);
    let list: Vec<Value> = serde_json::from_str(&csw.env("CS_API_TOKEN", "hunter2").ok()).unwrap();
    assert_eq!(list[0]["resources"]["limits"]["memory"], "6G");
    let requests = server.join().unwrap();
    assert!(requests[1].starts_with("GET /publish/api/ HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(requests[1].to_lowercase().contains("authorization: token hunter2"), "{}", requests[1]);
}

#[test]
fn a_web_app_that_says_no_or_is_not_there_ends_with_4() {
    let sandbox = Sandbox::new();
    let (url, server) = web_app(vec![http("401 Unauthorized", "")]);
    let output = sandbox.csw(["models", "list", "--source", "all", "--cs-url", &url]).output();
    server.join().unwrap();
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("401") && output.stderr.contains("CS_API_TOKEN"), "{}", output.stderr);
    let output = sandbox.csw(["models", "list", "--source", "web"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("--cs-url"), "{}", output.stderr);
}
