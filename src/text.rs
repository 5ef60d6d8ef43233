//! Text files that people hand over.

use std::io;
use std::path::Path;

/// The text of a file. A byte order mark, which some editors put in front, is not a part of it.
///
/// # Errors
/// When the file can't be read or is no UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    decoded(std::fs::read(path)?)
}

/// The text of a file's bytes.
///
/// # Errors
/// When they are no UTF-8: [`io::ErrorKind::InvalidData`], with what to do about it.
pub fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if let Some([0xff, 0xfe] | [0xfe, 0xff]) = bytes.get(..2) {
        return Err(wrong("it is UTF-16: save it as UTF-8".into()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(text) => text.to_owned(),
            None => text,
        }),
        Err(e) => {
            let valid = e.utf8_error().valid_up_to();
            let before = e.as_bytes().get(..valid).unwrap_or_default();
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            let byte = e.as_bytes().get(valid).copied().unwrap_or_default();
            Err(wrong(format!("line {line} is not UTF-8 (byte 0x{byte:02x}): save it as UTF-8")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_dropped_and_other_encodings_are_named() {
        assert_eq!(decoded(b"\xef\xbb\xbf{}\n".to_vec()).unwrap(), "{}\n");
        assert_eq!(decoded("a\u{feff}b".into()).unwrap(), "a\u{feff}b");
        for (bytes, says) in [
            (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"a\nb\nc\xe4\n", "line 3 is not UTF-8 (byte 0xe4)"),
        ] {
            let error = decoded(bytes.to_vec()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
