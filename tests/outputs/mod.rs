//! Outputs: validation, storage in the cs-storage format, extraction.

pub mod cs_storage;
mod extract;
mod storage;
mod validation;

use base64::Engine as _;
use csw::outputs::{Bucket, Outputs};
use serde_json::{Value, json};

pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// One output of every media type.
pub fn every_kind() -> Value {
    let bytes: Vec<u8> = (0..=255).collect();
    let output =
        |kind: &str, data: Value| json!({"media_type": kind, "title": format!("The {kind}"), "data": data});
    json!({
        "renderable": [
            output("bokeh", json!({"target_id": "x", "doc": {"z": [1, 2.5, null, "é"], "a": {}}})),
            output("table", json!("<table>ü 😀</table>")),
            output("PNG", json!(base64(&bytes))),
            output("JPEG", json!(base64(b""))),
            output("MP3", json!(base64(&bytes))),
            output("MP4", json!(base64(&bytes))),
            output("Markdown", json!("# T\r\n\n*x*")),
        ],
        "downloadable": [
            output("CSV", json!("a,b\n1,\"2\"\n")),
            output("HDF5", json!(base64(&bytes))),
            output("PDF", json!(base64(b"%PDF-1.4"))),
            output("Text", json!("")),
        ],
    })
}

pub fn outputs(json: &Value) -> Outputs {
    Outputs::from_json(json.clone()).unwrap()
}

/// What was read back, without the ids that it got on the way.
pub fn without_ids(outputs: &Outputs) -> Value {
    let mut json = serde_json::to_value(outputs).unwrap();
    for list in json.as_object_mut().unwrap().values_mut() {
        for output in list.as_array_mut().unwrap() {
            output.as_object_mut().unwrap().remove("id");
        }
    }
    json
}

pub fn bucket() -> (tempfile::TempDir, Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::open(folder.path().join("bucket").to_str().unwrap()).unwrap();
    (folder, bucket)
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
