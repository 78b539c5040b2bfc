//! How many sign-in links are asked for from one address, whoever asks: browsers without a cookie are made for nothing, addresses
//! are not.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::hourly::Hourly;
use crate::http::address;

/// Links that are sent for one household within an hour: an office's worth, and far from what all may ask for together.
const LINKS_MAX: u32 = 20;

#[derive(Debug, Default)]
pub struct Households(Hourly);

impl Households {
    /// Counts one more link, unless there were as many as there may be.
    pub fn may_ask(&self, client: IpAddr, now: Timestamp) -> bool {
        self.0.may(&address::household(Some(client)), LINKS_MAX, now)
    }
}
