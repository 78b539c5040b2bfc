//! Who may do what: API keys of the queue, the operator's token, whether visitors may generate.

use plantain_queue::key_ring::{KeyRing, PUBLISHED_MAX};

use super::error::ConfigError;
use super::secret::Secret;
use super::source::{Sources, Written};
use crate::data::signing::key as signing_key;

/// `PLANTAIN_KEYS`, `PLANTAIN_KEY`, `PLANTAIN_ADMIN_TOKEN`, `PLANTAIN_OPEN`, `PLANTAIN_SIGNING_KEYS`.
#[derive(Clone, Debug)]
pub struct Access {
    pub keys: Vec<ApiKey>,
    /// With which commands call a studio elsewhere.
    pub own_key: Option<Secret>,
    /// `None`: the one in the data folder.
    pub admin_token: Option<Secret>,
    pub visitors: Visitors,
    /// `None`: those in the data folder.
    pub signing: Option<KeyRing>,
}

/// May somebody without a token generate?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitors {
    Welcome,
    Refused,
}

/// A key for the queue's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: String,
    pub secret: Secret,
    pub tier: Tier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Free,
    Paid,
}

/// Shorter tokens can be guessed.
const TOKEN_CHARS_MIN: usize = 16;

impl Access {
    /// `loopback`: only this machine can reach the studio.
    pub fn parse(sources: &Sources, loopback: bool) -> Result<Access, ConfigError> {
        let usual = if loopback { Visitors::Welcome } else { Visitors::Refused };
        Ok(Access {
            keys: sources.get("PLANTAIN_KEYS").map(keys).transpose()?.unwrap_or_default(),
            own_key: sources.get("PLANTAIN_KEY").map(token).transpose()?,
            admin_token: sources.get("PLANTAIN_ADMIN_TOKEN").map(token).transpose()?,
            visitors: sources.get("PLANTAIN_OPEN").map(visitors).transpose()?.unwrap_or(usual),
            signing: sources.get("PLANTAIN_SIGNING_KEYS").map(signing).transpose()?,
        })
    }
}

fn visitors(written: &Written) -> Result<Visitors, ConfigError> {
    match written.text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(Visitors::Welcome),
        "0" | "false" | "no" | "off" => Ok(Visitors::Refused),
        other => Err(written.invalid(format!("`{other}` is neither yes nor no"), "write 1 or 0")),
    }
}

fn token(written: &Written) -> Result<Secret, ConfigError> {
    let text = written.text.trim();
    if text.len() < TOKEN_CHARS_MIN || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let fix = "use at least 16 letters and digits, for example what `openssl rand -hex 24` prints";
        return Err(written.invalid("the token is too short or has characters that a header can't carry", fix));
    }
    Ok(Secret::new(text))
}

fn signing(written: &Written) -> Result<KeyRing, ConfigError> {
    let fix = "write seeds of 64 hex digits with commas between, for example what `openssl rand -hex 32` prints";
    let seeds = written.text.split(',').map(str::trim).filter(|seed| !seed.is_empty());
    let read = seeds.enumerate().map(|(at, seed)| {
        signing_key(seed).ok_or_else(|| written.invalid(format!("key number {} is not one", at + 1), fix))
    });
    let mut keys = read.collect::<Result<Vec<_>, _>>()?.into_iter();
    let first = keys.next().ok_or_else(|| written.invalid("it holds no key", fix))?;
    let beside: Vec<_> = keys.collect();
    if beside.len() >= PUBLISHED_MAX {
        return Err(written.invalid(format!("more than {PUBLISHED_MAX} keys"), "drop those that no longer sign"));
    }
    Ok(KeyRing::fixed(first, beside))
}

fn keys(written: &Written) -> Result<Vec<ApiKey>, ConfigError> {
    let fix = "write id:secret or id:secret:paid, with commas between keys";
    let mut keys: Vec<ApiKey> = Vec::new();
    for (at, text) in written.text.split(',').map(str::trim).filter(|text| !text.is_empty()).enumerate() {
        let number = at + 1;
        let key = key(text).ok_or_else(|| written.invalid(format!("key number {number} is not one"), fix))?;
        if keys.iter().any(|known| known.id == key.id) {
            return Err(written.invalid(format!("key number {number} has an id that came before"), fix));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key(text: &str) -> Option<ApiKey> {
    let (id, rest) = text.split_once(':')?;
    let (secret, tier) = match rest.split_once(':') {
        Some((secret, "free")) => (secret, Tier::Free),
        Some((secret, "paid")) => (secret, Tier::Paid),
        Some(_) => return None,
        None => (rest, Tier::Free),
    };
    // The account of calls without a key is nobody's in particular.
    let reserved = id == "keyless";
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
    (plain(id) && plain(secret) && !reserved).then(|| ApiKey { id: id.into(), secret: Secret::new(secret), tier })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(name: &'static str, value: &str) -> Result<Access, ConfigError> {
        Access::parse(&Sources::of([(name, value.to_owned())]).unwrap(), true)
    }

    #[test]
    fn keys_have_an_id_a_secret_and_perhaps_a_tier() {
        let keys = access("PLANTAIN_KEYS", "shop:s1, bulk:s2:paid ,x:y:free,").unwrap().keys;
        let shown: Vec<_> = keys.iter().map(|k| (k.id.as_str(), k.secret.reveal(), k.tier)).collect();
        assert_eq!(shown, [("shop", "s1", Tier::Free), ("bulk", "s2", Tier::Paid), ("x", "y", Tier::Free)]);
        for (bad, number) in
            [("shop", 1), ("a:b,:c", 2), ("a:b,c:", 2), ("a:b:gold", 1), ("a:b,a:c", 2), ("a:b c", 1), ("keyless:s", 1)]
        {
            let said = access("PLANTAIN_KEYS", bad).unwrap_err().to_string();
            assert!(said.contains(&format!("key number {number}")), "{bad}: {said}");
            assert!(!said.contains(bad), "secrets must not be printed: {said}");
        }
    }

    #[test]
    fn visitors_are_welcome_on_loopback_unless_told_otherwise() {
        let nothing = Sources::default();
        assert_eq!(Access::parse(&nothing, true).unwrap().visitors, Visitors::Welcome);
        assert_eq!(Access::parse(&nothing, false).unwrap().visitors, Visitors::Refused);
        assert_eq!(access("PLANTAIN_OPEN", "No").unwrap().visitors, Visitors::Refused);
        assert!(access("PLANTAIN_OPEN", "maybe").is_err());
    }

    #[test]
    fn signing_keys_are_seeds_of_which_the_first_signs() {
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        let ring = access("PLANTAIN_SIGNING_KEYS", &format!("{one}, {two},")).unwrap().signing.unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!((ring.signing(now).to_seed(), ring.published(now).len()), ([1; 32], 2));
        assert!(!format!("{ring:?}").contains("01, 01"), "no secret is printed");
        let many = [one.as_str(); PUBLISHED_MAX + 1].join(",");
        for bad in [",", "abcd", &one[1..], &format!("{one},{}", two.replace('2', "z")), &many] {
            let said = access("PLANTAIN_SIGNING_KEYS", bad).unwrap_err().to_string();
            assert!(said.contains("PLANTAIN_SIGNING_KEYS") && !said.contains(&one), "{said}");
        }
        assert!(access("PLANTAIN_SIGNING_KEYS", "").unwrap().signing.is_none());
    }

    #[test]
    fn a_guessable_token_is_refused() {
        assert!(access("PLANTAIN_ADMIN_TOKEN", "secret").is_err());
        assert!(access("PLANTAIN_ADMIN_TOKEN", "0123456789abcdef0123456789abcdef").is_ok());
    }
}
