//! Which of fal's hosts a request is meant for.
//!
//! One port serves them all. Told apart, in this order: by the Host header, where the caller reached us under one of fal's
//! own names; by the first segment of the path (`/queue`, `/run`, `/rest`, `/cdn`); else the root is the queue, but for the
//! few paths that only another face can mean. Applications whose owner is called like one of those segments can be reached
//! under `/queue/…`. The few pages of fal's site that programs read are found under every name.

/// One of fal's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// `queue.fal.run`
    Queue,
    /// `fal.run`
    Run,
    /// `rest.fal.ai`
    Rest,
    /// `v3.fal.media`
    Cdn,
    /// `fal.ai` and `api.fal.ai`, as far as programs read them: what is served, and its schemas.
    Site,
}

/// How the face was recognised; addresses that are handed out follow the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    ByHost,
    ByPrefix,
    ByRoot,
}

/// Where a request goes, and the path that is left for that face to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'p> {
    pub face: Face,
    pub told: Told,
    /// Begins with a slash.
    pub path: &'p str,
}

/// Every name of fal that is answered for.
pub const HOSTS: [(&str, Face); 10] = [
    ("queue.fal.run", Face::Queue),
    ("queue.falrun.com", Face::Queue),
    ("fal.run", Face::Run),
    ("falrun.com", Face::Run),
    ("rest.fal.ai", Face::Rest),
    ("rest.alpha.fal.ai", Face::Rest),
    ("v3.fal.media", Face::Cdn),
    ("v3b.fal.media", Face::Cdn),
    ("api.fal.ai", Face::Site),
    ("fal.ai", Face::Site),
];

const PREFIXES: [(&str, Face); 4] =
    [("/queue", Face::Queue), ("/run", Face::Run), ("/rest", Face::Rest), ("/cdn", Face::Cdn)];

/// What no client means as a submit, for those that know one address only.
const ROOT_PATHS: [(&str, Face); 3] = [("/storage", Face::Rest), ("/.well-known", Face::Rest), ("/files", Face::Cdn)];

/// Like those, but an owner may be called `tokens`.
const TOKENS: [&str; 2] = ["/tokens", "/tokens/"];

/// `host` is what the Host header says, port included; `path` begins with a slash.
pub fn target<'p>(host: &str, path: &'p str) -> Target<'p> {
    let target = told_apart(host, path);
    let face = if is_site(target.path) { Face::Site } else { target.face };
    Target { face, ..target }
}

/// The face of a name of fal's, without a port.
pub fn of_host(name: &str) -> Option<Face> {
    let name = name.strip_suffix('.').unwrap_or(name);
    HOSTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, face)| *face)
}

/// The pages of fal's site that exist here. No endpoint id looks like one of them but by intent.
pub fn is_site(path: &str) -> bool {
    let listing = matches!(path.strip_suffix('/').unwrap_or(path), "/v1/models" | "/v1/meta");
    listing || below(path, "/api/openapi").is_some() || (path.starts_with("/models/") && path.ends_with("/llms.txt"))
}

fn told_apart<'p>(host: &str, path: &'p str) -> Target<'p> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if let Some(face) = of_host(name) {
        return Target { face, told: Told::ByHost, path };
    }
    if let Some((face, path)) = PREFIXES.iter().find_map(|(prefix, face)| Some((*face, below(path, prefix)?))) {
        return Target { face, told: Told::ByPrefix, path };
    }
    let special = ROOT_PATHS.iter().find(|(start, _)| below(path, start).is_some()).map(|(_, face)| *face);
    let rest = TOKENS.contains(&path).then_some(Face::Rest);
    Target { face: special.or(rest).unwrap_or(Face::Queue), told: Told::ByRoot, path }
}

/// What follows `prefix` in `path`, where it is followed by a slash or by nothing.
fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    match path.strip_prefix(prefix)? {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn goes(host: &str, path: &str, face: Face, told: Told, rest: &str) {
        assert_eq!(target(host, path), Target { face, told, path: rest }, "{host} {path}");
    }

    #[test]
    fn fals_own_names_come_first() {
        goes("queue.fal.run", "/a/b", Face::Queue, Told::ByHost, "/a/b");
        goes("Queue.Fal.Run:8443", "/queue/b", Face::Queue, Told::ByHost, "/queue/b");
        goes("fal.run.", "/a/b", Face::Run, Told::ByHost, "/a/b");
        goes("rest.alpha.fal.ai", "/tokens/", Face::Rest, Told::ByHost, "/tokens/");
        goes("v3b.fal.media:443", "/files/b/1/a.png", Face::Cdn, Told::ByHost, "/files/b/1/a.png");
    }

    #[test]
    fn then_the_first_segment_decides() {
        goes("localhost:8788", "/queue/a/b", Face::Queue, Told::ByPrefix, "/a/b");
        goes("localhost:8788", "/run/a/b", Face::Run, Told::ByPrefix, "/a/b");
        goes("[::1]:8788", "/rest/storage/upload/initiate", Face::Rest, Told::ByPrefix, "/storage/upload/initiate");
        goes("localhost", "/cdn", Face::Cdn, Told::ByPrefix, "/");
        goes("evil-queue.fal.run.test", "/cdn/", Face::Cdn, Told::ByPrefix, "/");
    }

    #[test]
    fn the_root_is_the_queue_but_for_paths_that_only_another_face_has() {
        goes("localhost", "/fal-ai/nano-banana/edit", Face::Queue, Told::ByRoot, "/fal-ai/nano-banana/edit");
        goes("localhost", "/queues/b", Face::Queue, Told::ByRoot, "/queues/b");
        goes("localhost", "/", Face::Queue, Told::ByRoot, "/");
        goes("localhost", "/storage/upload/initiate", Face::Rest, Told::ByRoot, "/storage/upload/initiate");
        goes("localhost", "/.well-known/jwks.json", Face::Rest, Told::ByRoot, "/.well-known/jwks.json");
        goes("localhost", "/files/b/1/a.png", Face::Cdn, Told::ByRoot, "/files/b/1/a.png");
        goes("localhost", "/storages/b", Face::Queue, Told::ByRoot, "/storages/b");
        goes("localhost", "/tokens/", Face::Rest, Told::ByRoot, "/tokens/");
        goes("localhost", "/tokens/app", Face::Queue, Told::ByRoot, "/tokens/app");
    }

    #[test]
    fn the_pages_of_fals_site_are_found_under_every_name() {
        let openapi = "/api/openapi/queue/openapi.json";
        goes("fal.ai", openapi, Face::Site, Told::ByHost, openapi);
        goes("queue.fal.run", openapi, Face::Site, Told::ByHost, openapi);
        goes("localhost:1", openapi, Face::Site, Told::ByRoot, openapi);
        goes("localhost:1", "/rest/v1/meta", Face::Site, Told::ByPrefix, "/v1/meta");
        goes("api.fal.ai", "/v1/models/", Face::Site, Told::ByHost, "/v1/models/");
        goes("api.fal.ai", "/v1/pricing", Face::Site, Told::ByHost, "/v1/pricing");
        let about = "/models/fal-ai/nano-banana/edit/llms.txt";
        goes("localhost", about, Face::Site, Told::ByRoot, about);
        goes("localhost", "/v1/models/x", Face::Queue, Told::ByRoot, "/v1/models/x");
        goes("localhost", "/models/x", Face::Queue, Told::ByRoot, "/models/x");
    }

    #[test]
    fn a_name_that_only_looks_like_fals_is_not() {
        for name in ["xfal.run", "queue.fal.run.evil.test", "fal.run..", "", ".", "queue.fal.run:1", "[::1]"] {
            assert_eq!(of_host(name), None, "{name}");
        }
        assert_eq!(of_host("FAL.run."), Some(Face::Run));
    }
}
