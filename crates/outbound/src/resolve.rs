//! Name resolution that hands out only allowed addresses.
//!
//! It sits inside the connector, so the address that was judged is the address that is connected to: a name that changes its
//! meaning between a check and the request gains nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{Policy, Refusal};

/// The most addresses of one name that are tried; each may cost a connect timeout.
const ADDRESSES_MAX: usize = 8;

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name could not be resolved")]
pub(crate) struct NameUnknown;

pub(crate) struct GuardedResolver(pub(crate) Arc<Policy>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| NameUnknown)?;
            Ok(Box::new(allowed(&policy, found)?.into_iter()) as Addrs)
        })
    }
}

/// The allowed ones among a name's addresses; an error where none is left.
pub(crate) fn allowed(
    policy: &Policy,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refusal: Option<Refusal> = None;
    let mut allowed = Vec::new();
    for address in found {
        match policy.require(address.ip()) {
            Ok(()) if allowed.len() < ADDRESSES_MAX => allowed.push(address),
            Ok(()) => break,
            Err(why) => refusal = Some(why),
        }
    }
    match (allowed.is_empty(), refusal) {
        (false, _) => Ok(allowed),
        (true, Some(refusal)) => Err(refusal.into()),
        (true, None) => Err(NameUnknown.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Special;

    fn addresses(texts: &[&str]) -> impl Iterator<Item = SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn a_name_that_mixes_public_and_internal_addresses_keeps_only_the_public_ones() {
        let kept = allowed(&Policy::public(), addresses(&["127.0.0.1", "1.1.1.1", "::1"])).unwrap();
        assert_eq!(kept, addresses(&["1.1.1.1"]).collect::<Vec<_>>());
    }

    #[test]
    fn a_name_with_internal_addresses_only_is_refused_with_the_reason() {
        let refused = allowed(&Policy::public(), addresses(&["10.0.0.1"])).unwrap_err();
        let expected = Refusal::Address { ip: "10.0.0.1".parse().unwrap(), kind: Special::Private };
        assert_eq!(refused.downcast_ref(), Some(&expected));
    }

    #[test]
    fn the_number_of_addresses_to_try_is_bounded() {
        let many = (0..100).map(|last| SocketAddr::new([1, 1, 1, last].into(), 0));
        assert_eq!(allowed(&Policy::public(), many).unwrap().len(), ADDRESSES_MAX);
        assert!(allowed(&Policy::public(), addresses(&[])).unwrap_err().is::<NameUnknown>());
    }
}
