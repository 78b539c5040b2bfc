//! Stands before a runner and refuses inputs that break the endpoint's published schema, as the real model would.

use std::sync::Arc;

use async_trait::async_trait;
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models;

/// Endpoints that have no known schema pass any input through.
#[derive(Clone)]
pub struct Checked(Arc<dyn Runner>);

impl Checked {
    pub fn new(runner: Arc<dyn Runner>) -> Checked {
        Checked(runner)
    }
}

#[async_trait]
impl Runner for Checked {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        match models::check(&task.endpoint, &task.input) {
            Ok(()) => self.0.run(task).await,
            Err(details) => Ok(crate::refusal(details)),
        }
    }

    fn streams(&self, endpoint: &EndpointId) -> bool {
        self.0.streams(endpoint)
    }
}
