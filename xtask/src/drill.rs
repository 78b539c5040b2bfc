//! `cargo xtask drill`: the crash drills and the simulation of the test suite, as large as is asked for.

use anyhow::Result;

use crate::install;
use crate::run::{cargo, show};

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    jobs: u32,
    seeds: u32,
    schedules: u32,
}

impl Extent {
    /// `None`: an option that nobody knows, or no number behind it.
    pub fn parse(options: &[&str]) -> Option<Extent> {
        let mut extent = Extent { jobs: 200, seeds: 5, schedules: 20_000 };
        for option in options.chunks(2) {
            let [name, number] = option else { return None };
            let number = number.parse().ok().filter(|number| *number > 0)?;
            match *name {
                "--jobs" => extent.jobs = number,
                "--seeds" => extent.seeds = number,
                "--schedules" => extent.schedules = number,
                _ => return None,
            }
        }
        Some(extent)
    }
}

pub fn run(extent: Extent) -> Result<()> {
    install::packages()?;
    let mut simulation = cargo();
    simulation.args(["test", "--package", "plantain-store", "--test", "it", "simulation::", "--", "--nocapture"]);
    show(simulation.env("PLANTAIN_SIM_SCHEDULES", extent.schedules.to_string()))?;
    let mut drills = cargo();
    drills.args(["test", "--package", "plantain", "--test", "it", "drills::", "--", "--nocapture", "--test-threads=1"]);
    drills.env("PLANTAIN_DRILL_JOBS", extent.jobs.to_string());
    show(drills.env("PLANTAIN_DRILL_SEEDS", extent.seeds.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_usual() {
        let usual = Extent { jobs: 200, seeds: 5, schedules: 20_000 };
        assert_eq!(Extent::parse(&[]), Some(usual));
        assert_eq!(Extent::parse(&["--seeds", "2", "--jobs", "9"]), Some(Extent { jobs: 9, seeds: 2, ..usual }));
        for wrong in [&["--jobs"][..], &["--jobs", "x"], &["--jobs", "0"], &["--kills", "1"]] {
            assert_eq!(Extent::parse(wrong), None, "{wrong:?}");
        }
    }
}
