//! What is under way between queue and studio: late, lost, twice, out of order, and to processes that died meanwhile.

use jiff::Timestamp;

use plantain_queue::model::{ClaimedDelivery, Outcome};
use plantain_studio::job::{Job, JobId};
use plantain_wire::id::RequestId;
use plantain_wire::signature::SignedHeaders;

/// A process, in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub index: usize,
    pub life: u32,
}

#[derive(Clone, Debug)]
pub enum Message {
    Submit { job: Box<Job>, from: Address },
    Submitted { job: JobId, request: RequestId, to: Address },
    Webhook { claimed: Box<ClaimedDelivery>, headers: SignedHeaders, from: Address },
    Answered { claimed: Box<ClaimedDelivery>, status: u16, to: Address },
    Ask { job: JobId, request: RequestId, from: Address },
    Told { job: JobId, request: RequestId, standing: Standing, to: Address },
    Cancel { request: RequestId },
}

/// What the status and result calls say.
#[derive(Clone, Debug)]
pub enum Standing {
    Waiting,
    Running,
    Ended(Box<Outcome>),
}

#[derive(Clone, Debug)]
pub struct InFlight {
    pub arrives: Timestamp,
    pub message: Message,
}
