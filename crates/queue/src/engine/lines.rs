//! The lines before each app, in memory, for the places that submits and status calls tell.
//!
//! Read from the store when somebody first asks, kept up by what this process takes in and claims, and read again when
//! others may have changed them. Where it is wrong it is so for moments, and nothing depends on it but what is shown.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use plantain_wire::id::RequestId;
use plantain_work::{Clock, clock};

use crate::places::{Places, Waiting};
use crate::store::{QueueStore, StoreError};
use crate::turns::Turns;

/// Requests of one app that are kept here. Whoever waits behind them is told that at least so many are before it.
const LINE_MAX: usize = 20_000;

/// Apps that are kept here. Where there are more, all are read anew.
const APPS_MAX: usize = 1_000;

/// A line is read again no sooner than this after the last time, nor than so many times what that took.
const READ_PAUSE: Duration = Duration::from_millis(50);
const READ_SHARE: u32 = 20;

/// A line that nobody said anything about is read again after this, in case something was missed.
const BELIEVED: Duration = Duration::from_secs(10);

pub(super) struct Lines {
    clock: Clock,
    apps: Mutex<HashMap<String, Line>>,
}

#[derive(Default)]
struct Line {
    places: Places,
    /// When it was read, and how long that took.
    read: Option<(Timestamp, Duration)>,
    stale: bool,
    /// Those whose submit is not committed yet: no reading need have seen them.
    announced: Vec<Waiting>,
    /// What happened since the reading that is under way began.
    meanwhile: Option<Vec<Step>>,
}

#[derive(Clone)]
enum Step {
    Join(Waiting),
    Leave(RequestId),
}

impl Lines {
    pub(super) fn new(clock: Clock) -> Lines {
        Lines { clock, apps: Mutex::default() }
    }

    /// To be called before the request is stored, so that it can't leave before it has come. A submit whose end nobody
    /// waited for is looked up.
    pub(super) fn announce(&self, app: &str, waiting: Waiting) -> Announced<'_> {
        let announced = Announced { lines: self, app: app.to_owned(), id: waiting.id.clone(), waits: false };
        let mut apps = self.lock();
        if apps.len() >= APPS_MAX && !apps.contains_key(app) {
            apps.clear();
        }
        let line = apps.entry(app.to_owned()).or_default();
        line.announced.push(waiting.clone());
        line.step(Step::Join(waiting));
        announced
    }

    /// The request does not wait any more.
    pub(super) fn left(&self, app: &str, id: &RequestId) {
        if let Some(line) = self.lock().get_mut(app) {
            line.step(Step::Leave(id.clone()));
        }
    }

    /// Somebody else may have changed any of them.
    pub(super) fn all_changed(&self) {
        self.lock().values_mut().for_each(|line| line.stale = true);
    }

    /// How many go before a request that waits. `None` where this process does not know it to wait.
    pub(super) async fn ahead(
        &self,
        store: &dyn QueueStore,
        turns: &Turns,
        app: &str,
        id: &RequestId,
    ) -> Result<Option<u64>, StoreError> {
        for _ in 0..2 {
            if self.begin(app) {
                let (reading, began_at) = (Reading { lines: self, app }, self.clock.now());
                let waiting = store.waiting(app, LINE_MAX).await?;
                reading.done(waiting, began_at);
            }
            if let Some(ahead) = self.known(turns, app, id) {
                return Ok(Some(ahead));
            }
            // It waits and is not here: it came back, or another process took it in.
            if let Some(line) = self.lock().get_mut(app) {
                line.stale = true;
            }
        }
        Ok(None)
    }

    /// Like [`Lines::ahead`], of a request that may have been claimed already: the store is asked only where it never was.
    pub(super) async fn ahead_of_new(
        &self,
        store: &dyn QueueStore,
        turns: &Turns,
        app: &str,
        id: &RequestId,
    ) -> Result<u64, StoreError> {
        if self.lock().get(app).is_none_or(|line| line.read.is_none() || line.stale) {
            return Ok(self.ahead(store, turns, app, id).await?.unwrap_or(0));
        }
        Ok(self.known(turns, app, id).unwrap_or(0))
    }

    fn known(&self, turns: &Turns, app: &str, id: &RequestId) -> Option<u64> {
        let apps = self.lock();
        let places = &apps.get(app)?.places;
        let ahead = turns.remembered(|served| places.ahead(id, served));
        ahead.or_else(|| (places.len() >= LINE_MAX).then_some(LINE_MAX as u64))
    }

    /// Whether the caller is the one to read the line now.
    fn begin(&self, app: &str) -> bool {
        let now = self.clock.now();
        let mut apps = self.lock();
        let line = apps.entry(app.to_owned()).or_default();
        let is_due = match line.read {
            None => true,
            Some((at, took)) => {
                let age = clock::until(at, now);
                age >= BELIEVED || (line.stale && age >= READ_PAUSE.max(took * READ_SHARE))
            }
        };
        if !is_due || line.meanwhile.is_some() {
            return false;
        }
        line.meanwhile = Some(line.announced.iter().cloned().map(Step::Join).collect());
        line.stale = false;
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        // What a panic left half done is put right by the next reading.
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A submit under way.
pub(super) struct Announced<'a> {
    lines: &'a Lines,
    app: String,
    id: RequestId,
    waits: bool,
}

impl Announced<'_> {
    /// It is stored and waits, or waited.
    pub(super) fn waits(mut self) {
        self.waits = true;
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        let mut apps = self.lines.lock();
        let Some(line) = apps.get_mut(&self.app) else { return };
        line.announced.retain(|announced| announced.id != self.id);
        if !self.waits {
            line.step(Step::Leave(self.id.clone()));
            line.stale = true;
        }
    }
}

/// A reading under way. Its end is told even where its caller goes away in the middle.
struct Reading<'a> {
    lines: &'a Lines,
    app: &'a str,
}

impl Reading<'_> {
    fn done(self, waiting: Vec<Waiting>, began_at: Timestamp) {
        let now = self.lines.clock.now();
        let mut apps = self.lines.lock();
        let line = apps.entry(self.app.to_owned()).or_default();
        line.places = Places::of(waiting);
        line.read = Some((now, clock::until(began_at, now)));
        line.meanwhile.take().into_iter().flatten().for_each(|step| line.apply(step));
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.lines.lock().get_mut(self.app)
            && line.meanwhile.take().is_some()
        {
            line.stale = true;
        }
    }
}

impl Line {
    fn step(&mut self, step: Step) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.push(step.clone());
        }
        self.apply(step);
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Join(waiting) if self.places.len() < LINE_MAX => self.places.join(waiting),
            Step::Join(_) => {}
            Step::Leave(id) => self.places.leave(&id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Priority;

    fn lines() -> (Lines, Clock, Turns) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (Lines::new(clock.clone()), clock, Turns::new(10))
    }

    fn waiting(name: &str) -> Waiting {
        Waiting { id: id(name), key_id: "k".into(), priority: Priority::Normal }
    }

    fn id(name: &str) -> RequestId {
        RequestId::parse(name).unwrap()
    }

    fn read(lines: &Lines, found: &[&str]) {
        assert!(lines.begin("app"));
        let reading = Reading { lines, app: "app" };
        reading.done(found.iter().map(|name| waiting(name)).collect(), lines.clock.now());
    }

    #[test]
    fn who_comes_and_goes_is_known_without_reading_again() {
        let (lines, clock, turns) = lines();
        read(&lines, &["a", "b"]);
        lines.announce("app", waiting("c")).waits();
        assert_eq!(lines.known(&turns, "app", &id("c")), Some(2));
        lines.left("app", &id("a"));
        assert_eq!(lines.known(&turns, "app", &id("c")), Some(1));
        clock.advance(BELIEVED / 2);
        assert!(!lines.begin("app"), "nothing has been said");
        lines.all_changed();
        assert!(lines.begin("app") && !lines.begin("app"), "one at a time");
    }

    #[test]
    fn what_happens_during_a_reading_is_not_undone_by_it() {
        let (lines, _, turns) = lines();
        let early = lines.announce("app", waiting("early"));
        assert!(lines.begin("app"));
        early.waits();
        lines.left("app", &id("gone"));
        lines.announce("app", waiting("late")).waits();
        let reading = Reading { lines: &lines, app: "app" };
        // Read before any of them was committed.
        reading.done(vec![waiting("gone"), waiting("a")], Timestamp::UNIX_EPOCH);
        let place = |name| lines.known(&turns, "app", &id(name));
        assert_eq!((place("gone"), place("a"), place("early"), place("late")), (None, Some(0), Some(1), Some(2)));
    }

    #[test]
    fn a_caller_that_goes_away_stops_neither_readings_nor_the_line() {
        let (lines, clock, turns) = lines();
        assert!(lines.begin("app"));
        drop(Reading { lines: &lines, app: "app" });
        read(&lines, &["a"]);
        drop(lines.announce("app", waiting("b")));
        assert_eq!(lines.known(&turns, "app", &id("b")), None);
        clock.advance(READ_PAUSE);
        assert!(lines.begin("app"), "whether it was stored has to be looked up");
    }

    #[test]
    fn a_long_line_is_read_seldom() {
        let (lines, clock, _) = lines();
        let took = Duration::from_millis(40);
        assert!(lines.begin("app"));
        clock.advance(took);
        Reading { lines: &lines, app: "app" }.done(Vec::new(), Timestamp::UNIX_EPOCH);
        lines.all_changed();
        clock.advance(took * READ_SHARE - Duration::from_millis(1));
        assert!(!lines.begin("app"));
        clock.advance(Duration::from_millis(1));
        assert!(lines.begin("app"));
    }
}
