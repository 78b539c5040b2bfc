//! The `plantain` command. Everything it does is in the library beside it; this file owns the process: allocator, exit code.

use std::process::ExitCode;

/// Gives freed picture buffers back to the system, so that an idle server is small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    plantain::cli::main()
}
