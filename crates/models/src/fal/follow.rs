//! Follows a request in the other queue until it has ended there, passing on its log and its place in the line.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use futures_util::StreamExt;
use plantain_client::{ClientError, Logs};
use plantain_queue::runner::{Answer, LogSink, RunFailure, RunTask};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;
use plantain_wire::status::{LogEntry, QueueStatus, StatusBody};

use super::{FalRunner, outcome};

/// Pause after a stream that ended early; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Log lines of one request that are remembered, so that none is passed on twice when a stream is opened again.
const LINES_MAX: usize = 10_000;

impl FalRunner {
    pub(super) async fn follow(
        &self,
        task: &RunTask,
        endpoint: &EndpointId,
        id: &RequestId,
    ) -> Result<Answer, RunFailure> {
        let mut told = Told::new(task.logs.clone());
        let mut pause = PAUSE;
        loop {
            let news = told.seen.len();
            match self.look(endpoint, id, &mut told).await {
                Ok(QueueStatus::Completed) => match self.result(endpoint, id).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) if error.transient() => {}
                    Err(error) => return Err(outcome::of_asking(&error)),
                },
                Ok(_) => {}
                Err(error) if error.transient() => {}
                Err(error) => return Err(outcome::of_asking(&error)),
            }
            self.clock.sleep(pause).await;
            pause = if told.seen.len() > news { PAUSE } else { pause.saturating_mul(2).min(PAUSE_MAX) };
        }
    }

    /// Where the request stands when there is nothing more to hear at the moment: by its stream, and where that ends early or
    /// isn't offered, by asking once.
    async fn look(&self, endpoint: &EndpointId, id: &RequestId, told: &mut Told) -> Result<QueueStatus, ClientError> {
        let client = &self.settings.client;
        let mut stream = client.stream(endpoint, id, Logs::With);
        while let Some(item) = stream.next().await {
            // Whatever the stream suffered, the status says how it stands.
            let Ok(status) = item else { break };
            told.tell(&status);
            if status.status == QueueStatus::Completed {
                return Ok(status.status);
            }
        }
        let status = client.status(endpoint, id, Logs::With).await?;
        told.tell(&status);
        Ok(status.status)
    }
}

/// What was passed on already.
struct Told {
    logs: LogSink,
    position: Option<u64>,
    seen: HashSet<u64>,
}

impl Told {
    fn new(logs: LogSink) -> Told {
        Told { logs, position: None, seen: HashSet::new() }
    }

    fn tell(&mut self, status: &StatusBody) {
        if let Some(position) = status.queue_position.filter(|position| Some(*position) != self.position) {
            self.position = Some(position);
            self.logs.info(format!("Waiting in the other queue, {position} ahead"));
        }
        for entry in status.logs.iter().flatten() {
            if self.seen.len() < LINES_MAX && self.seen.insert(mark(entry)) {
                self.logs.write(entry.level, entry.message.clone());
            }
        }
    }
}

fn mark(entry: &LogEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (entry.timestamp, &entry.message).hash(&mut hasher);
    hasher.finish()
}
