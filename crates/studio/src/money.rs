//! Money: kept in millionths of a US dollar, since models cost fractions of a cent; told in cents.

/// In one cent.
const MICRO_USD: f64 = 10_000.0;

pub fn cents(micro_usd: u64) -> f64 {
    micro_usd as f64 / MICRO_USD
}

pub fn dollars(micro_usd: u64) -> f64 {
    micro_usd as f64 / 1e6
}

/// As people read it: cents to their fractions, since a picture may cost less than one.
pub fn told(micro_usd: u64) -> String {
    format!("${:.3}", dollars(micro_usd))
}

/// To the nearest millionth of a dollar.
pub fn micro_usd(cents: f64) -> u64 {
    (cents * MICRO_USD).round() as u64
}
