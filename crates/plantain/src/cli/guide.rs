//! What an operator of the TLS listener copies, so that programs that were never changed find it and trust it.

use std::path::Path;

use plantain_gateway::face::{self, Face};
use url::Url;

use crate::system::tls::Trust;

/// Where programs look for fal.
const PORT_WANTED: u16 = 443;

pub(super) fn words(url: &Url, trust: Option<&Trust>) -> String {
    let port = url.port_or_known_default().unwrap_or(PORT_WANTED);
    let mut text = String::from("\nPrograms that know nothing of Plantain reach the queue over TLS:\n");
    text.push_str(&format!("\n  in their hosts file (/etc/hosts)\n    127.0.0.1 {}\n", hosts().join(" ")));
    if let Some(trust) = trust {
        let (ca, bundle) = (absolute(&trust.ca), absolute(&trust.bundle));
        text.push_str(&format!("\n  for Node.js\n    export NODE_EXTRA_CA_CERTS={ca}\n"));
        let whom = if trust.with_system {
            "the system's authorities and ours"
        } else {
            "our authority alone: no others were found"
        };
        text.push_str(&format!("\n  for Python, curl and OpenSSL ({whom})\n    export SSL_CERT_FILE={bundle}\n"));
    }
    if port == PORT_WANTED {
        text.push_str("\nThey connect to port 443, where this listens.\n");
    } else {
        text.push_str(&format!(
            "\nThey connect to port 443, and this listens on {port}: start with --set GATEWAY_TLS_LISTEN=127.0.0.1:443, which\n\
             needs the right to use ports below 1024. fal-client for Python takes another port without a hosts file:\n    \
             export FAL_QUEUE_RUN_HOST=127.0.0.1:{port}/queue FAL_RUN_HOST=127.0.0.1:{port}/run\n"
        ));
    }
    text
}

/// What fal's clients call. Without fal.ai itself, which people open in browsers.
fn hosts() -> Vec<&'static str> {
    face::HOSTS.iter().filter(|(host, face)| *face != Face::Site || *host != "fal.ai").map(|(host, _)| *host).collect()
}

/// Programs are started in other folders.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(with_system: bool) -> Trust {
        Trust { ca: "/data/tls/ca.pem".into(), bundle: "/data/tls/bundle.pem".into(), with_system }
    }

    #[test]
    fn every_line_can_be_copied() {
        let said = words(&"https://127.0.0.1:8443".parse().unwrap(), Some(&trust(true)));
        for line in [
            "    127.0.0.1 queue.fal.run queue.falrun.com fal.run falrun.com rest.fal.ai rest.alpha.fal.ai v3.fal.media v3b.fal.media api.fal.ai",
            "    export NODE_EXTRA_CA_CERTS=/data/tls/ca.pem",
            "    export SSL_CERT_FILE=/data/tls/bundle.pem",
            "    export FAL_QUEUE_RUN_HOST=127.0.0.1:8443/queue FAL_RUN_HOST=127.0.0.1:8443/run",
        ] {
            assert!(said.lines().any(|found| found == line), "{line} is not in {said}");
        }
        assert!(said.contains("this listens on 8443") && said.contains("GATEWAY_TLS_LISTEN=127.0.0.1:443"), "{said}");
    }

    #[test]
    fn it_says_what_is_so() {
        let said = words(&"https://127.0.0.1".parse().unwrap(), Some(&trust(false)));
        assert!(said.contains("port 443, where this listens") && said.contains("our authority alone"), "{said}");
        let said = words(&"https://127.0.0.1".parse().unwrap(), None);
        assert!(!said.contains("SSL_CERT_FILE") && said.contains("/etc/hosts"), "{said}");
    }
}
