//! Bodies of `/write/` as they arrive: what is stored is what it was, whatever the order and however it is cut.

use std::io::BufReader;

use csw::model::TaskName;
use csw::outputs::{Outputs, read_written};
use csw::services::outputs_processor::Limits;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::process::processor;
use super::{Stage, id, raw_outputs, signed};
use crate::outputs::{base64, every_kind};
use crate::support::{Sandbox, Up};

async fn stage() -> Stage {
    Stage::of_cluster(None, Limits::default()).await
}

fn zip(stage: &Stage, name: &str) -> Vec<u8> {
    let folder = url::Url::parse(stage.bucket.url()).unwrap().to_file_path().unwrap();
    std::fs::read(folder.join(name)).unwrap()
}

/// Posts a body in pieces of so many bytes.
async fn posted(stage: &Stage, name: &str, body: &str, size: usize) -> super::Answer {
    let pieces: Vec<_> =
        body.as_bytes().chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    stage.post("write/", Some(&signed(name, 1, TaskName::Sim).0), body).await
}

/// `{renderable, downloadable}` with the keys of each output in this order.
fn in_order(outputs: &Value, order: [&str; 3]) -> String {
    let list = |category: &str| {
        let items = outputs[category].as_array().unwrap().iter().map(|item| {
            let fields: Vec<_> = order.iter().map(|key| format!("{:?} :\t{}", key, item[key])).collect();
            format!("{{\"extra\": [1, {{\"x\": \"}}\"}}], {} \n}}", fields.join(" , "))
        });
        items.collect::<Vec<_>>().join(",")
    };
    format!("{{\"downloadable\":[{}], \"renderable\" : [{}]}}", list("downloadable"), list("renderable"))
}

/// Every kind of output, twice under one title, with all that a string may hold.
fn much() -> Value {
    let mut outputs = every_kind();
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let more = json!([
        {"media_type": "PNG", "title": "Twice", "data": base64(&bytes)},
        {"media_type": "PNG", "title": "Twice", "data": base64(&bytes[1..])},
        {"media_type": "Text", "title": "\u{1F600} \"q\" \\ / \u{7f}\u{e9}", "data": "a\"b\\c/d\u{8}\u{c}\n\r\t\u{1}é€😀".repeat(9_000)},
        {"media_type": "bokeh", "title": "nested", "data": {"a": [[[{"b": [1.5, -0.0, 1e300, 18446744073709551615u64, -5]}]], "😀"]}},
    ]);
    outputs["downloadable"].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    outputs
}

#[tokio::test]
async fn the_zip_files_are_those_of_outputs_in_memory() {
    let stage = stage().await;
    let outputs = much();
    let expected =
        stage.bucket.write(&id("expected"), Outputs::from_json(outputs.clone()).unwrap()).await.unwrap();
    let expected = serde_json::to_value(expected).unwrap();
    let orders =
        [["title", "media_type", "data"], ["data", "title", "media_type"], ["media_type", "data", "title"]];
    for (n, (order, size)) in orders.into_iter().zip([65_536, 1_000, 7_919]).enumerate() {
        let name = format!("run-{n}");
        let outputs = in_order(&outputs, order);
        let body = match n {
            0 => format!("{{\"task_id\": \"{name}\", \"outputs\": {outputs}}}"),
            _ => format!(" {{\"outputs\": {outputs}, \"more\": null, \"task_id\": \"{name}\"}}\n"),
        };
        let answer = posted(&stage, &name, &body, size).await;
        assert_eq!(answer.status, 200, "{order:?}: {}", answer.body);
        for category in ["renderable", "downloadable"] {
            let same = zip(&stage, &format!("{name}_{category}.zip"))
                == zip(&stage, &format!("expected_{category}.zip"));
            assert!(same, "{order:?}: another zip file of {category}");
            let names = |pointer: &Value| -> Vec<Value> {
                pointer[category]["outputs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|o| o["filename"].clone())
                    .collect()
            };
            assert_eq!(names(&answer.body), names(&expected));
        }
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_in_the_same_words() {
    let stage = stage().await;
    let good = json!({"media_type": "Text", "title": "Good", "data": "x"});
    for outputs in [
        json!([1]),
        json!(null),
        json!("text"),
        json!({}),
        json!({"renderable": 5, "downloadable": {"a": [1]}}),
        json!({"renderabel": [], "x": {"y": "z"}}),
        json!({"renderable": [good, 1, null, "x", [], {}], "downloadable": [{"title": 1}, {"title": "T"}]}),
        json!({"renderable": [
            {"title": "a", "media_type": 1, "data": "x"},
            {"title": "b", "media_type": "png", "data": "x"},
            {"title": "c", "media_type": "PNG"},
            {"title": "d", "media_type": "PNG", "data": "no base64!"},
            {"title": "e", "media_type": "PNG", "data": {"a": 1}},
            {"title": "f", "media_type": "bokeh", "data": "text"},
            {"title": "g", "media_type": "CSV", "data": null},
            {"title": "h", "media_type": "CSV", "data": [1, 2]},
            {"title": "i", "media_type": "CSV", "data": true},
            {"title": "j", "media_type": "Text", "data": {"a": 1}},
            {"data": "no base64!", "title": "k", "media_type": "PDF"},
            {"data": {"x": 1}, "media_type": "PDF", "title": "l"},
            {"data": 1.5, "title": "\"m\"", "media_type": "HDF5"},
            {"data": "x", "title": "n", "media_type": "bokeh"},
        ], "downloadable": [], "other": []}),
    ] {
        let says = Outputs::from_json(outputs.clone()).unwrap_err().to_string();
        let body = json!({"task_id": "run-1", "outputs": outputs}).to_string();
        let answer = posted(&stage, "run-1", &body, 11).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!(says)), "{outputs}");
    }
}

#[test]
fn what_is_no_json_is_no_body() {
    let good = json!({"task_id": "run-1", "outputs": raw_outputs("é\n😀")}).to_string();
    read_written(good.as_bytes(), false).unwrap();
    // However it is cut, and wherever it breaks off.
    for size in 1..20 {
        read_written(BufReader::with_capacity(size, good.as_bytes()), false).unwrap();
    }
    for end in 0..good.len() {
        assert!(
            read_written(&good.as_bytes()[..end], false).is_err(),
            "{}",
            &good[..good.floor_char_boundary(end)]
        );
    }
    let outputs = |data: &str| {
        format!(
            "{{\"task_id\":\"a\",\"outputs\":{{\"renderable\":[{{\"title\":\"t\",\"media_type\":\"Text\",\"data\":{data}}}]}}}}"
        )
    };
    read_written(outputs(r#""😀\/""#).as_bytes(), false).unwrap();
    for wrong in [
        r#""\ud83d""#,
        r#""\ud83dA""#,
        r#""\udc00""#,
        r#""\x""#,
        r#""\u12g4""#,
        "\"a\nb\"",
        "tru",
        "1.",
        "01",
        "{\"a\":}",
        "[1,]",
        "{,}",
        "\"a\"\"b\"",
    ] {
        let error = read_written(outputs(wrong).as_bytes(), false).map(drop).unwrap_err().to_string();
        assert!(error.starts_with("invalid body: "), "{wrong}: {error}");
        assert!(serde_json::from_str::<Value>(&outputs(wrong)).is_err(), "{wrong} is right after all");
    }
    let mut not_utf8 = outputs("\"??\"").into_bytes();
    let at = not_utf8.iter().position(|b| *b == b'?').unwrap();
    not_utf8[at] = 0xff;
    assert!(read_written(&*not_utf8, false).is_err());
    for (body, says) in [
        ("{} x", "trailing characters at byte 3"),
        ("[]", "expected `{` at byte 0"),
        ("{\"outputs\": {}}", "missing field `task_id`"),
        ("{\"task_id\": 5}", "`task_id` must be text, it is a number"),
    ] {
        let error = read_written(body.as_bytes(), false).map(drop).unwrap_err().to_string();
        assert!(error.contains(says), "{body}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_takes_little_memory_and_leaves_no_file() {
    const DATA: usize = 128 << 20;
    let sandbox = Sandbox::new();
    let temporary = sandbox.work().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let up = Up::start(processor(&sandbox, "127.0.0.1:0").env("TMPDIR", &temporary));
    let url: url::Url = up.url.parse().unwrap();
    let client = csw::http::client(&url).unwrap();
    // The data comes first: it has to be put aside.
    let body = |name: &str, size: usize| {
        let head = String::from("{\"outputs\":{\"downloadable\":[{\"data\":\"");
        let tail = format!("\",\"title\":\"t\",\"media_type\":\"HDF5\"}}]}},\"task_id\":\"{name}\"}}");
        let piece = bytes::Bytes::from("QUJD".repeat(16 << 10));
        let pieces = std::iter::once(bytes::Bytes::from(head))
            .chain(std::iter::repeat_n(piece, size >> 16))
            .chain([bytes::Bytes::from(tail)]);
        reqwest::Body::wrap_stream(futures::stream::iter(pieces.map(Ok::<_, std::io::Error>)))
    };
    let write = async |name: &str, size: usize| {
        let request = client.post(url.join("write/").unwrap()).bearer_auth(signed(name, 1, TaskName::Sim).0);
        let answer = request.body(body(name, size)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    };
    write("small", 1 << 20).await;
    let before = up.memory("VmRSS");
    write("large", DATA).await;
    let grown = up.memory("VmHWM").saturating_sub(before) >> 20;
    assert!(grown <= 64, "{grown} MiB for a body of {} MiB", DATA >> 20);
    let stored = std::fs::metadata(sandbox.work().join("bucket/large_downloadable.zip")).unwrap().len();
    assert!(stored > (DATA / 4 * 3) as u64, "{stored}");

    // A sender that goes away in the middle, and a service that is killed: nothing is left.
    let endless = futures::stream::iter(std::iter::repeat_n(bytes::Bytes::from("QUJD".repeat(16 << 10)), 64))
        .chain(futures::stream::pending());
    let head = futures::stream::iter([bytes::Bytes::from("{\"outputs\":{\"downloadable\":[{\"data\":\"")]);
    let body = reqwest::Body::wrap_stream(head.chain(endless).map(Ok::<_, std::io::Error>));
    let request =
        client.post(url.join("write/").unwrap()).bearer_auth(signed("cut", 1, TaskName::Sim).0).body(body);
    let sending = tokio::spawn(request.send());
    while up.open_temporary_files(&temporary) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    sending.abort();
    while up.open_temporary_files(&temporary) > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    up.kill();
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
