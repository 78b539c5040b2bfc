//! Heavy computation beside the async threads, never more of it at once than the machine should bear.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub struct Cpu(Arc<Semaphore>);

/// The computation panicked. It is a bug of ours or of a decoder; it fails this one piece of work only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the computation stopped in the middle")]
pub struct Panicked;

impl Cpu {
    /// At most `at_once` computations run at the same time; further ones wait their turn.
    pub fn new(at_once: usize) -> Cpu {
        Cpu(Arc::new(Semaphore::new(at_once.max(1))))
    }

    /// Dropping the returned future does not stop a computation that has begun; its place is freed when it ends.
    #[expect(clippy::disallowed_methods, reason = "the one place where blocking work is handed over, under the bound")]
    pub async fn run<T, F>(&self, work: F) -> Result<T, Panicked>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let place = self.0.clone().acquire_owned().await.map_err(|_| Panicked)?;
        tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await
        .map_err(|_| Panicked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_one_piece_of_work_and_frees_its_place() {
        let cpu = Cpu::new(1);
        assert_eq!(cpu.run(|| -> u8 { panic!("a decoder's bug") }).await, Err(Panicked));
        assert_eq!(cpu.run(|| 7).await, Ok(7));
    }
}
