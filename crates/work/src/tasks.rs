//! Every spawned task is tracked by somebody who waits for it.

use std::future::Future;

use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

/// Cheap to clone; all clones count the same tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// Runs `work` beside the caller. `name` is how the task is called in logs.
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A panic inside is caught by the runtime; saying so is the guard's part. An async block would hold the work twice.
        let guard = Guard { name, finished: false };
        self.0.spawn(work.map(|()| guard.finish()));
    }

    /// Returns when every task has ended. Tasks may still be added while waiting.
    pub async fn wait(&self) {
        self.0.close();
        self.0.wait().await;
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Guard {
    name: &'static str,
    finished: bool,
}

impl Guard {
    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.finished && std::thread::panicking() {
            tracing::error!(task = self.name, "task.panicked: a bug; this task is over, the others go on");
        }
    }
}
