//! Outputs as files in a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use csw::outputs::{Category, OutputsError, extract};
use serde_json::json;

use super::{every_kind, outputs};

#[test]
fn every_output_becomes_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = extract(&outputs(&every_kind()), &folder.path().join("new/out")).unwrap();
    assert_eq!(files.len(), 11);
    for file in &files {
        assert_eq!(fs::metadata(&file.path).unwrap().len(), file.size, "{file:?}");
    }
    let png = files.iter().find(|f| f.title == "The PNG").unwrap();
    assert_eq!(fs::read(&png.path).unwrap(), (0..=255).collect::<Vec<u8>>());
    assert!(png.path.ends_with("new/out/renderable/The PNG.png"), "{png:?}");
    assert_eq!(png.category, Category::Renderable);
    let mode = fs::metadata(&png.path).unwrap().permissions().mode() & 0o777;
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    assert_eq!(mode, fs::metadata(plain).unwrap().permissions().mode() & 0o777, "as any new file");
}

#[test]
fn titles_neither_leave_the_folder_nor_hide_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("out");
    let titles = ["../../up", "/etc/passwd", "..", "T", "T", "t", ""];
    let list: Vec<_> = titles.iter().map(|t| json!({"media_type": "Text", "title": t, "data": t})).collect();
    let files = extract(&outputs(&json!({"renderable": list, "downloadable": list})), &dir).unwrap();
    assert_eq!(files.len(), 14);
    for (file, title) in files.iter().zip(titles.iter().chain(&titles)) {
        assert_eq!(file.path.parent().unwrap(), dir.join(file.category.as_str()));
        assert_eq!(&fs::read_to_string(&file.path).unwrap(), title);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.join("renderable")).unwrap().count(), 7);
}

#[test]
fn a_file_is_replaced_a_link_not_followed_a_folder_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, outside) = (folder.path().join("out"), folder.path().join("outside"));
    fs::create_dir_all(dir.join("renderable")).unwrap();
    fs::write(&outside, "mine").unwrap();
    fs::write(dir.join("renderable/other.txt"), "stays").unwrap();
    symlink(&outside, dir.join("renderable/t.txt")).unwrap();
    let one = outputs(&json!({"renderable": [{"media_type": "Text", "title": "t", "data": "new"}]}));
    for _ in 0..2 {
        extract(&one, &dir).unwrap();
        assert_eq!(fs::read_to_string(dir.join("renderable/t.txt")).unwrap(), "new");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
    assert_eq!(fs::read_to_string(dir.join("renderable/other.txt")).unwrap(), "stays");

    fs::remove_file(dir.join("renderable/t.txt")).unwrap();
    fs::create_dir(dir.join("renderable/t.txt")).unwrap();
    let error = extract(&one, &dir).unwrap_err();
    assert!(matches!(&error, OutputsError::Io { path, .. } if path.ends_with("renderable/t.txt")), "{error}");
    assert_eq!(fs::read_dir(dir.join("renderable")).unwrap().count(), 2, "no temporary file is left");
}
