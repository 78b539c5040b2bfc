//! The engine on a real SQLite file, against a real receiver, with a clock that the test moves.

mod bench;
mod cancelling;
mod deadlines;
mod delivering;
mod ending;
mod running;
mod runs;
mod stopping;
