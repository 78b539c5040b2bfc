//! The log of one attempt on its way to the store: bounded, whatever a runner writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use plantain_wire::status::{LogEntry, LogLevel};

/// Lines that may wait to be written. Where the store can't take them for long, newer ones are dropped; the attempt matters
/// more.
pub(super) const LINES_WAITING_MAX: usize = 1024;

/// Lines that one attempt may write. Every status call shows them all.
const LINES_MAX: usize = 2_000;

/// Bytes of one line that are kept.
const LINE_BYTES_MAX: usize = 4 * 1024;

const TOO_MANY: &str = "Further lines of this attempt are not kept.";

/// What is not written yet.
#[derive(Default)]
pub(super) struct Log(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    waiting: Vec<LogEntry>,
    /// All that were taken, written ones included.
    taken: usize,
}

impl Log {
    pub(super) fn push(&self, level: LogLevel, mut line: String, now: Timestamp) {
        let mut lines = self.lock();
        lines.taken += 1;
        if lines.taken > LINES_MAX + 1 || lines.waiting.len() >= LINES_WAITING_MAX {
            return;
        }
        line.truncate(line.floor_char_boundary(LINE_BYTES_MAX));
        let entry = match lines.taken > LINES_MAX {
            true => LogEntry::new(TOO_MANY, LogLevel::Warn, now),
            false => LogEntry::new(line, level, now),
        };
        lines.waiting.push(entry);
    }

    pub(super) fn take(&self) -> Vec<LogEntry> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Lines that could not be written go before those that came meanwhile.
    pub(super) fn put_back(&self, mut earlier: Vec<LogEntry>) {
        let mut lines = self.lock();
        earlier.append(&mut lines.waiting);
        earlier.truncate(LINES_WAITING_MAX);
        lines.waiting = earlier;
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Every change is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn messages(log: &Log) -> Vec<String> {
        log.take().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn lines_that_could_not_be_written_keep_their_place() {
        let log = Log::default();
        log.push(LogLevel::Info, "one".into(), NOW);
        let unwritten = log.take();
        log.push(LogLevel::Info, "two".into(), NOW);
        log.put_back(unwritten);
        assert_eq!(messages(&log), ["one", "two"]);
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_runaway_log_ends_with_a_word_about_it() {
        let log = Log::default();
        let mut kept = Vec::new();
        for number in 0..10 * LINES_MAX {
            log.push(LogLevel::Info, number.to_string(), NOW);
            kept.extend(messages(&log));
        }
        assert_eq!(kept.len(), LINES_MAX + 1);
        assert_eq!(kept.last().unwrap(), TOO_MANY);
    }

    #[test]
    fn nothing_grows_while_the_store_is_away() {
        let log = Log::default();
        for number in 0..2 * LINES_WAITING_MAX {
            log.push(LogLevel::Info, number.to_string(), NOW);
        }
        let unwritten = log.take();
        assert_eq!(unwritten.len(), LINES_WAITING_MAX);
        log.push(LogLevel::Info, "late".into(), NOW);
        log.put_back(unwritten);
        assert_eq!(messages(&log).len(), LINES_WAITING_MAX);
    }

    #[test]
    fn a_long_line_is_cut_between_two_characters() {
        let log = Log::default();
        log.push(LogLevel::Info, "é".repeat(LINE_BYTES_MAX), NOW);
        log.push(LogLevel::Info, format!("x{}", "é".repeat(LINE_BYTES_MAX)), NOW);
        let lengths: Vec<usize> = messages(&log).iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, LINE_BYTES_MAX - 1]);
    }
}
