//! The side that asks: starts the other process, waits for it no longer than it may take, and leaves nothing of it behind.

use std::ffi::OsString;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use plantain_media::decode::{Av1Fault, Av1Frame, Av1Stream};

use super::{COMMAND, wire};

/// The largest photo takes four seconds of CPU; this is for machines that are ten times slower or busier.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long the smallest picture may take, and how much longer each pixel makes it: whoever states few pixels has no stream that
/// keeps others waiting for a minute.
const LEAST: Duration = Duration::from_secs(10);
const A_PIXEL: Duration = Duration::from_micros(1);

/// Which program decodes, and for how long at most.
#[derive(Clone, Debug)]
pub struct Process {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub patience: Duration,
}

impl Process {
    pub fn of_this_program() -> io::Result<Process> {
        Ok(Process { program: this_program()?, arguments: vec![COMMAND.into()], patience: PATIENCE })
    }

    /// The frames of all streams, or why there are none.
    pub fn decode(&self, streams: &[Av1Stream]) -> Result<Vec<Av1Frame>, Av1Fault> {
        let (started, stdin, stdout) = self.start().map_err(|error| {
            tracing::warn!(%error, program = %self.program.display(), "AVIF can't be decoded: no process could be started");
            Av1Fault::Unavailable
        })?;
        let patience = patience(streams).min(self.patience);
        thread::scope(|scope| {
            // Ends first, whatever happens: the other thread then waits for nobody.
            let _started = started;
            let (answer, answered) = sync_channel(1);
            let talk = move || answer.send(exchange(stdin, stdout, streams));
            thread::Builder::new().spawn_scoped(scope, talk).map_err(|_| Av1Fault::Unavailable)?;
            match answered.recv_timeout(patience) {
                Ok(Ok(frames)) => Ok(frames),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "an AVIF was not decoded");
                    Err(Av1Fault::Damaged)
                }
                Err(_) => {
                    tracing::warn!("an AVIF took longer than {patience:?} and was given up");
                    Err(Av1Fault::Damaged)
                }
            }
        })
    }

    fn start(&self) -> io::Result<(Running, ChildStdin, ChildStdout)> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(needed());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = Running(command.spawn()?);
        let (stdin, stdout) = (running.0.stdin.take(), running.0.stdout.take());
        match stdin.zip(stdout) {
            Some((stdin, stdout)) => Ok((running, stdin, stdout)),
            None => Err(io::Error::other("no pipes")),
        }
    }
}

fn patience(streams: &[Av1Stream]) -> Duration {
    let pixels = streams.iter().map(|stream| u64::from(stream.width) * u64::from(stream.height));
    let pixels = pixels.fold(0, u64::saturating_add);
    LEAST.saturating_add(A_PIXEL.saturating_mul(u32::try_from(pixels).unwrap_or(u32::MAX)))
}

/// Of a program that was replaced since it was started, the kernel still has the file.
#[cfg(target_os = "linux")]
fn this_program() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Ok(own) } else { std::env::current_exe() }
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Nothing of this process's environment goes over but what Windows can't start a program without. Of its own accord the
/// allocator would reserve more room than the other process may have.
#[expect(clippy::disallowed_methods, reason = "a variable of the system, not a setting")]
fn needed() -> impl Iterator<Item = (&'static str, OsString)> {
    let root = cfg!(windows).then(|| std::env::var_os("SystemRoot")).flatten();
    let room = ("MIMALLOC_ARENA_RESERVE", OsString::from("0"));
    root.map(|root| ("SystemRoot", root)).into_iter().chain([room])
}

/// Killed when dropped, and waited for, so that no zombie stays.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails only where it has ended and was waited for already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other side reads everything before it answers, so neither waits for the other.
fn exchange(mut stdin: ChildStdin, stdout: ChildStdout, streams: &[Av1Stream]) -> io::Result<Vec<Av1Frame>> {
    wire::write_streams(&mut stdin, streams)?;
    stdin.flush()?;
    drop(stdin);
    let mut stdout = BufReader::new(stdout);
    streams.iter().map(|stream| wire::read_frame(&mut stdout, stream)).collect()
}
