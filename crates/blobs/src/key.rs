//! The name of bytes: what they hash to.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Names bytes by their SHA-256 (64 lower-case hex digits).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

const HEX_DIGITS: usize = 64;

impl BlobKey {
    /// `None` for everything but 64 lower-case hex digits, so that a key can be used as a file name.
    pub fn parse(text: &str) -> Option<BlobKey> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == HEX_DIGITS && text.bytes().all(hex)).then(|| BlobKey(text.to_owned()))
    }

    /// The key under which these bytes are kept, or would be.
    pub fn of(bytes: &[u8]) -> BlobKey {
        BlobKey::finish(Sha256::new_with_prefix(bytes))
    }

    pub(crate) fn finish(hash: Sha256) -> BlobKey {
        BlobKey(hex::encode(hash.finalize()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes and the key that they are kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    key: BlobKey,
    bytes: Bytes,
}

impl Keyed {
    pub fn of(bytes: Bytes) -> Keyed {
        Keyed { key: BlobKey::of(&bytes), bytes }
    }

    pub fn key(&self) -> &BlobKey {
        &self.key
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Finds the key of bytes that come piece by piece, and keeps none of them.
#[derive(Clone, Debug, Default)]
pub struct KeyOf(Sha256);

impl KeyOf {
    pub fn piece(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> BlobKey {
        BlobKey::finish(self.0)
    }
}

impl std::fmt::Display for BlobKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn only_a_hash_is_a_key() {
        assert_eq!(BlobKey::of(b"").as_str(), EMPTY);
        assert_eq!(BlobKey::parse(EMPTY), Some(BlobKey::of(b"")));
        let traversal = format!("../{}", &EMPTY[3..]);
        for bad in ["", "abc", &EMPTY.to_uppercase(), &format!("{EMPTY}0"), &traversal, &EMPTY.replace('e', "é")] {
            assert_eq!(BlobKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn pieces_have_the_key_of_the_whole() {
        let mut pieces = KeyOf::default();
        for piece in [&b"a"[..], b"", b"bc"] {
            pieces.piece(piece);
        }
        assert_eq!(pieces.finish(), BlobKey::of(b"abc"));
    }
}
