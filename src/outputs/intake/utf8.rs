/// Tells whether pieces make up UTF-8 text, whose characters may be cut between two.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character: at most three bytes.
    cut: Vec<u8>,
}

impl Utf8 {
    /// `None` if the text can't be UTF-8 any more.
    pub(super) fn check(&mut self, mut part: &[u8]) -> Option<()> {
        while let (false, Some((first, rest))) = (self.cut.is_empty(), part.split_first()) {
            self.cut.push(*first);
            part = rest;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(e) if e.error_len().is_some() => return None,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(part) {
            Ok(_) => {}
            Err(e) if e.error_len().is_some() => return None,
            Err(e) => self.cut.extend_from_slice(part.get(e.valid_up_to()..)?),
        }
        Some(())
    }

    /// `None` if the text ends within a character.
    pub(super) fn finish(self) -> Option<()> {
        self.cut.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_text(bytes: &[u8], size: usize) -> bool {
        let mut utf8 = Utf8::default();
        bytes.chunks(size).all(|part| utf8.check(part).is_some()) && utf8.finish().is_some()
    }

    #[test]
    fn it_is_text_however_it_is_cut() {
        for size in 1..9 {
            assert!(is_text("aé€😀z😀".as_bytes(), size), "{size}");
            for wrong in
                [&b"a\xffb"[..], b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\x80"]
            {
                assert!(!is_text(wrong, size), "{wrong:?} in pieces of {size}");
            }
        }
    }
}
