use std::io::{self, Write};

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, DecodeSliceError, Engine as _};

use crate::outputs::output::LENIENT;

/// Characters that are decoded at once.
const PIECE: usize = 48 << 10;

/// In the middle of a text there is no padding.
const WITHIN: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes base64 that comes in pieces. What is no base64 is remembered, and the rest of it ignored.
pub(in crate::outputs) struct Decoder<W> {
    to: W,
    /// Characters that wait for others.
    text: Vec<u8>,
    bytes: Vec<u8>,
    /// Characters before those.
    decoded: usize,
    wrong: Option<DecodeError>,
}

impl<W: Write> Decoder<W> {
    pub(in crate::outputs) fn new(to: W) -> Self {
        Self { to, text: Vec::with_capacity(2 * PIECE), bytes: vec![0; PIECE], decoded: 0, wrong: None }
    }

    pub(in crate::outputs) fn push(&mut self, part: &[u8]) -> io::Result<()> {
        for part in part.chunks(PIECE) {
            if self.wrong.is_some() {
                return Ok(());
            }
            if part.iter().any(u8::is_ascii_whitespace) {
                self.text.extend(part.iter().filter(|b| !b.is_ascii_whitespace()));
            } else {
                self.text.extend_from_slice(part);
            }
            // Those that may turn out to be the last stay.
            while self.text.len() > PIECE {
                self.decode(PIECE, &WITHIN)?;
            }
        }
        Ok(())
    }

    /// What was wrong with the text, if anything was.
    pub(in crate::outputs) fn finish(mut self) -> io::Result<Result<(), DecodeError>> {
        if self.wrong.is_none() {
            self.decode(self.text.len(), &LENIENT)?;
        }
        Ok(self.wrong.map_or(Ok(()), Err))
    }

    fn decode(&mut self, length: usize, engine: &GeneralPurpose) -> io::Result<()> {
        match engine.decode_slice(self.text.get(..length).unwrap_or_default(), &mut self.bytes) {
            Ok(n) => self.to.write_all(self.bytes.get(..n).unwrap_or_default())?,
            Err(DecodeSliceError::DecodeError(wrong)) => {
                let before = self.decoded;
                self.wrong = Some(match wrong {
                    DecodeError::InvalidByte(at, byte) => DecodeError::InvalidByte(before + at, byte),
                    DecodeError::InvalidLastSymbol(at, byte) => {
                        DecodeError::InvalidLastSymbol(before + at, byte)
                    }
                    DecodeError::InvalidLength(length) => DecodeError::InvalidLength(before + length),
                    DecodeError::InvalidPadding => DecodeError::InvalidPadding,
                });
            }
            Err(DecodeSliceError::OutputSliceTooSmall) => {
                return Err(io::Error::other("base64 is longer than it can be"));
            }
        }
        self.text.drain(..length);
        self.decoded += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
        let mut bytes = Vec::new();
        let mut decoder = Decoder::new(&mut bytes);
        text.chunks(size).for_each(|part| decoder.push(part).unwrap());
        decoder.finish().unwrap().map(|()| bytes)
    }

    #[test]
    fn pieces_make_what_the_whole_makes() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [0, 1, 2, 3, 36_863, 36_864, 36_865, 199_999] {
            let mut text = LENIENT.encode(&bytes[..length]).into_bytes();
            for size in [1_000, 65_536, 1 << 20] {
                assert_eq!(decoded(&text, size).as_deref(), Ok(&bytes[..length]), "{length} in {size}");
            }
            text.retain(|b| *b != b'=');
            let lines = text.chunks(76).collect::<Vec<_>>().join(&b"\r\n"[..]);
            assert_eq!(decoded(&lines, 999).as_deref(), Ok(&bytes[..length]), "{length} in lines");
        }
    }

    #[test]
    fn what_is_wrong_is_what_is_wrong_with_the_whole() {
        let good = LENIENT.encode([7; 90_000]);
        for (at, byte) in [(0, b'?'), (50_000, b'!'), (70_000, b'='), (119_998, b'-')] {
            let mut text = good.clone().into_bytes();
            text[at] = byte;
            assert_eq!(decoded(&text, 5_000), Err(LENIENT.decode(&text).unwrap_err()), "{at}");
        }
        assert_eq!(
            decoded(&good.as_bytes()[..good.len() - 3], 5_000),
            Err(LENIENT.decode(&good[..good.len() - 3]).unwrap_err())
        );
    }
}
