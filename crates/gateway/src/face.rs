//! Which of fal's four hosts a request is meant for.
//!
//! One port serves them all. Told apart, in this order: by the Host header, where the caller reached us under one of fal's
//! own names; by the first segment of the path (`/queue`, `/run`, `/rest`, `/cdn`); else the root is the queue, but for the
//! few paths that only another face can mean. Applications whose owner is called like one of those segments can be reached
//! under `/queue/…`.

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

const HOSTS: [(&str, Face); 8] = [
    ("queue.fal.run", Face::Queue),
    ("queue.falrun.com", Face::Queue),
    ("fal.run", Face::Run),
    ("falrun.com", Face::Run),
    ("rest.fal.ai", Face::Rest),
    ("rest.alpha.fal.ai", Face::Rest),
    ("v3.fal.media", Face::Cdn),
    ("v3b.fal.media", Face::Cdn),
];

const PREFIXES: [(&str, Face); 4] =
    [("/queue", Face::Queue), ("/run", Face::Run), ("/rest", Face::Rest), ("/cdn", Face::Cdn)];

/// What no client means as a submit, for those that know one address only.
const ROOT_PATHS: [(&str, Face); 3] = [("/storage", Face::Rest), ("/.well-known", Face::Rest), ("/files", Face::Cdn)];

/// `host` is what the Host header says, port included; `path` begins with a slash.
pub fn target<'p>(host: &str, path: &'p str) -> Target<'p> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.');
    if let Some((_, face)) = HOSTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Target { face: *face, told: Told::ByHost, path };
    }
    if let Some((face, path)) = PREFIXES.iter().find_map(|(prefix, face)| Some((*face, below(path, prefix)?))) {
        return Target { face, told: Told::ByPrefix, path };
    }
    let special = ROOT_PATHS.iter().find(|(start, _)| below(path, start).is_some());
    Target { face: special.map_or(Face::Queue, |(_, face)| *face), told: Told::ByRoot, path }
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
    }
}
