//! Development chores: `cargo xtask test|ci|docs|drill|api|fuzz|bench`. No shell scripts; everything that a fresh Debian machine lacks is
//! installed or named.

mod api;
mod bench;
mod ci;
mod docs;
mod drill;
mod fuzz;
mod install;
mod memory;
mod official;
mod postgres;
mod run;
mod studio;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <chore>

  test [FILTER…]      install what is missing and fal's newest clients, start a private Postgres, run every test;
                      filters are nextest's
  with-postgres COMMAND…   run a command with PLANTAIN_TEST_POSTGRES set to a fresh server
  ci [--no-test]      test, then formatting, clippy, documentation, licences and advisories
  docs                write docs/configuration.md from the table of settings
  drill [--jobs N] [--seeds N] [--schedules N]
                      crash drills with so many jobs and seeds, and so many schedules of the simulation
  api [N]             holds a running studio to its description with schemathesis, N requests an operation
  fuzz [TARGET [SECONDS]]   signature_headers, jwks, webhook_body, decode; needs a C++ compiler
  bench [WHAT]        pictures, finishing, overhead, serve, queue, streams, pages, receiver, delivery or all (the default); prints the figures
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test", filters @ ..] => test::run(filters),
        ["with-postgres", program, arguments @ ..] => test::with_postgres(program, arguments),
        ["ci"] => test::run(&[]).and_then(|()| ci::run()),
        ["ci", "--no-test"] => ci::run(),
        ["docs"] => docs::run(),
        ["drill", options @ ..] => match drill::Extent::parse(options) {
            Some(extent) => drill::run(extent),
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["api", options @ ..] => match api::examples(options) {
            Some(examples) => api::run(examples),
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["fuzz", options @ ..] => match fuzz::named(options) {
            Some((targets, seconds)) => fuzz::run(&targets, seconds),
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
        ["bench"] | ["bench", _] => match bench::named(arguments.get(1).copied()) {
            Some(subjects) => bench::run(&subjects),
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
