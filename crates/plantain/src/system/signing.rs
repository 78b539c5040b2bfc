//! The queue's signing keys while it runs: `plantain signing rotate` writes a file, and this reads it again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plantain_queue::Signer;
use plantain_work::{Clock, Shutdown};

use super::Ground;
use crate::data::signing;

/// Short beside the five minutes that a rotation allows for, and hardly any work: the file has a line or two.
const READ_EVERY: Duration = Duration::from_secs(2);

/// With the configured keys, or those of the data folder, which are followed from then on.
pub(super) fn start(ground: &Ground<'_>) -> Signer {
    let hmac = ground.config.fal.webhook_secret.as_ref().map(|secret| secret.reveal().as_bytes().to_vec());
    if let Some(given) = &ground.config.access.signing {
        return Signer::of(given.clone(), hmac);
    }
    let signer = Signer::of(ground.keys.signing.clone(), hmac);
    let file = ground.data.path(signing::FILE);
    ground.tasks.spawn("signing.follow", follow(file, signer.clone(), ground.clock.clone(), ground.shutdown.clone()));
    signer
}

async fn follow(file: PathBuf, signer: Signer, clock: Clock, shutdown: Shutdown) {
    let mut last = None;
    loop {
        let read = tokio::fs::read_to_string(&file).await.ok();
        if read != last {
            take(&signer, &file, read.as_deref());
            last = read;
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = clock.sleep(READ_EVERY) => {}
        }
    }
}

/// A file that can't be read changes nothing: what is under way goes on verifying.
fn take(signer: &Signer, file: &Path, text: Option<&str>) {
    match text.and_then(signing::parse) {
        Some(ring) => {
            tracing::info!(keys = ring.turns().len(), "signing.keys_read");
            signer.replace(ring);
        }
        None => {
            let file = file.display();
            tracing::error!(%file, "signing.unreadable: {file} can't be read; the keys of before stay in use");
        }
    }
}

#[cfg(test)]
mod tests {
    use plantain_queue::key_ring::Haste;
    use plantain_wire::jwks::KeySet;
    use plantain_wire::signature::SigningKey;
    use plantain_work::Tasks;

    use super::*;

    fn published(signer: &Signer, clock: &Clock) -> usize {
        KeySet::parse(signer.jwks(clock.now()).as_bytes()).unwrap().len()
    }

    #[tokio::test]
    async fn a_rotation_is_seen_without_a_restart_and_damage_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(signing::FILE);
        std::fs::write(&file, "01".repeat(32)).unwrap();
        let (clock, shutdown, tasks) =
            (Clock::manual("2026-11-21T08:00:00Z".parse().unwrap()), Shutdown::new(), Tasks::new());
        let signer = Signer::new(SigningKey::from_seed([1; 32]));
        tasks.spawn("test.follow", follow(file.clone(), signer.clone(), clock.clone(), shutdown.clone()));
        let until = async |keys: usize| {
            while published(&signer, &clock) != keys {
                clock.advance(READ_EVERY);
                tokio::task::yield_now().await;
            }
        };
        let limit = Clock::system();
        let patience = Duration::from_secs(30);
        signing::rotate(folder.path(), SigningKey::from_seed([2; 32]), clock.now(), Haste::AtOnce).unwrap();
        limit.timeout(patience, until(2)).await.expect("the new key is published");
        std::fs::write(&file, "garbage").unwrap();
        for _ in 0..100 {
            clock.advance(READ_EVERY);
            tokio::task::yield_now().await;
        }
        assert_eq!(published(&signer, &clock), 2);
        std::fs::write(&file, "03".repeat(32)).unwrap();
        limit.timeout(patience, until(1)).await.expect("the file is followed on");
        shutdown.begin();
        limit.timeout(patience, tasks.wait()).await.expect("it ends with the system");
    }
}
