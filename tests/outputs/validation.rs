//! What outputs must be.

use csw::outputs::{Data, Outputs, OutputsError};
use serde_json::{Value, json};

use super::{every_kind, outputs, without_ids};

fn problems(json: Value) -> Vec<String> {
    match Outputs::from_json(json) {
        Err(OutputsError::Invalid { problems }) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_media_type_survives_json() {
    let json = every_kind();
    let read = outputs(&json);
    assert_eq!(without_ids(&read), json);
    assert_eq!(read.renderable[2].data(), &Data::Bytes((0..=255).collect()));
    assert_eq!(Outputs::from_json(serde_json::to_value(&read).unwrap()).unwrap(), read);
}

#[test]
fn every_problem_of_every_output_is_named() {
    let found = problems(json!({
        "renderable": [
            {"media_type": "GIF", "title": "Chart", "data": "x"},
            {"media_type": "PNG", "title": "Pic", "data": "not*base64"},
            {"media_type": "bokeh", "title": "B", "data": "text"},
            {"media_type": "table", "title": "fine", "data": ""},
            {"media_type": "table", "data": ""},
        ],
        "downloadable": [
            {"media_type": "CSV", "title": "C", "data": [1]},
            {"media_type": "CSV", "title": "D"},
            {"media_type": "CSV", "title": 3, "data": ""},
            "loose",
        ],
        "renderables": [],
    }));
    insta::assert_snapshot!(found.join("\n"), @r#"
    renderable output 1 ("Chart"): unknown media type "GIF": expected one of bokeh, table, CSV, PNG, JPEG, MP3, MP4, HDF5, PDF, Markdown, Text
    renderable output 2 ("Pic"): the data is no base64: Invalid symbol 42, offset 3.
    renderable output 3 ("B"): the data of bokeh must be a JSON object, it is text
    renderable output 5: `title` is missing
    downloadable output 1 ("C"): the data of CSV must be text, it is a list
    downloadable output 2 ("D"): `data` is missing
    downloadable output 3: `title` must be text
    downloadable output 4: expected an object with `title`, `media_type` and `data`
    unknown list `renderables`: outputs would be lost
    "#);
}

#[test]
fn outputs_are_an_object_with_at_least_one_list() {
    assert_eq!(problems(json!({})), ["neither `renderable` nor `downloadable` is there"]);
    assert_eq!(problems(json!(null)), ["expected an object with `renderable` and `downloadable`"]);
    assert_eq!(problems(json!({"renderable": {}})), ["`renderable` must be a list"]);
    let one =
        outputs(&json!({"downloadable": [{"media_type": "Text", "title": "t", "data": "x", "note": 1}]}));
    assert_eq!((one.renderable.len(), one.downloadable.len()), (0, 1));
}

#[test]
fn base64_may_have_line_breaks_and_lack_its_padding() {
    for data in ["aGVs\nbG8h\r\nIQ==\n", "aGVsbG8hIQ"] {
        let read = outputs(&json!({"renderable": [{"media_type": "PNG", "title": "t", "data": data}]}));
        assert_eq!(read.renderable[0].data(), &Data::Bytes(b"hello!!".to_vec()));
    }
}
