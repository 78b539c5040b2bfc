//! Money: kept in millionths of a US dollar, since models cost fractions of a cent; told in cents.

/// In one cent.
const MICRO_USD: f64 = 10_000.0;

pub fn cents(micro_usd: u64) -> f64 {
    micro_usd as f64 / MICRO_USD
}

pub fn dollars(micro_usd: u64) -> f64 {
    micro_usd as f64 / 1e6
}

/// As people read it: whole cents, and their tenths where there are any, since a picture may cost less than one.
pub fn told(micro_usd: u64) -> String {
    let tenths = format!("${:.3}", dollars(micro_usd));
    tenths.strip_suffix('0').map_or_else(|| tenths.clone(), str::to_owned)
}

/// Of what may cost this much: whole cents, upwards, so that nothing costs more than was said.
pub fn at_most(micro_usd: u64) -> String {
    format!("${:.2}", micro_usd.div_ceil(MICRO_USD as u64) as f64 / 100.0)
}

/// To the nearest millionth of a dollar.
pub fn micro_usd(cents: f64) -> u64 {
    (cents * MICRO_USD).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_of_a_cent_are_told_where_there_are_any() {
        for (micro_usd, told_as) in [
            (0, "$0.00"),
            (39_000, "$0.039"),
            (117_000, "$0.117"),
            (5_000_000, "$5.00"),
            (2_500_000, "$2.50"),
            (400, "$0.00"),
        ] {
            assert_eq!(told(micro_usd), told_as);
        }
    }

    #[test]
    fn nothing_costs_more_than_was_said_before() {
        for (micro_usd, said) in
            [(0, "$0.00"), (1, "$0.01"), (117_000, "$0.12"), (151_000, "$0.16"), (500_000, "$0.50")]
        {
            assert_eq!(at_most(micro_usd), said);
        }
    }
}
