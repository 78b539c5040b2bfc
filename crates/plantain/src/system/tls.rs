//! What the queue's TLS listener shows: a certificate for fal's hosts from an authority of our own, or the operator's.
//!
//! With the authority trusted and fal's names led to this machine, programs that were never changed speak to this queue.
//! Invariant: trusting the authority endangers nothing but the names of fal and this machine, since it may sign no others,
//! and its key leaves the data folder never.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use plantain_gateway::face;
use plantain_work::{Clock, clock};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::config::network::Certificate;
use crate::data::{DataError, DataFolder};

/// In the data folder.
const FOLDER: &str = "tls";
const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";
const BUNDLE_FILE: &str = "bundle.pem";

/// The authority may sign names at or below these, and no others.
const MAY_SIGN: [&str; 5] = ["fal.run", "falrun.com", "fal.ai", "fal.media", "localhost"];

/// This machine, as certificates name it beside fal's hosts.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long a certificate is good. It is made in memory and never kept, so that only a clock that was set can outlive it.
const VALID: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// After this it is made anew with the next connection.
const RENEWED_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Clocks of clients may be slow.
const HOURS_BEFORE: i64 = 24;

/// Where systems keep the authorities that they trust.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why the TLS listener can't be had. All need the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("{setting}: {path} can't be used ({reason}); it must be a file in PEM form")]
    Given { setting: &'static str, path: PathBuf, reason: String },
    #[error("GATEWAY_TLS_KEY: {path} is not the key of the certificate ({source})")]
    Mismatch { path: PathBuf, source: rustls::Error },
    #[error("no certificate can be made: {0}")]
    Minting(#[from] rcgen::Error),
    #[error("TLS can't be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// What a listener needs, and what its operator is told.
#[derive(Clone, Debug)]
pub struct Tls {
    pub config: Arc<ServerConfig>,
    /// `None`: the operator gave a certificate.
    pub trust: Option<Trust>,
}

/// What programs have to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The authority alone.
    pub ca: PathBuf,
    /// With the system's own, for programs in which one file replaces all that they trust.
    pub bundle: PathBuf,
    /// Whether the system's were found; else the bundle holds the authority alone.
    pub with_system: bool,
}

impl Tls {
    pub fn open(certificate: &Certificate, data: &DataFolder, clock: Clock) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let (shown, trust): (Arc<dyn ResolvesServerCert>, _) = match certificate {
            Certificate::Given { chain, key } => (Arc::new(Given(given(chain, key, &provider)?)), None),
            Certificate::Local => {
                let authority = Authority::open(data)?;
                let trust = authority.publish(data, &SYSTEM_BUNDLES.map(Path::new))?;
                (Arc::new(Minting::new(authority, clock)?), Some(trust))
            }
        };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), trust })
    }
}

fn given(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let bad = |setting, path: &Path, reason: String| TlsError::Given { setting, path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| bad("GATEWAY_TLS_CERT", chain, error.to_string()))?;
    if certificates.is_empty() {
        return Err(bad("GATEWAY_TLS_CERT", chain, "there is no certificate in it".into()));
    }
    let read = PrivateKeyDer::from_pem_file(key).map_err(|error| bad("GATEWAY_TLS_KEY", key, error.to_string()))?;
    let certified = CertifiedKey::from_der(certificates, read, provider);
    certified.map(Arc::new).map_err(|source| TlsError::Mismatch { path: key.to_owned(), source })
}

/// A certificate that was given, whatever name is asked for: clients judge it.
#[derive(Debug)]
struct Given(Arc<CertifiedKey>);

impl ResolvesServerCert for Given {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Our own authority. It is made once, since people trust it by hand, and ended by removing its folder.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn open(data: &DataFolder) -> Result<Authority, TlsError> {
        let damaged = |file: &str| DataError::Damaged { file: data.path(FOLDER).join(file) };
        let key = match data.read_in(FOLDER, CA_KEY_FILE)? {
            Some(pem) => KeyPair::from_pem(&pem).map_err(|_| damaged(CA_KEY_FILE))?,
            None => {
                let key = KeyPair::generate()?;
                data.write_in(FOLDER, CA_KEY_FILE, &key.serialize_pem())?;
                key
            }
        };
        let params = authority_params(&key);
        let pem = match data.read_in(FOLDER, CA_FILE)? {
            Some(pem) => pem,
            None => {
                let pem = params.self_signed(&key)?.pem();
                data.write_in(FOLDER, CA_FILE, &pem)?;
                pem
            }
        };
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged(CA_FILE))?;
        let public = key.subject_public_key_info();
        if !certificate.windows(public.len()).any(|part| part == public) {
            return Err(damaged(CA_FILE).into());
        }
        Ok(Authority { issuer: Issuer::new(params, key), pem })
    }

    /// Writes what programs are pointed at.
    fn publish(&self, data: &DataFolder, system: &[&Path]) -> Result<Trust, TlsError> {
        let system = system.iter().find_map(|path| fs::read_to_string(path).ok());
        let with_system = system.is_some();
        let bundle = format!("{}\n{}", system.unwrap_or_default().trim_end(), self.pem.trim());
        let bundle = data.write_in(FOLDER, BUNDLE_FILE, bundle.trim_start())?;
        Ok(Trust { ca: data.path(FOLDER).join(CA_FILE), bundle, with_system })
    }

    fn mint(&self, now: Timestamp) -> Result<CertifiedKey, TlsError> {
        let names = face::HOSTS.iter().map(|(host, _)| *host).chain(THIS_MACHINE).map(str::to_owned);
        let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
        params.distinguished_name = called("Plantain queue".to_owned());
        let from = now.checked_sub(SignedDuration::from_hours(HOURS_BEFORE)).unwrap_or(now);
        say_validity(&mut params, from, clock::after(now, VALID));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = ring::sign::any_supported_type(&key)?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

/// The same for the same key, so that the issuer can be made again of the key alone.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mark = hex::encode(&Sha256::digest(key.subject_public_key_info())[..4]);
    let mut params = CertificateParams::default();
    params.distinguished_name = called(format!("Plantain local authority {mark}"));
    params.not_before = date_time_ymd(2026, 1, 1);
    // The last day that the common form of a certificate's time can say.
    params.not_after = date_time_ymd(2049, 12, 31);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: MAY_SIGN
            .map(|name| GeneralSubtree::DnsName(name.to_owned()))
            .into_iter()
            .chain([
                GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
                GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128)),
            ])
            .collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn called(name: String) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// As certificates say it, which the library wants in its own type.
fn say_validity(params: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let at = |time: Timestamp| {
        let date = time.to_zoned(TimeZone::UTC).date();
        // Months and days are small and positive.
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = at(from);
    params.not_after = at(to);
}

/// Shows a certificate that is made anew before it expires.
struct Minting {
    authority: Authority,
    clock: Clock,
    current: Mutex<Minted>,
}

struct Minted {
    certified: Arc<CertifiedKey>,
    renew_at: Timestamp,
}

impl Minting {
    fn new(authority: Authority, clock: Clock) -> Result<Minting, TlsError> {
        let current = Mutex::new(Minted::by(&authority, clock.now())?);
        Ok(Minting { authority, clock, current })
    }
}

impl Minted {
    fn by(authority: &Authority, now: Timestamp) -> Result<Minted, TlsError> {
        let certified = Arc::new(authority.mint(now)?);
        Ok(Minted { certified, renew_at: clock::after(now, RENEWED_AFTER) })
    }
}

impl ResolvesServerCert for Minting {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Minting {
    fn current(&self) -> Arc<CertifiedKey> {
        let now = self.clock.now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.renew_at {
            match Minted::by(&self.authority, now) {
                Ok(minted) => *current = minted,
                // The old one is good for weeks.
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "tls.minting_failed"),
            }
        }
        current.certified.clone()
    }
}

impl fmt::Debug for Minting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minting")
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn authority() -> (tempfile::TempDir, DataFolder, Authority) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let authority = Authority::open(&data).unwrap();
        (folder, data, authority)
    }

    /// Whether a client that trusts the authority believes this certificate for this name at this time.
    fn believes(authority: &Authority, shown: &CertificateDer<'_>, name: &str, at: Timestamp) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().try_into().unwrap()));
        verifier.verify_server_cert(shown, &[], &ServerName::try_from(name.to_owned()).unwrap(), &[], at).is_ok()
    }

    fn later(days: u64) -> Timestamp {
        clock::after(NOW.parse().unwrap(), Duration::from_secs(days * 24 * 60 * 60))
    }

    #[test]
    fn a_certificate_is_good_for_fals_hosts_and_this_machine_for_a_while() {
        let (_folder, _data, authority) = authority();
        let minted = authority.mint(later(0)).unwrap();
        let shown = &minted.cert[0];
        for name in face::HOSTS.iter().map(|(host, _)| *host).chain(THIS_MACHINE) {
            assert!(believes(&authority, shown, name, later(0)), "{name}");
        }
        assert!(!believes(&authority, shown, "evil.test", later(0)));
        assert!(believes(&authority, shown, "queue.fal.run", later(89)));
        assert!(!believes(&authority, shown, "queue.fal.run", later(91)));
    }

    #[test]
    fn the_authority_can_vouch_for_nobody_else() {
        let (_folder, _data, authority) = authority();
        for (name, is) in [
            ("bank.test", false),
            ("fal.run.evil.test", false),
            ("xfal.run", false),
            ("10.0.0.1", false),
            ("127.0.0.2", true),
            ("deep.queue.fal.run", true),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name = called("forged".to_owned());
            let forged = params.signed_by(&key, &authority.issuer).unwrap();
            assert_eq!(believes(&authority, forged.der(), name, later(0)), is, "{name}");
        }
    }

    #[test]
    fn the_same_authority_is_made_again_of_its_files() {
        let (_folder, data, first) = authority();
        let second = Authority::open(&data).unwrap();
        assert!(believes(&first, &second.mint(later(0)).unwrap().cert[0], "queue.fal.run", later(0)));
        fs::remove_file(data.path("tls/ca.pem")).unwrap();
        let third = Authority::open(&data).unwrap();
        assert!(
            believes(&first, &third.mint(later(0)).unwrap().cert[0], "queue.fal.run", later(0)),
            "the key is what counts"
        );
        let (_other_folder, other, _) = authority();
        fs::copy(other.path("tls/ca.pem"), data.path("tls/ca.pem")).unwrap();
        let said = Authority::open(&data).err().unwrap().to_string();
        assert!(said.contains("ca.pem does not hold what it should"), "{said}");
    }

    #[test]
    fn a_server_that_runs_for_months_shows_a_fresh_certificate() {
        let (_folder, _data, authority) = authority();
        let clock = Clock::manual(NOW.parse().unwrap());
        let minting = Minting::new(authority, clock.clone()).unwrap();
        let shown = || minting.current().cert[0].clone();
        let first = shown();
        clock.advance(RENEWED_AFTER - Duration::from_secs(1));
        assert_eq!(shown(), first);
        clock.advance(Duration::from_secs(1));
        let second = shown();
        assert_ne!(second, first);
        assert!(believes(&minting.authority, &second, "queue.fal.run", later(30 + 89)));
    }

    #[test]
    fn the_bundle_holds_the_systems_authorities_too() {
        let (folder, data, authority) = authority();
        let system = folder.path().join("system.pem");
        fs::write(&system, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let trust = authority.publish(&data, &[Path::new("/nowhere"), &system]).unwrap();
        let bundle = fs::read_to_string(&trust.bundle).unwrap();
        assert!(
            trust.with_system
                && bundle.starts_with("-----BEGIN CERTIFICATE-----\nAAAA")
                && bundle.contains(authority.pem.trim())
        );
        let alone = authority.publish(&data, &[Path::new("/nowhere")]).unwrap();
        assert_eq!(
            (alone.with_system, fs::read_to_string(&alone.bundle).unwrap().trim()),
            (false, authority.pem.trim())
        );
    }
}
