//! Which runner serves which endpoint, and under what conditions.

use std::sync::Arc;
use std::time::Duration;

use plantain_wire::endpoint::{EndpointId, EndpointPattern};
use plantain_wire::options::Condition;

use super::Runner;

/// An endpoint as it is served.
#[derive(Clone)]
pub struct Endpoint {
    pub runner: Arc<dyn Runner>,
    pub settings: EndpointSettings,
}

/// What its operator decided about an endpoint. The default leaves everything to the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSettings {
    /// How long one attempt may take; `None`: as long as the queue allows any.
    pub request_timeout: Option<Duration>,
    /// After failures of these kinds no further attempt is made.
    pub skip_retry: Vec<Condition>,
    /// What one billable unit costs; `None`: nothing is known.
    pub price: Option<Price>,
}

/// An amount of money: millionths of a US dollar, since models cost fractions of a cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    pub micro_usd: u64,
}

/// Which runner serves which endpoint. An id that nobody serves is answered with 404 before it is queued.
#[derive(Clone, Default)]
pub struct Runners(Vec<(EndpointPattern, Endpoint)>);

impl Runners {
    /// Adds a runner for an endpoint id, or for all that begin alike (`fal-ai/flux/*`). The most specific entry wins: an exact
    /// id before the longest beginning; of two that are alike the earlier one.
    pub fn with(self, pattern: &str, runner: Arc<dyn Runner>) -> Runners {
        self.with_endpoint(pattern, Endpoint { runner, settings: EndpointSettings::default() })
    }

    /// As [`Runners::with`], with settings.
    pub fn with_endpoint(mut self, pattern: &str, endpoint: Endpoint) -> Runners {
        self.0.push((EndpointPattern::new(pattern), endpoint));
        self
    }

    /// The endpoint's runner and settings.
    pub fn endpoint(&self, id: &EndpointId) -> Option<&Endpoint> {
        EndpointPattern::best(&self.0, id)
    }

    pub fn find(&self, endpoint: &EndpointId) -> Option<Arc<dyn Runner>> {
        self.endpoint(endpoint).map(|endpoint| endpoint.runner.clone())
    }

    /// The patterns, as they were given.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(pattern, _)| pattern.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::super::{Answer, RunFailure, RunTask};
    use super::*;

    struct Nobody;

    #[async_trait]
    impl Runner for Nobody {
        async fn run(&self, _: RunTask) -> Result<Answer, RunFailure> {
            Ok(Answer::new(200, "{}"))
        }
    }

    #[test]
    fn the_most_specific_pattern_wins_and_the_earlier_of_two_alike() {
        let served = |seconds| Endpoint {
            runner: Arc::new(Nobody),
            settings: EndpointSettings {
                request_timeout: Some(Duration::from_secs(seconds)),
                ..EndpointSettings::default()
            },
        };
        let runners = Runners::default()
            .with_endpoint("*", served(1))
            .with_endpoint("fal-ai/*", served(2))
            .with_endpoint("fal-ai/flux/*", served(3))
            .with_endpoint("fal-ai/flux/dev", served(4))
            .with_endpoint("fal-ai/flux/dev", served(5));
        for (id, expected) in [
            ("a/b", 1),
            ("fal-ai/nano-banana", 2),
            ("fal-ai/flux", 2),
            ("fal-ai/flux/schnell", 3),
            ("fal-ai/flux/dev", 4),
            ("fal-ai/flux/dev/image-to-image", 3),
        ] {
            let found = runners.endpoint(&id.parse().unwrap()).unwrap().settings.request_timeout;
            assert_eq!(found, Some(Duration::from_secs(expected)), "{id}");
        }
        assert!(Runners::default().with("a/b", Arc::new(Nobody)).find(&"a/c".parse().unwrap()).is_none());
        assert_eq!(runners.patterns().nth(2).as_deref(), Some("fal-ai/flux/*"));
    }
}
