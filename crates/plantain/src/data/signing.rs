//! The file of signing keys in the data folder: a line for each, the seed in hex and, from the second on, when its turn begins.
//!
//! A running queue reads it again when it changes, so that whoever rotates keys needs no connection to it. Invariants: the file
//! is replaced as a whole, is readable by its owner alone, and keeps its owner when root writes it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plantain_queue::key_ring::{Haste, KeyRing, RingKey, RotateError};
use plantain_wire::signature::SigningKey;

use super::{DataError, write_durably};

/// In the data folder. With one key in it, it holds that key's seed and nothing else.
pub const FILE: &str = "signing-key";

/// Why keys were not rotated. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("there are no signing keys in {folder} yet: the first `plantain serve` makes one")]
    NoKeys { folder: PathBuf },
    #[error("somebody else rotates the keys right now; look with `plantain signing list`")]
    Busy,
    #[error(transparent)]
    Refused(#[from] RotateError),
    #[error(transparent)]
    Data(#[from] DataError),
}

/// The keys of a folder, which another process may be using.
pub fn read(root: &Path) -> Result<KeyRing, RotationError> {
    let file = root.join(FILE);
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text).ok_or_else(|| DataError::Damaged { file }.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(RotationError::NoKeys { folder: root.to_owned() })
        }
        Err(source) => Err(unusable(root)(source).into()),
    }
}

/// Puts a new key into the file. Durable when it returns; one rotation at a time.
pub fn rotate(root: &Path, new: SigningKey, now: Timestamp, haste: Haste) -> Result<KeyRing, RotationError> {
    // The folder itself is locked: a lock file that root made would be in its owner's way.
    let Ok(folder) = File::open(root) else { return Err(RotationError::NoKeys { folder: root.to_owned() }) };
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(RotationError::Busy),
        Err(TryLockError::Error(source)) => return Err(unusable(root)(source).into()),
    }
    let ring = read(root)?.rotated(new, now, haste)?;
    write_durably(&root.join(FILE), &render(&ring)).map_err(unusable(root))?;
    Ok(ring)
}

fn unusable(root: &Path) -> impl Fn(std::io::Error) -> DataError {
    move |source| DataError::Unusable { folder: root.to_owned(), source }
}

/// `None` where a line is not what it should be, or there is none.
pub fn parse(text: &str) -> Option<KeyRing> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    KeyRing::of(lines.map(turn).collect::<Option<Vec<_>>>()?)
}

fn turn(line: &str) -> Option<RingKey> {
    let (seed, from) = line.trim().split_once(' ').map_or((line.trim(), None), |(seed, from)| (seed, Some(from)));
    let signs_from = from.map_or(Some(Timestamp::MIN), |from| from.trim().parse().ok())?;
    Some(RingKey { key: key(seed)?, signs_from })
}

/// A key from its 64 hex digits.
pub fn key(seed: &str) -> Option<SigningKey> {
    let bytes = hex::decode(seed).ok()?;
    Some(SigningKey::from_seed(<[u8; 32]>::try_from(bytes).ok()?))
}

fn render(ring: &KeyRing) -> String {
    let line = |turn: &RingKey| {
        let seed = hex::encode(turn.key.to_seed());
        if turn.signs_from == Timestamp::MIN { seed } else { format!("{seed} {}", turn.signs_from) }
    };
    ring.turns().iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn published(ring: &KeyRing) -> Vec<String> {
        ring.published(now()).iter().map(|key| key.x()).collect()
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_the_oldest_form_still_is() {
        let oldest = parse(&format!("{}\n", "01".repeat(32))).unwrap();
        assert_eq!(oldest.signing(now()).to_seed(), [1; 32]);
        let rotated = oldest.rotated(SigningKey::from_seed([2; 32]), now(), Haste::Planned).unwrap();
        let text = render(&rotated);
        assert_eq!(text, format!("{}\n{} 2026-11-22T08:15:00Z", "01".repeat(32), "02".repeat(32)));
        assert_eq!(published(&parse(&text).unwrap()), published(&rotated));
        let seed = "01".repeat(32);
        for bad in ["", "\n", "abcd", "not hex", &format!("{seed} soon"), &format!("{seed}\nabcd"), &seed[1..]] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_rotation_is_durable_private_and_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let rotate = |haste| rotate(folder.path(), SigningKey::from_seed([2; 32]), now(), haste);
        assert!(matches!(rotate(Haste::AtOnce), Err(RotationError::NoKeys { .. })));
        let file = folder.path().join(FILE);
        std::fs::write(&file, "01".repeat(32)).unwrap();
        let other = File::open(folder.path()).unwrap();
        other.lock().unwrap();
        assert!(matches!(rotate(Haste::AtOnce), Err(RotationError::Busy)));
        drop(other);
        let ring = rotate(Haste::AtOnce).unwrap();
        assert_eq!(published(&read(folder.path()).unwrap()), published(&ring));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        rotate(Haste::Planned).unwrap();
        assert!(matches!(rotate(Haste::Planned), Err(RotationError::Refused(RotateError::UnderWay { .. }))));
        std::fs::write(&file, "garbage").unwrap();
        assert!(matches!(rotate(Haste::Withdraw), Err(RotationError::Data(DataError::Damaged { .. }))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "garbage", "what can't be read is not overwritten");
    }

    #[test]
    fn what_root_rotates_stays_the_servers() {
        use std::os::unix::fs::{MetadataExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "01".repeat(32)).unwrap();
        // Whoever may not give a file away can't meet the trouble either.
        if chown(&file, Some(12_345), Some(12_345)).is_err() {
            return;
        }
        rotate(folder.path(), SigningKey::from_seed([2; 32]), now(), Haste::Planned).unwrap();
        let owner = std::fs::metadata(&file).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (12_345, 12_345));
    }
}
