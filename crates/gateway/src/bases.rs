//! What the addresses that are handed out begin with.
//!
//! Clients follow the addresses of a submit reply, so these must lead back the way the request came: the same scheme, host
//! and port, unless the operator said what the public address is.

use url::Url;

use crate::face::{Face, Told};

/// Bases of the two faces that addresses are handed out for, without a slash at their end. Part of every request that
/// reached a face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bases {
    pub(crate) queue: Url,
    pub(crate) cdn: Url,
}

/// The names that are used for the other face where a caller came by one of fal's own.
const QUEUE_HOST: &str = "queue.fal.run";
const CDN_HOST: &str = "v3.fal.media";

impl Bases {
    pub(crate) fn under(public: &Url) -> Bases {
        Bases { queue: below(public, "queue"), cdn: below(public, "cdn") }
    }

    /// `origin` is scheme and authority of the request. `None` where no address can be made of it.
    pub(crate) fn of_request(origin: &Url, face: Face, told: Told) -> Option<Bases> {
        Some(match told {
            Told::ByHost => Bases {
                queue: sibling(origin, face == Face::Queue, QUEUE_HOST)?,
                cdn: sibling(origin, face == Face::Cdn, CDN_HOST)?,
            },
            Told::ByPrefix => Bases::under(origin),
            Told::ByRoot => Bases { queue: origin.clone(), cdn: below(origin, "cdn") },
        })
    }
}

fn below(base: &Url, segment: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{segment}", base.path().trim_end_matches('/')));
    url
}

/// The same port under another name.
fn sibling(origin: &Url, is_itself: bool, host: &str) -> Option<Url> {
    let mut url = origin.clone();
    if !is_itself {
        url.set_host(Some(host)).ok()?;
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn bases(origin: &str, face: Face, told: Told, queue: &str, cdn: &str) {
        let bases = Bases::of_request(&origin.parse().unwrap(), face, told).unwrap();
        assert_eq!((bases.queue.as_str(), bases.cdn.as_str()), (queue, cdn));
    }

    #[test]
    fn addresses_lead_back_the_way_the_request_came() {
        let local = "http://127.0.0.1:8788";
        bases(local, Face::Queue, Told::ByRoot, "http://127.0.0.1:8788/", "http://127.0.0.1:8788/cdn");
        bases(local, Face::Rest, Told::ByPrefix, "http://127.0.0.1:8788/queue", "http://127.0.0.1:8788/cdn");
        bases("https://rest.fal.ai", Face::Rest, Told::ByHost, "https://queue.fal.run/", "https://v3.fal.media/");
        let (queue, cdn) = ("https://queue.falrun.com:8443/", "https://v3.fal.media:8443/");
        bases("https://queue.falrun.com:8443", Face::Queue, Told::ByHost, queue, cdn);
    }

    #[test]
    fn a_public_address_may_have_a_path() {
        for public in ["https://shop.test/fal", "https://shop.test/fal/"] {
            let bases = Bases::under(&public.parse().unwrap());
            assert_eq!(bases.queue.as_str(), "https://shop.test/fal/queue");
            assert_eq!(bases.cdn.as_str(), "https://shop.test/fal/cdn");
        }
    }
}
