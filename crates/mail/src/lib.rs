//! Mail by SMTP, to a server that the operator named: what a letter is, how it leaves, and what the server's answer means.
//!
//! [`address::MailAddress`] is an address that can be written to, [`server::MailServer`] the operator's server as `SMTP_URL`
//! says it, [`letter::Letter`] what is sent, and [`Mailer`] sends it. Invariants: nothing leaves unencrypted unless the
//! operator said so; every wait and every size has a bound; a letter has the same `Message-ID` each time it is sent; the
//! password is never printed. It knows no database, no job and no HTTP; who is written to and when is its caller's affair.

pub mod address;
pub mod attempt;
pub mod letter;
mod mailer;
pub mod server;

pub use mailer::Mailer;
