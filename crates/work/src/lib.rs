//! How Plantain runs owed work: one lease loop, tracked tasks, two-phase shutdown, and time and chance as values.
//!
//! A *lane* ([`lane::Lane`]) knows how to claim due tasks from some store and how to run one to its settlement;
//! [`lane::run`] is the only loop that drives them. Claims never exceed free slots, every task is tracked, every wait is a
//! wake-up or a timeout. This crate knows neither SQL nor HTTP, nor what a task is.

pub mod channels;
pub mod clock;
pub mod cpu;
pub mod lane;
pub mod random;
pub mod rate;
pub mod shutdown;
pub mod tasks;

pub use channels::Channels;
pub use clock::Clock;
pub use cpu::Cpu;
pub use shutdown::Shutdown;
pub use tasks::Tasks;
