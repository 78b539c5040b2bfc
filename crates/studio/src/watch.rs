//! News about jobs inside this process, and what is known of a job only while it runs.
//!
//! Nothing here is durable or needed for correctness: whoever is told that a job changed reads it again from the store, and
//! asks at least once a second, which also shows what other processes did.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::watch;

use plantain_work::{Channels, Clock, clock};

use crate::job::JobId;

/// Longest wait for news before the store is asked anyway.
const POLL: Duration = Duration::from_secs(1);

/// What the queue says of a job while it has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Requests ahead.
    pub queue_position: Option<u64>,
    /// The newest line of the model's log, shortened.
    pub detail: Option<String>,
    /// The photos are on their way to the queue.
    pub uploading: bool,
}

#[derive(Debug, Default)]
struct News {
    /// Counts changes of the stored job, so that each wakes its watchers even where the live facts stayed the same.
    stored: u64,
    /// Counts the changes that took the job from whoever drove it.
    taken: u64,
    /// Somebody wanted to know how the job stands while it was held.
    asked: bool,
    live: Live,
}

type Channel = watch::Sender<News>;

/// Who watches which job. Cheap to clone. A job's channel lives as long as somebody watches or works on it.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Channels<JobId, News>>);

impl Hub {
    /// The job may have changed in the store.
    pub fn changed(&self, id: &JobId) {
        self.tell(id, |news| {
            news.stored += 1;
            true
        });
    }

    /// The stored job changed, and is its driver's no more.
    pub fn taken(&self, id: &JobId) {
        self.tell(id, |news| {
            news.stored += 1;
            news.taken += 1;
            true
        });
    }

    /// The live facts changed; told only where they differ.
    pub fn live(&self, id: &JobId, live: Live) {
        self.tell(id, |news| {
            let differs = news.live != live;
            news.live = live;
            differs
        });
    }

    /// For somebody who wants to know how the job stands. Keeps its live facts for as long as it is held.
    pub fn watch(&self, id: &JobId, clock: &Clock) -> Watch {
        let channel = self.0.join(id);
        asked(&channel);
        Watch::on(id, channel, clock)
    }

    /// For whoever drives the job, which is not to ask how it stands. What became of it before is news.
    pub fn hold(&self, id: &JobId, clock: &Clock) -> Watch {
        let mut watch = Watch::on(id, self.0.join(id), clock);
        watch.seen = watch.seen.wrapping_sub(1);
        watch
    }

    /// The live facts, where anybody keeps them, for somebody who wants to know how the job stands.
    pub fn live_of(&self, id: &JobId) -> Live {
        let channel = self.0.get(id);
        channel.iter().for_each(|channel| asked(channel));
        channel.map(|channel| channel.borrow().live.clone()).unwrap_or_default()
    }

    fn tell(&self, id: &JobId, change: impl FnOnce(&mut News) -> bool) {
        if let Some(channel) = self.0.get(id) {
            channel.send_if_modified(change);
        }
    }
}

fn asked(channel: &Channel) {
    channel.send_if_modified(|news| !std::mem::replace(&mut news.asked, true));
}

/// A moment before a change of the stored job.
#[derive(Clone, Copy, Debug)]
pub struct Before(u64);

/// What whoever drives a job has to look after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The stored job may have changed.
    Stored,
    /// It changed, and is the driver's no more.
    Taken,
    /// Somebody wants to know how the job stands.
    Asked,
}

/// Waits for news about one job.
#[derive(Debug)]
pub struct Watch {
    id: JobId,
    channel: Arc<Channel>,
    news: watch::Receiver<News>,
    /// The last change of the stored job that was told.
    seen: u64,
    /// How often the job had been taken from somebody when this began.
    taken: u64,
    clock: Clock,
}

impl Watch {
    fn on(id: &JobId, channel: Arc<Channel>, clock: &Clock) -> Watch {
        let news = channel.subscribe();
        let (seen, taken) = (news.borrow().stored, news.borrow().taken);
        Watch { id: id.clone(), channel, news, seen, taken, clock: clock.clone() }
    }

    /// Returns when the job may have changed since the last call: at once on news, after a second without any. The caller
    /// reads the job again.
    pub async fn changed(&mut self) {
        tokio::select! {
            biased;
            _ = self.news.changed() => {}
            () = self.clock.sleep(POLL) => {}
        }
    }

    async fn news(&mut self) -> JobId {
        // The sender is held by this very watch, so waiting can't fail.
        let _ = self.news.changed().await;
        self.id.clone()
    }

    /// Returns when this process has changed the stored job since the last call; for those who do the live part themselves
    /// and have a timeout of their own.
    pub async fn stored(&mut self) {
        let seen = self.seen;
        // The sender is held by this very watch, so waiting can't fail.
        if let Ok(news) = self.news.wait_for(|news| news.stored != seen).await {
            self.seen = news.stored;
        }
    }

    /// As [`Watch::stored`], or when somebody asks, or has asked, how the job stands.
    pub async fn stored_or_asked(&mut self) -> Heard {
        let (seen, taken) = (self.seen, self.taken);
        // The sender is held by this very watch, so waiting can't fail.
        match self.news.wait_for(|news| news.asked || news.stored != seen).await {
            Ok(news) if news.taken != taken => Heard::Taken,
            Ok(news) if news.stored != seen => {
                self.seen = news.stored;
                Heard::Stored
            }
            Ok(_) | Err(_) => Heard::Asked,
        }
    }

    /// To be called before the one who watches changes the stored job.
    pub fn before_change(&self) -> Before {
        Before(self.news.borrow().stored)
    }

    /// The one who watches has changed the stored job, has told so, and has the job as it is since. So what was told before is no
    /// news to them, and their own change alone is none.
    pub fn knows(&mut self, before: Before) {
        let (Before(before), stored) = (before, self.news.borrow().stored);
        // Where there is more, others have changed it as well.
        self.seen = if stored == before.wrapping_add(1) { stored } else { before };
    }

    /// The job that is watched.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    pub fn live(&self) -> Live {
        self.channel.borrow().live.clone()
    }
}

/// Waits for news about several jobs.
#[derive(Debug)]
pub struct Watches {
    all: Vec<Watch>,
    clock: Clock,
    /// When the store is asked of all of them anyway, whatever news comes before.
    due: Timestamp,
}

impl Watches {
    pub fn new(all: Vec<Watch>, clock: &Clock) -> Watches {
        Watches { all, clock: clock.clone(), due: clock::after(clock.now(), POLL) }
    }

    /// This job is waited for no more.
    pub fn forget(&mut self, id: &JobId) {
        self.all.retain(|watch| watch.id != *id);
    }

    /// Returns when a job may have changed, and which; `None` once a second, when each may have.
    pub async fn changed(&mut self) -> Option<JobId> {
        let (all, clock, due) = (&mut self.all, &self.clock, self.due);
        let mut news: FuturesUnordered<_> = all.iter_mut().map(Watch::news).collect();
        tokio::select! {
            biased;
            () = clock.sleep_until(due) => {}
            Some(id) = news.next() => return Some(id),
        }
        drop(news);
        self.due = clock::after(self.clock.now(), POLL);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> (Hub, JobId, Clock) {
        (Hub::default(), JobId::new(Timestamp::UNIX_EPOCH), Clock::manual(Timestamp::UNIX_EPOCH))
    }

    #[tokio::test]
    async fn news_between_two_waits_is_not_lost() {
        let (hub, id, clock) = hub();
        let mut watch = hub.watch(&id, &clock);
        hub.changed(&id);
        watch.changed().await;
        let waiting = watch.changed();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        clock.advance(POLL);
        waiting.await;
    }

    #[tokio::test]
    async fn equal_live_facts_wake_nobody() {
        let (hub, id, clock) = hub();
        let mut watch = hub.watch(&id, &clock);
        let live = Live { queue_position: Some(3), ..Live::default() };
        hub.live(&id, live.clone());
        watch.changed().await;
        hub.live(&id, live.clone());
        assert!(futures_util::poll!(std::pin::pin!(watch.changed())).is_pending());
        assert_eq!((watch.live(), hub.live_of(&id)), (live.clone(), live));
    }

    #[tokio::test]
    async fn live_facts_are_no_change_of_the_stored_job() {
        let (hub, id, clock) = hub();
        let mut watch = hub.watch(&id, &clock);
        hub.live(&id, Live { uploading: true, ..Live::default() });
        assert!(futures_util::poll!(std::pin::pin!(watch.stored())).is_pending());
        hub.changed(&id);
        watch.stored().await;
        assert!(futures_util::poll!(std::pin::pin!(watch.stored())).is_pending());
    }

    #[tokio::test]
    async fn what_the_watcher_did_is_no_news_and_what_others_did_meanwhile_is() {
        for (others, told) in [(0, false), (1, true)] {
            let (hub, id, clock) = hub();
            let mut watch = hub.watch(&id, &clock);
            let before = watch.before_change();
            (0..=others).for_each(|_| hub.changed(&id));
            watch.knows(before);
            assert_eq!(futures_util::poll!(std::pin::pin!(watch.stored())).is_ready(), told, "{others}");
        }
    }

    #[tokio::test]
    async fn what_became_of_a_job_before_it_was_held_is_news_once() {
        let (hub, id, clock) = hub();
        let mut held = hub.hold(&id, &clock);
        held.stored().await;
        assert!(futures_util::poll!(std::pin::pin!(held.stored())).is_pending());
        let mut held = hub.hold(&id, &clock);
        let before = held.before_change();
        hub.changed(&id);
        held.knows(before);
        assert!(futures_util::poll!(std::pin::pin!(held.stored())).is_pending(), "the change had all before it");
    }

    #[tokio::test]
    async fn whoever_drives_a_job_hears_of_changes_and_that_somebody_asks() {
        for ask in [
            |hub: &Hub, id: &JobId| drop(hub.live_of(id)),
            |hub: &Hub, id: &JobId| {
                drop(hub.watch(id, &Clock::manual(Timestamp::UNIX_EPOCH)));
            },
        ] {
            let (hub, id, clock) = hub();
            let mut held = hub.hold(&id, &clock);
            assert_eq!(held.stored_or_asked().await, Heard::Stored);
            assert!(futures_util::poll!(std::pin::pin!(held.stored_or_asked())).is_pending(), "holding is not asking");
            hub.changed(&id);
            assert_eq!(held.stored_or_asked().await, Heard::Stored);
            ask(&hub, &id);
            assert_eq!(held.stored_or_asked().await, Heard::Asked);
            hub.changed(&id);
            assert_eq!(held.stored_or_asked().await, Heard::Stored, "a change comes first");
            hub.taken(&id);
            assert_eq!(held.stored_or_asked().await, Heard::Taken);
            let mut next = hub.hold(&id, &clock);
            assert_eq!(next.stored_or_asked().await, Heard::Stored, "it is the next driver's");
        }
    }

    #[tokio::test]
    async fn of_several_jobs_the_one_with_news_is_named_and_all_are_looked_at_once_a_second() {
        let (hub, one, clock) = hub();
        let other = JobId::new(Timestamp::UNIX_EPOCH);
        let mut watches = Watches::new([&one, &other].map(|id| hub.watch(id, &clock)).into(), &clock);
        assert!(futures_util::poll!(std::pin::pin!(watches.changed())).is_pending());
        for id in [&other, &one, &other] {
            hub.changed(id);
            assert_eq!(watches.changed().await, Some(id.clone()));
        }
        hub.changed(&one);
        clock.advance(POLL);
        assert_eq!(watches.changed().await, None, "however much news there is");
        assert_eq!(watches.changed().await, Some(one.clone()), "which is not lost");
        watches.forget(&one);
        hub.changed(&one);
        assert!(futures_util::poll!(std::pin::pin!(watches.changed())).is_pending());
    }
}
