//! What is inside the encrypted file, and how it gets in and out. No file is touched here.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519;
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::SecretValue;

/// Scope key → secret name → value.
pub(super) type Contents = BTreeMap<String, BTreeMap<String, SecretValue>>;

/// Why an encrypted file could not be opened.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// It is encrypted for other keys.
    OtherKeys,
    /// It is not, or no longer, what was written.
    Damaged(String),
}

/// Encrypts, as ASCII armor, for all `recipients`; then decrypts with `check` and compares, so that nothing is ever
/// written that can't be read again.
pub(super) fn seal(
    contents: &Contents,
    recipients: &[Box<dyn age::Recipient + Send>],
    check: &[x25519::Identity],
) -> Result<Vec<u8>, String> {
    let exposed: BTreeMap<&str, BTreeMap<&str, &str>> = contents
        .iter()
        .map(|(scope, secrets)| {
            (scope.as_str(), secrets.iter().map(|(name, value)| (name.as_str(), value.expose())).collect())
        })
        .collect();
    let plain = Zeroizing::new(serde_json::to_vec_pretty(&exposed).map_err(|e| e.to_string())?);
    let sealed = encrypt(&plain, recipients.iter().map(|r| r.as_ref() as &dyn age::Recipient))?;
    let again = decrypt(&sealed, check.iter().map(|i| i as &dyn age::Identity));
    match again {
        Ok(again) if *again == *plain => Ok(sealed),
        _ => Err("what was encrypted does not decrypt to the same".into()),
    }
}

/// Opens what [`seal`] made.
pub(super) fn unseal(sealed: &[u8], identities: &[x25519::Identity]) -> Result<Contents, Unsealed> {
    let plain = decrypt(sealed, identities.iter().map(|i| i as &dyn age::Identity)).map_err(|e| match e {
        DecryptError::NoMatchingKeys => Unsealed::OtherKeys,
        e => Unsealed::Damaged(e.to_string()),
    })?;
    // Not the parser's own words: they may quote a value.
    serde_json::from_slice(&plain).map_err(|e| {
        Unsealed::Damaged(format!("its contents are not secrets (line {}, column {})", e.line(), e.column()))
    })
}

/// Encrypts bytes as ASCII armor.
pub(super) fn encrypt<'r>(
    plain: &[u8],
    recipients: impl Iterator<Item = &'r dyn age::Recipient>,
) -> Result<Vec<u8>, String> {
    let encryptor = Encryptor::with_recipients(recipients).map_err(|e| e.to_string())?;
    let write = || {
        let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(plain)?;
        writer.finish()?.finish()
    };
    write().map_err(|e| e.to_string())
}

/// Decrypts an age file, armored or binary.
pub(super) fn decrypt<'i>(
    sealed: &[u8],
    identities: impl Iterator<Item = &'i dyn age::Identity>,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut reader = Decryptor::new_buffered(ArmoredReader::new(sealed))?.decrypt(identities)?;
    let mut plain = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(key: &x25519::Identity) -> (Contents, Vec<u8>) {
        let contents = Contents::from([(
            "cluster".into(),
            [("a".to_owned(), SecretValue::from("hunter2".to_owned()))].into(),
        )]);
        let sealed = seal(&contents, &[Box::new(key.to_public())], std::slice::from_ref(key)).unwrap();
        (contents, sealed)
    }

    #[test]
    fn every_tampered_byte_shows() {
        let key = x25519::Identity::generate();
        let (_, sealed) = sample(&key);
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 0x02;
            // A line break that becomes another kind of blank changes nothing of what was encrypted.
            if let Ok(contents) = unseal(&bad, std::slice::from_ref(&key)) {
                assert_eq!(contents["cluster"]["a"].expose(), "hunter2", "byte {i}");
            }
        }
        assert!(matches!(unseal(&[], std::slice::from_ref(&key)), Err(Unsealed::Damaged(_))));
        assert!(matches!(unseal(&sealed[..sealed.len() / 2], &[key]), Err(Unsealed::Damaged(_))));
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let (_, sealed) = sample(&x25519::Identity::generate());
        assert!(matches!(unseal(&sealed, &[x25519::Identity::generate()]), Err(Unsealed::OtherKeys)));
    }

    #[test]
    fn a_file_that_its_writer_could_not_read_is_not_made() {
        let (contents, _) = sample(&x25519::Identity::generate());
        let (mine, theirs) = (x25519::Identity::generate(), x25519::Identity::generate());
        assert!(seal(&contents, &[Box::new(theirs.to_public())], &[mine]).is_err());
    }
}
