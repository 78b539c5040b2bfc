//! Real requests to a real receiver on this machine, and to addresses that are refused.

mod fetching;
mod posting;
mod receiver;
mod refusing;

use std::time::Duration;

use plantain_outbound::address::Special;
use plantain_outbound::policy::Refusal;
use plantain_outbound::{Bounds, Outbound, Policy};

/// Long enough for any answer of a local receiver, and never waited out.
const PATIENT: Duration = Duration::from_secs(20);

/// Short enough to be waited out.
const HASTY: Duration = Duration::from_millis(60);

fn local() -> Outbound {
    Outbound::new(Policy::loopback()).expect("the transport can be set up")
}

fn within(max_bytes: usize, deadline: Duration) -> Bounds {
    Bounds { max_bytes, deadline }
}

/// Is this the refusal of an address of that kind?
fn is_refused(refusal: &Refusal, kind: Special) -> bool {
    matches!(refusal, Refusal::Address { kind: found, .. } if *found == kind)
}
