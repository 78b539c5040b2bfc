//! AV1 decoded in a process of its own.
//!
//! Decoders of AV1 in Rust are ports of C, and a fault of theirs ends the process that they run in. So this program starts itself once
//! more for every AVIF, with a hidden command that decodes what it reads from its standard input and answers on its
//! standard output. A crash, too much memory or too much time costs one picture. It holds: the other process is given
//! coded pictures and nothing else, no settings, no secrets, no files; what it answers is measured before it is believed; it is gone
//! when the answer is there. How many run at once is bound by `work::Cpu`, on which photos are decoded.

pub mod child;
pub mod process;
mod wire;

use plantain_media::decode::{Av1Decoder, Av1Fault, Av1Frame, Av1Stream, Limits};

use self::process::Process;

/// The command under which the other process is started.
pub const COMMAND: &str = "decode-av1";

/// Decodes AV1 in a process of this program.
pub fn decoder() -> Av1Decoder {
    Av1Decoder::new(&here)
}

/// What photos of so many bytes may cost, AVIF among them.
pub fn limits(max_bytes: usize) -> Limits {
    Limits { max_bytes, av1: Some(decoder()), ..Limits::default() }
}

fn here(streams: &[Av1Stream]) -> Result<Vec<Av1Frame>, Av1Fault> {
    let process = Process::of_this_program().map_err(|error| {
        tracing::warn!(%error, "AVIF can't be decoded: this program does not find itself");
        Av1Fault::Unavailable
    })?;
    process.decode(streams)
}
