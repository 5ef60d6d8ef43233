//! The real `cs-storage` from PyPI reads what csw writes, and csw reads what it writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use csw::outputs::Pointer;
use serde_json::{Value, json};

use super::{block_on, bucket, every_kind, outputs, without_ids};
use crate::support::python_environment;

/// An interpreter that has `cs_storage`. `None`: it can't be had here.
pub fn python() -> Option<PathBuf> {
    // Without its dependency on Google's client, which a folder doesn't need.
    python_environment(
        "cs-storage-1.11.1",
        &[&["--no-deps", "cs-storage==1.11.1"], &["marshmallow>=3,<5", "fsspec"]],
    )
}

/// Runs a script with `cs_storage` over a bucket's folder; the script finds the argument as `given` and sets `answer`.
pub fn run(python: &Path, bucket: &Path, script: &str, given: &Value) -> Value {
    let exchange = tempfile::tempdir().unwrap();
    let (input, output) = (exchange.path().join("in.json"), exchange.path().join("out.json"));
    fs::write(&input, given.to_string()).unwrap();
    let whole = format!(
        "import json, sys, cs_storage\ngiven = json.load(open(sys.argv[1]))\n{script}\njson.dump(answer, open(sys.argv[2], 'w'))\n"
    );
    let done = Command::new(python)
        .args(["-W", "ignore", "-c", &whole])
        .args([&input, &output])
        .env("BUCKET", bucket)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&fs::read(output).unwrap()).unwrap()
}

pub fn strip_ids(mut json: Value) -> Value {
    for list in json.as_object_mut().unwrap().values_mut() {
        for output in list.as_array_mut().unwrap() {
            output.as_object_mut().unwrap().remove("id").expect("every output has an id");
        }
    }
    json
}

#[test]
fn it_reads_what_csw_writes() {
    let Some(python) = python() else { return };
    let (folder, bucket) = bucket();
    let mut json = every_kind();
    for title in [
        "The CSV",
        "The CSV",
        "the csv",
        "a/b",
        "../up",
        "",
        "日本語 📈",
        &"x".repeat(300),
        "nul\0",
        "done.csv",
        "CON",
    ] {
        let data = format!("data of {title}");
        json["downloadable"]
            .as_array_mut()
            .unwrap()
            .push(json!({"media_type": "CSV", "title": title, "data": data}));
    }
    let pointer = block_on(bucket.write(&"run-1".parse().unwrap(), outputs(&json))).unwrap();
    let read = run(
        &python,
        &folder.path().join("bucket"),
        "answer = cs_storage.read(given, protocol='file')",
        &json!(pointer),
    );
    assert_eq!(strip_ids(read), json);
}

#[test]
fn csw_reads_what_it_writes() {
    let Some(python) = python() else { return };
    let (folder, bucket) = bucket();
    let json = every_kind();
    let pointer = run(
        &python,
        &folder.path().join("bucket"),
        "answer = cs_storage.write('run-2', given, protocol='file')",
        &json,
    );
    let pointer: Pointer = serde_json::from_value(pointer).unwrap();
    assert_eq!(without_ids(&block_on(bucket.read(&pointer)).unwrap()), json);
    // Where a title needs no change, both name files alike.
    let ours = block_on(bucket.write(&"run-3".parse().unwrap(), outputs(&json))).unwrap();
    let names = |p: &Pointer| -> Vec<String> {
        [&p.renderable, &p.downloadable].iter().flat_map(|c| &c.outputs).map(|o| o.filename.clone()).collect()
    };
    assert_eq!(names(&ours), names(&pointer));
}

#[test]
fn csw_reads_what_it_writes_with_a_title_twice_as_it_does() {
    let Some(python) = python() else { return };
    let (folder, bucket) = bucket();
    let output = |data: &str| json!({"media_type": "CSV", "title": "T", "data": data});
    let json = json!({"renderable": [], "downloadable": [output("first"), output("second")]});
    let pointer = run(
        &python,
        &folder.path().join("bucket"),
        "answer = cs_storage.write('run-4', given, protocol='file')",
        &json,
    );
    let theirs = run(
        &python,
        &folder.path().join("bucket"),
        "answer = cs_storage.read(given, protocol='file')",
        &pointer,
    );
    let pointer: Pointer = serde_json::from_value(pointer).unwrap();
    assert_eq!(without_ids(&block_on(bucket.read(&pointer)).unwrap()), strip_ids(theirs));
}
