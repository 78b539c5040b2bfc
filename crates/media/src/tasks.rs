//! How much work is worth a task of its own.
//!
//! Handing work to other threads and waking them takes tens of microseconds of several processors, more than a whole small picture
//! takes on one. Whatever is worked on in parallel is split no finer than this says, so that small pictures stay on the thread they
//! are on.

/// Pixels that make a task, where each takes a few instructions.
pub(crate) const PIXELS: usize = 64 * 1024;

/// How many pieces of so many pixels make a task, for `with_min_len`. What takes more than a few instructions a pixel counts as
/// more pixels.
pub(crate) fn pieces(pixels: usize) -> usize {
    PIXELS.div_ceil(pixels.max(1))
}

/// Does all of `work` on a thread of the pool. For work of many short steps in parallel: each step that begins elsewhere is handed
/// over and waited for, which takes longer than a small one. Not for work that takes a lock, since a thread that waits for its
/// pieces does other work meanwhile.
pub(crate) fn together<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn small_work_stays_on_its_thread_and_large_work_does_not() {
        let here = std::thread::current().id();
        let threads = |rows: usize, width: usize| {
            let all = (0..rows).into_par_iter().with_min_len(pieces(width));
            all.map(|_| std::thread::current().id()).collect::<Vec<_>>()
        };
        assert!(threads(300, 400).iter().all(|thread| *thread == here));
        assert!(threads(2000, 2000).iter().all(|thread| *thread != here), "the pool's threads have it");
    }

    #[test]
    fn steps_that_belong_together_begin_in_the_pool() {
        assert_eq!(rayon::current_thread_index(), None);
        assert!(together(rayon::current_thread_index).is_some());
    }

    #[test]
    fn a_task_has_a_piece_at_least() {
        for (pixels, wanted) in [(0, PIXELS), (1, PIXELS), (1000, 66), (PIXELS, 1), (usize::MAX, 1)] {
            assert_eq!(pieces(pixels), wanted, "{pixels}");
        }
    }
}
