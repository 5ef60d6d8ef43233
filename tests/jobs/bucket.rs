//! The bucket is checked before anything is computed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::ECHO;
use crate::support::{Csw, Sandbox};

/// Speaks as much of S3's protocol as storing outputs takes, and keeps who signed each request: "PUT AKID region".
struct Objects {
    url: String,
    signed: Arc<Mutex<Vec<String>>>,
}

impl Objects {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (signed, kept) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<(String, Vec<u8>)>>>::default());
        let all = Arc::clone(&signed);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (all, kept) = (Arc::clone(&all), Arc::clone(&kept));
                std::thread::spawn(
                    move || while answer(connection.as_ref().unwrap(), &all, &kept).is_some() {},
                );
            }
        });
        Self { url, signed }
    }

    fn signed(&self) -> Vec<String> {
        let mut signed = std::mem::take(&mut *self.signed.lock().unwrap());
        signed.sort();
        signed.dedup();
        signed
    }
}

fn answer(
    mut stream: &TcpStream,
    all: &Mutex<Vec<String>>,
    kept: &Mutex<Vec<(String, Vec<u8>)>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        lines.iter().find_map(|l| {
            l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |n| n.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines[0].split(' ');
    let (method, path) = (words.next()?, words.next()?.to_owned());
    let credential = header("authorization").unwrap_or_default();
    let mut parts = credential.split("Credential=").nth(1).unwrap_or("nobody///").split('/');
    let (id, region) = (parts.next()?, parts.nth(1)?);
    all.lock().unwrap().push(format!("{method} {id} {region}"));
    let mut kept = kept.lock().unwrap();
    let found = kept.iter().rev().find(|(p, _)| *p == path).map(|(_, b)| b.clone());
    let (status, content) = match (method, found) {
        ("PUT", _) => {
            kept.push((path, body));
            ("200 OK", Vec::new())
        }
        ("GET", Some(content)) => ("200 OK", content),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"x\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&content).ok()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    sandbox
}

fn run(sandbox: &Sandbox, bucket: &str) -> Csw {
    // Nobody is there, whatever machine this is.
    sandbox
        .csw([
            "jobs",
            "run",
            "-n",
            "Test/Echo",
            "--set",
            "text=hello",
            "--out",
            "out",
            "--force",
            "--bucket",
            bucket,
        ])
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
        .env("GCE_METADATA_HOST", "127.0.0.1:1")
}

fn computed(sandbox: &Sandbox) -> bool {
    sandbox.work().join("models/Echo/runs").exists()
}

#[test]
fn credentials_and_region_are_found_where_amazons_tools_keep_them() {
    let sandbox = sandbox();
    let objects = Objects::start();
    let files = sandbox.home().join(".aws");
    std::fs::create_dir(&files).unwrap();
    let credentials = "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = s\n[other]\naws_access_key_id = AKOTHER\naws_secret_access_key = s\n";
    std::fs::write(files.join("credentials"), credentials).unwrap();
    std::fs::write(
        files.join("config"),
        "[default]\nregion = eu-west-3\n[profile other]\nregion = eu-north-1\n",
    )
    .unwrap();
    let run = || run(&sandbox, "s3://b/x").env("AWS_ENDPOINT_URL", &objects.url);
    let signed_by = |who: &str| {
        let signed = objects.signed();
        assert!(
            signed.contains(&format!("PUT {who}")) && signed.iter().all(|s| s.ends_with(who)),
            "{who}: {signed:?}"
        );
    };
    run().ok();
    signed_by("AKDEFAULT eu-west-3");
    run().env("AWS_PROFILE", "other").ok();
    signed_by("AKOTHER eu-north-1");
    // What the environment says counts more.
    run()
        .env("AWS_ACCESS_KEY_ID", "AKENV")
        .env("AWS_SECRET_ACCESS_KEY", "s")
        .env("AWS_REGION", "us-west-2")
        .ok();
    signed_by("AKENV us-west-2");
    let output = run().env("AWS_PROFILE", "gone").output();
    assert!(
        output.code != 0 && output.stderr.contains("AWS_PROFILE names the profile `gone`"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_bucket_that_can_not_be_used_is_said_before_anything_is_computed() {
    let sandbox = sandbox();
    let says = |csw: Csw, parts: &[&str]| {
        let output = csw.output();
        assert!(output.code != 0, "{}", output.stdout);
        for part in parts {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
        assert!(!computed(&sandbox), "{}", output.stderr);
    };
    says(
        run(&sandbox, "s3://b"),
        &["there are no credentials for s3://b", "AWS_ACCESS_KEY_ID", "profile `default`"],
    );
    says(
        run(&sandbox, "gs://b"),
        &["there are no credentials for gs://b", "GOOGLE_APPLICATION_CREDENTIALS", "gcloud auth"],
    );
    let keys = |csw: Csw| csw.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
    says(
        keys(run(&sandbox, "s3://b")).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        &["s3://b", "csw-probe"],
    );
    // A server that takes a connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    says(keys(run(&sandbox, "s3://b")).env("AWS_ENDPOINT_URL", url), &["s3://b does not answer within"]);
    std::fs::create_dir(sandbox.home().join(".aws")).unwrap();
    std::fs::write(sandbox.home().join(".aws/config"), "[profile p]\nsso_session = s\n").unwrap();
    says(
        run(&sandbox, "s3://b").env("AWS_PROFILE", "p"),
        &["`sso_session`", "aws configure export-credentials --profile p --format env"],
    );
    let up = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--bucket", "s3://b"]);
    says(up.env("AWS_EC2_METADATA_DISABLED", "true"), &["there are no credentials for s3://b"]);
}
