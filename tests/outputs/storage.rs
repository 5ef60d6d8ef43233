//! The bucket: two zip files a job, whole or not at all.

use std::fs;
use std::io::Read as _;

use csw::model::JobId;
use csw::outputs::{Bucket, Outputs, OutputsError, Pointer};
use serde_json::json;

use super::{base64, block_on, bucket, every_kind, outputs, without_ids};

fn job(id: &str) -> JobId {
    id.parse().unwrap()
}

#[test]
fn what_was_written_is_read_back() {
    let (folder, bucket) = bucket();
    let json = every_kind();
    let (pointer, read) = block_on(async {
        let pointer = bucket.write(&job("run-1"), outputs(&json)).await.unwrap();
        let read = bucket.read(&pointer).await.unwrap();
        (pointer, read)
    });
    assert_eq!(without_ids(&read), json);
    let mut names: Vec<_> =
        fs::read_dir(folder.path().join("bucket")).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["run-1_downloadable.zip", "run-1_renderable.zip"], "nothing else is left behind");
    assert!(pointer.belongs_to(&job("run-1")) && !pointer.belongs_to(&job("run-2")));
    assert_eq!(read.renderable[0].id(), Some(pointer.renderable.outputs[0].id));
    assert!(pointer.renderable.outputs.iter().all(|o| o.id.get_version_num() == 4));
    insta::assert_json_snapshot!(pointer.downloadable, { ".outputs[].id" => "[uuid]" }, @r#"
    {
      "ziplocation": "run-1_downloadable.zip",
      "outputs": [
        {
          "id": "[uuid]",
          "title": "The CSV",
          "media_type": "CSV",
          "filename": "The CSV.csv"
        },
        {
          "id": "[uuid]",
          "title": "The HDF5",
          "media_type": "HDF5",
          "filename": "The HDF5.h5"
        },
        {
          "id": "[uuid]",
          "title": "The PDF",
          "media_type": "PDF",
          "filename": "The PDF.pdf"
        },
        {
          "id": "[uuid]",
          "title": "The Text",
          "media_type": "Text",
          "filename": "The Text.txt"
        }
      ]
    }
    "#);
}

#[test]
fn the_same_outputs_make_the_same_bytes() {
    let (folder, bucket) = bucket();
    let bytes =
        |id: &str| fs::read(folder.path().join("bucket").join(format!("{id}_renderable.zip"))).unwrap();
    block_on(async {
        bucket.write(&job("a"), outputs(&every_kind())).await.unwrap();
        bucket.write(&job("b"), outputs(&every_kind())).await.unwrap();
        assert_eq!(bytes("a"), bytes("b"));
        // Written again, it is replaced.
        bucket.write(&job("b"), outputs(&json!({"renderable": []}))).await.unwrap();
        assert_ne!(bytes("a"), bytes("b"));
    });
}

#[test]
fn odd_titles_lose_nothing_and_name_safe_files() {
    let (folder, bucket) = bucket();
    let titles = [
        "Same",
        "Same",
        "same",
        "Same.txt",
        "../../evil",
        "..",
        "",
        "a/b\\c",
        "nul\0byte",
        "CON",
        "C:\\x",
        "日本語 📈",
    ];
    let long = "x".repeat(300);
    let list: Vec<_> = titles
        .iter()
        .copied()
        .chain([long.as_str(), long.as_str()])
        .enumerate()
        .map(|(i, t)| json!({"media_type": "Text", "title": t, "data": format!("text {i}")}))
        .collect();
    let json = json!({"renderable": list, "downloadable": []});
    let pointer = block_on(async {
        let pointer = bucket.write(&job("odd"), outputs(&json)).await.unwrap();
        assert_eq!(without_ids(&bucket.read(&pointer).await.unwrap()), json);
        pointer
    });
    let mut zip =
        zip::ZipArchive::new(fs::File::open(folder.path().join("bucket/odd_renderable.zip")).unwrap())
            .unwrap();
    assert_eq!(zip.len(), list.len());
    for (i, stored) in pointer.renderable.outputs.iter().enumerate() {
        let name = &stored.filename;
        assert!(!name.contains(['/', '\\', '\0', ':']) && name != ".." && name.len() <= 255, "{name:?}");
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("text {i}"));
    }
}

#[test]
fn large_outputs_go_through_a_file() {
    let (folder, bucket) = bucket();
    // Not compressible, so that the zip file is large too.
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(20 << 20)
    .collect();
    let json = json!({"renderable": [], "downloadable": [{"media_type": "HDF5", "title": "big", "data": base64(&noise)}]});
    block_on(async {
        let pointer = bucket.write(&job("big"), outputs(&json)).await.unwrap();
        assert_eq!(without_ids(&bucket.read(&pointer).await.unwrap()), json);
    });
    assert_eq!(fs::read_dir(folder.path().join("bucket")).unwrap().count(), 2);
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    let (folder, bucket) = bucket();
    block_on(async {
        let mut pointer = bucket.write(&job("x"), outputs(&every_kind())).await.unwrap();
        pointer.renderable.outputs[1].filename = "other.html".into();
        let error = bucket.read(&pointer).await.unwrap_err();
        assert!(
            matches!(&error, OutputsError::Damaged { object, reason, .. } if object == "x_renderable.zip" && reason.contains("other.html")),
            "{error}"
        );
        fs::write(folder.path().join("bucket/x_renderable.zip"), "PK no zip").unwrap();
        assert!(matches!(bucket.read(&pointer).await.unwrap_err(), OutputsError::Damaged { .. }));
        fs::remove_file(folder.path().join("bucket/x_renderable.zip")).unwrap();
        let error = bucket.read(&pointer).await.unwrap_err();
        assert_eq!(error.to_string(), format!("x_renderable.zip is not in {}", bucket.url()));
        // A pointer is data from outside: it leads nowhere else.
        fs::write(folder.path().join("secret.zip"), "").unwrap();
        pointer.renderable.ziplocation = "../secret.zip".into();
        assert!(matches!(bucket.read(&pointer).await.unwrap_err(), OutputsError::Damaged { .. }));
    });
}

#[test]
fn a_bucket_is_a_url_a_name_or_a_folder() {
    for (name, url) in
        [("gs://cs-outputs", "gs://cs-outputs"), ("cs-outputs", "gs://cs-outputs"), ("s3://x/y", "s3://x/y")]
    {
        assert_eq!(Bucket::open(name).unwrap().url(), url);
    }
    assert_eq!(
        Bucket::open("ftp://x").unwrap_err().to_string(),
        "invalid bucket `ftp://x`: expected file://, gs:// or s3://, not ftp://"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Bucket::open(file.path().to_str().unwrap()), Err(OutputsError::Io { .. })));
}

#[test]
fn a_pointer_is_read_as_the_web_app_keeps_it() {
    let json = json!({
        "renderable": {"ziplocation": "t_renderable.zip", "outputs": [
            {"id": "f9d6b3f4-4f0f-4f7e-8f0e-2f0d5f1f0c11", "title": "T", "media_type": "table", "filename": "T.html", "screenshot": "x.png"},
        ]},
        "downloadable": {"ziplocation": "t_downloadable.zip", "outputs": []},
    });
    let pointer: Pointer = serde_json::from_value(json).unwrap();
    assert_eq!(pointer.renderable.outputs[0].filename, "T.html");
    assert_eq!(without_ids(&Outputs::default()), json!({"renderable": [], "downloadable": []}));
}
