//! What the addresses that are handed out begin with.
//!
//! Clients follow the addresses of a submit reply, so these must lead back the way the request came: the same scheme, host
//! and port, unless the operator said what the public address is.

use url::Url;

use crate::face::{Face, Told};

/// The base of each face. Part of every request that reached one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bases {
    pub(crate) queue: Url,
    pub(crate) run: Url,
    pub(crate) rest: Url,
    pub(crate) cdn: Url,
    pub(crate) site: Url,
}

/// The name of a face where a caller came by another one of fal's own.
fn name(face: Face) -> &'static str {
    match face {
        Face::Queue => "queue.fal.run",
        Face::Run => "fal.run",
        Face::Rest => "rest.fal.ai",
        Face::Cdn => "v3.fal.media",
        Face::Site => "fal.ai",
    }
}

impl Bases {
    pub(crate) fn under(public: &Url) -> Bases {
        Bases {
            queue: below(public, "queue"),
            run: below(public, "run"),
            rest: below(public, "rest"),
            cdn: below(public, "cdn"),
            site: public.clone(),
        }
    }

    /// `origin` is scheme and authority of the request. `None` where no address can be made of it.
    pub(crate) fn of_request(origin: &Url, face: Face, told: Told) -> Option<Bases> {
        // The same port under another name; under its own where the caller chose one of several.
        let base = |of: Face| {
            let mut url = origin.clone();
            let named = of == face || url.set_host(Some(name(of))).is_ok();
            named.then_some(url)
        };
        Some(match told {
            Told::ByHost => Bases {
                queue: base(Face::Queue)?,
                run: base(Face::Run)?,
                rest: base(Face::Rest)?,
                cdn: base(Face::Cdn)?,
                site: base(Face::Site)?,
            },
            Told::ByPrefix => Bases::under(origin),
            Told::ByRoot => Bases { queue: origin.clone(), ..Bases::under(origin) },
        })
    }
}

fn below(base: &Url, segment: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{segment}", base.path().trim_end_matches('/')));
    url
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
    fn every_face_has_a_base() {
        let by_host = Bases::of_request(&"https://api.fal.ai".parse().unwrap(), Face::Site, Told::ByHost).unwrap();
        let shown = [&by_host.run, &by_host.rest, &by_host.site].map(Url::as_str);
        assert_eq!(shown, ["https://fal.run/", "https://rest.fal.ai/", "https://api.fal.ai/"]);
        let by_root = Bases::of_request(&"http://[::1]:8788".parse().unwrap(), Face::Queue, Told::ByRoot).unwrap();
        let shown = [&by_root.run, &by_root.rest, &by_root.site].map(Url::as_str);
        assert_eq!(shown, ["http://[::1]:8788/run", "http://[::1]:8788/rest", "http://[::1]:8788/"]);
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
