//! The board: what status calls read, in memory. A call that asks every tenth of a second costs no question to the store.
//!
//! Holds views without their outputs. What this process does to a request is done to its entry as well; an entry is taken
//! down when the request may have changed in another way, and nothing that was read before a change is put up after it.
//! Bounded in entries and bytes; what was asked for last stays longest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_wire::id::RequestId;
use plantain_work::{Clock, clock};

use crate::model::{Outcome, RequestView};

/// Half of the entries, and half of their bytes: the younger half pushes the older one out.
const HALF_ENTRIES_MAX: usize = 10_000;
const HALF_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A view with its ids and addresses, about.
const VIEW_BYTES: usize = 1024;

/// Logs up to here are kept with the view, in bytes. Longer ones are read from the store when they are asked for.
const LOG_BYTES_MAX: usize = 16 * 1024;

/// How long an entry is believed. Where other processes change requests, word of it may be lost; where they don't, only time
/// itself changes one: it expires.
const BELIEVED_SHARED: Duration = Duration::from_secs(1);
const BELIEVED_ALONE: Duration = Duration::from_secs(30);

pub(super) struct Board {
    clock: Clock,
    believed: Duration,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<RequestId, Entry>,
    old: HashMap<RequestId, Entry>,
    young_bytes: usize,
    readings: u64,
}

enum Entry {
    /// Being read from the store; the number tells this reading from a later one.
    Reading(u64),
    /// On its way into the store. Nobody is shown it before it is there.
    Coming(Posted),
    Up(Posted, Until),
}

/// How long an entry is believed, and which reading it is from; none: 0.
#[derive(Clone, Copy)]
struct Until {
    time: Timestamp,
    reading: u64,
}

/// Of a model's error, in bytes: larger ones are kept without their text.
const ERROR_BYTES_MAX: usize = 4 * 1024;

/// What is on the board about a request.
#[derive(Clone)]
pub(super) struct Posted {
    /// Without its output, but for a short error; without its logs where they are long.
    pub view: Arc<RequestView>,
    pub has_logs: bool,
    bytes: usize,
}

impl Posted {
    pub(super) fn of(mut view: RequestView) -> Posted {
        // What the status says of a model's error is in its body.
        let mut body_bytes = 0;
        if let Some(Outcome::Answered { http_status, body, .. }) = &mut view.outcome {
            let is_error = !(200..=299).contains(http_status);
            match is_error && body.len() <= ERROR_BYTES_MAX {
                true => body_bytes = body.len(),
                false => *body = Bytes::new(),
            }
        }
        let log_bytes: usize = view.logs.iter().map(|line| 64 + line.message.len() + line.source.len()).sum();
        let has_logs = log_bytes <= LOG_BYTES_MAX;
        if !has_logs {
            view.logs = Vec::new();
        }
        let bytes = VIEW_BYTES + body_bytes + if has_logs { log_bytes } else { 0 };
        Posted { view: Arc::new(view), has_logs, bytes }
    }

    /// Without a log that was too long already, whatever has come to it.
    fn with(self, change: impl FnOnce(&mut RequestView)) -> Posted {
        let mut view = Arc::unwrap_or_clone(self.view);
        change(&mut view);
        if !self.has_logs {
            view.logs = Vec::new();
        }
        let posted = Posted::of(view);
        Posted { has_logs: posted.has_logs && self.has_logs, ..posted }
    }
}

/// A moment before a change: what was read after it may have seen the change.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

/// The right to put up what is about to be read.
pub(super) struct Reading {
    id: RequestId,
    number: u64,
}

impl Board {
    pub(super) fn new(clock: Clock, shared: bool) -> Board {
        let believed = if shared { BELIEVED_SHARED } else { BELIEVED_ALONE };
        Board { clock, believed, halves: Mutex::default() }
    }

    pub(super) fn look(&self, id: &RequestId) -> Option<Posted> {
        let mut halves = self.lock();
        if let Some(entry) = halves.old.remove(id) {
            halves.insert(id.clone(), entry);
        }
        match halves.young.get(id)? {
            Entry::Up(posted, until) if until.time > self.clock.now() => Some(posted.clone()),
            _ => None,
        }
    }

    /// To be called before the store is read.
    pub(super) fn begin(&self, id: &RequestId) -> Reading {
        let mut halves = self.lock();
        halves.readings += 1;
        let number = halves.readings;
        halves.remove(id);
        halves.insert(id.clone(), Entry::Reading(number));
        Reading { id: id.clone(), number }
    }

    /// Puts up what was read, unless the request may have changed since.
    pub(super) fn put(&self, reading: &Reading, posted: Option<Posted>) {
        let mut halves = self.lock();
        let here = [&halves.young, &halves.old].into_iter().find_map(|half| half.get(&reading.id));
        if !matches!(here, Some(Entry::Reading(number)) if *number == reading.number) {
            return;
        }
        halves.remove(&reading.id);
        if let Some(posted) = posted {
            let until = Until { time: clock::after(self.clock.now(), self.believed), reading: reading.number };
            halves.insert(reading.id.clone(), Entry::Up(posted, until));
        }
    }

    /// To be called before a new request is stored.
    pub(super) fn expect(&self, view: RequestView) {
        let id = view.id.clone();
        let mut halves = self.lock();
        halves.remove(&id);
        halves.insert(id, Entry::Coming(Posted::of(view)));
    }

    /// The request that was expected is stored, as new or not. What has been learnt of it in the meantime stands.
    pub(super) fn arrived(&self, id: &RequestId, is_new: bool) {
        let mut halves = self.lock();
        if let Some(Entry::Coming(posted)) = halves.take_if(id, |entry| matches!(entry, Entry::Coming(_)))
            && is_new
        {
            self.put_up(&mut halves, id, posted);
        }
    }

    /// To be called before the store is changed.
    pub(super) fn before_change(&self) -> Before {
        Before(self.lock().readings)
    }

    /// This process has changed the request in the store, as `change` does to its view. What is being read meanwhile may be
    /// older than that, and what was read since `before` newer: neither is kept.
    pub(super) fn change(&self, id: &RequestId, before: Before, change: impl FnOnce(&mut RequestView)) {
        let now = self.clock.now();
        let mut halves = self.lock();
        let posted = match halves.take_if(id, |_| true) {
            Some(Entry::Up(posted, until)) if until.time > now && until.reading <= before.0 => posted,
            Some(Entry::Coming(posted)) => posted,
            Some(Entry::Up(..) | Entry::Reading(_)) | None => return,
        };
        self.put_up(&mut halves, id, posted.with(change));
    }

    fn put_up(&self, halves: &mut Halves, id: &RequestId, posted: Posted) {
        let until = Until { time: clock::after(self.clock.now(), self.believed), reading: 0 };
        halves.insert(id.clone(), Entry::Up(posted, until));
    }

    /// The request may have changed.
    pub(super) fn take_down(&self, id: &RequestId) {
        self.lock().remove(id);
    }

    pub(super) fn clear(&self) {
        let mut halves = self.lock();
        let readings = halves.readings;
        *halves = Halves { readings, ..Halves::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Halves> {
        // An entry that a panic left out is read anew.
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn insert(&mut self, id: RequestId, entry: Entry) {
        self.young_bytes += entry.bytes();
        self.young.insert(id, entry);
        if self.young.len() >= HALF_ENTRIES_MAX || self.young_bytes >= HALF_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }

    fn remove(&mut self, id: &RequestId) {
        self.take_if(id, |_| true);
    }

    /// An entry is in one of the halves at most.
    fn take_if(&mut self, id: &RequestId, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        if let Some(entry) = self.young.get(id) {
            let bytes = entry.bytes();
            let entry = if wanted(entry) { self.young.remove(id) } else { None };
            self.young_bytes -= entry.as_ref().map_or(0, |_| bytes);
            return entry;
        }
        if self.old.get(id).is_some_and(wanted) { self.old.remove(id) } else { None }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Entry::Reading(_) => VIEW_BYTES,
            Entry::Up(posted, _) | Entry::Coming(posted) => posted.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use plantain_wire::id::{GatewayRequestId, UserId};
    use plantain_wire::options::RequestOptions;
    use plantain_wire::status::{LogEntry, LogLevel, QueueStatus};

    use super::*;
    use crate::history::{Origin, Payload};
    use crate::model::Caller;
    use crate::runner::AnswerHeaders;

    fn board(shared: bool) -> (Board, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (Board::new(clock.clone(), shared), clock)
    }

    fn id(text: &str) -> RequestId {
        RequestId::parse(text).unwrap()
    }

    fn read(board: &Board, name: &str, log: &str) {
        let reading = board.begin(&id(name));
        board.put(&reading, Some(Posted::of(view(name, log))));
    }

    #[test]
    fn what_was_read_is_seen_until_it_changes() {
        let (board, _) = board(false);
        assert!(board.look(&id("r")).is_none());
        read(&board, "r", "a");
        assert_eq!(board.look(&id("r")).unwrap().view.logs.len(), 1);
        board.take_down(&id("r"));
        assert!(board.look(&id("r")).is_none());
        read(&board, "r", "a");
        board.clear();
        assert!(board.look(&id("r")).is_none());
    }

    #[test]
    fn what_was_read_before_a_change_is_not_put_up_after_it() {
        let (board, _) = board(false);
        let reading = board.begin(&id("r"));
        board.take_down(&id("r"));
        board.put(&reading, Some(Posted::of(view("r", "old"))));
        assert!(board.look(&id("r")).is_none());
        let (earlier, later) = (board.begin(&id("r")), board.begin(&id("r")));
        board.put(&earlier, Some(Posted::of(view("r", "old"))));
        assert!(board.look(&id("r")).is_none());
        board.put(&later, Some(Posted::of(view("r", "new"))));
        board.put(&earlier, Some(Posted::of(view("r", "old"))));
        assert_eq!(board.look(&id("r")).unwrap().view.logs[0].message, "new");
    }

    #[test]
    fn what_is_done_here_is_done_to_the_entry_and_costs_no_reading() {
        let (board, _) = board(false);
        let ends = |view: &mut RequestView| view.status = QueueStatus::Completed;
        board.change(&id("r"), board.before_change(), ends);
        assert!(board.look(&id("r")).is_none(), "nothing is made up");
        read(&board, "r", "a");
        board.change(&id("r"), board.before_change(), |view| {
            view.logs.push(LogEntry::new("b", LogLevel::Info, Timestamp::UNIX_EPOCH))
        });
        board.change(&id("r"), board.before_change(), ends);
        let shown = board.look(&id("r")).unwrap().view;
        assert_eq!((shown.status, shown.logs.len()), (QueueStatus::Completed, 2));
        let reading = board.begin(&id("r"));
        board.change(&id("r"), board.before_change(), ends);
        board.put(&reading, Some(Posted::of(view("r", "from before"))));
        assert!(board.look(&id("r")).is_none(), "the reading may be older than the change");

        let before = board.before_change();
        read(&board, "r", "seen already");
        board.change(&id("r"), before, |view| {
            view.logs.push(LogEntry::new("seen already", LogLevel::Info, Timestamp::UNIX_EPOCH))
        });
        assert!(board.look(&id("r")).is_none(), "the reading may be newer than the change");
    }

    #[test]
    fn what_is_not_believed_any_more_is_not_made_new_by_a_change() {
        let (board, clock) = board(true);
        read(&board, "r", "a");
        clock.advance(Duration::from_secs(1));
        board.change(&id("r"), board.before_change(), |view| view.attempts = 2);
        assert!(board.look(&id("r")).is_none());
    }

    #[test]
    fn a_new_request_is_up_once_it_is_stored_however_soon_it_is_claimed() {
        let (board, _) = board(false);
        board.expect(view("r", "a"));
        assert!(board.look(&id("r")).is_none());
        board.arrived(&id("r"), true);
        assert!(board.look(&id("r")).is_some());

        board.expect(view("claimed", "a"));
        board.change(&id("claimed"), board.before_change(), |view| view.attempts = 7);
        board.arrived(&id("claimed"), true);
        assert_eq!(board.look(&id("claimed")).unwrap().view.attempts, 7);

        board.expect(view("known", "a"));
        board.arrived(&id("known"), false);
        assert!(board.look(&id("known")).is_none());
    }

    #[test]
    fn a_log_that_was_too_long_is_not_taken_for_a_short_one() {
        let (board, _) = board(false);
        read(&board, "r", &"x".repeat(LOG_BYTES_MAX));
        board.change(&id("r"), board.before_change(), |view| {
            view.logs.push(LogEntry::new("b", LogLevel::Info, Timestamp::UNIX_EPOCH))
        });
        let posted = board.look(&id("r")).unwrap();
        assert!(!posted.has_logs && posted.view.logs.is_empty());
    }

    #[test]
    fn a_lost_word_is_made_up_for_by_time() {
        for (shared, seconds) in [(true, 1), (false, 30)] {
            let (board, clock) = board(shared);
            read(&board, "r", "a");
            clock.advance(Duration::from_millis(seconds * 1000 - 1));
            assert!(board.look(&id("r")).is_some());
            clock.advance(Duration::from_millis(1));
            assert!(board.look(&id("r")).is_none());
        }
    }

    #[test]
    fn outputs_and_long_logs_stay_in_the_store() {
        let mut ended = view("r", &"x".repeat(LOG_BYTES_MAX));
        let body = Bytes::from_static(b"a large answer");
        let inference = Duration::from_secs(1);
        ended.outcome =
            Some(Outcome::Answered { http_status: 200, body, headers: AnswerHeaders::default(), inference });
        let posted = Posted::of(ended);
        assert!(!posted.has_logs && posted.view.logs.is_empty());
        let empty =
            Outcome::Answered { http_status: 200, body: Bytes::new(), headers: AnswerHeaders::default(), inference };
        assert_eq!(posted.view.outcome, Some(empty));
    }

    #[test]
    fn it_is_bounded_and_what_is_asked_for_stays() {
        let (board, _) = board(false);
        read(&board, "asked", "a");
        for number in 0..3 * HALF_ENTRIES_MAX {
            read(&board, &format!("r{number}"), "");
            if number % 1000 == 0 {
                assert!(board.look(&id("asked")).is_some(), "{number}");
            }
        }
        let halves = board.lock();
        assert!(halves.young.len() + halves.old.len() <= 2 * HALF_ENTRIES_MAX);
    }

    fn view(name: &str, log: &str) -> RequestView {
        RequestView {
            gateway_request_id: GatewayRequestId::from(&id(name)),
            id: id(name),
            endpoint: "a/b".parse().unwrap(),
            caller: Caller { user_id: UserId::parse("u").unwrap(), key_id: "k".into() },
            webhook: None,
            status: QueueStatus::InProgress,
            queue_position: None,
            logs: vec![LogEntry::new(log, LogLevel::Info, Timestamp::UNIX_EPOCH)],
            attempts: 1,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
            outcome: None,
            options: RequestOptions::default(),
            origin: Origin::Queue,
            retry_of: None,
            payload: Payload::Keep,
        }
    }
}
