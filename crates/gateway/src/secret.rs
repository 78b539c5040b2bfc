//! The secret behind upload addresses.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs what only this gateway may have said. Cheap to clone; Debug output doesn't show it.
#[derive(Clone)]
pub struct CdnSecret(Arc<[u8]>);

impl CdnSecret {
    /// At least 32 random bytes, the same in every process that serves the same files.
    pub fn new(secret: &[u8]) -> CdnSecret {
        CdnSecret(secret.into())
    }

    /// HMAC-SHA256 over the parts, each with its length, so that no byte can move from one part to the next.
    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> String {
        hex::encode(self.mac(parts).finalize().into_bytes())
    }

    /// Takes the same time for every signature of the right length.
    pub(crate) fn verifies(&self, parts: &[&[u8]], signature: &str) -> bool {
        hex::decode(signature).is_ok_and(|claimed| self.mac(parts).verify_slice(&claimed).is_ok())
    }
}

impl std::fmt::Debug for CdnSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CdnSecret(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_borrow_from_each_other() {
        let secret = CdnSecret::new(&[7; 32]);
        let signature = secret.sign(&[b"ab", b"c"]);
        assert!(secret.verifies(&[b"ab", b"c"], &signature));
        assert!(!secret.verifies(&[b"a", b"bc"], &signature));
        assert!(!secret.verifies(&[b"abc"], &signature));
        assert!(!CdnSecret::new(&[8; 32]).verifies(&[b"ab", b"c"], &signature));
        for bad in ["", "zz", &signature[2..], &format!("{signature}00")] {
            assert!(!secret.verifies(&[b"ab", b"c"], bad), "{bad}");
        }
        assert!(!format!("{secret:?}").contains('7'));
    }
}
