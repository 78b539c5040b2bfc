//! Configuration: parsed once, at start, into values that the rest trusts.
//!
//! A file per concern; each section checks itself and names the setting and the fix. This module and its sources are the
//! only readers of the environment and of `plantain.toml`.

pub mod access;
pub mod bucket;
pub mod cors;
pub mod endpoints;
pub mod error;
pub mod fal;
pub mod hooks;
pub mod limits;
pub mod log;
pub mod mail;
pub mod names;
pub mod network;
pub mod photos;
pub mod secret;
pub mod source;
pub mod storage;
pub mod whatsapp;
pub mod work;

pub use error::ConfigError;
pub use source::{Sources, Typed};

/// All settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    pub network: network::Network,
    pub fal: fal::Fal,
    pub access: access::Access,
    pub storage: storage::Storage,
    pub work: work::Work,
    pub log: log::Log,
    pub hooks: hooks::Hooks,
    /// Whose pages may call the studio's API.
    pub cors: plantain_studio::http::cors::Cors,
    /// How often others may call the studio.
    pub limits: plantain_studio::http::limits::Limits,
    /// Hands letters in; `None`: none are sent.
    pub mail: Option<plantain_mail::Mailer>,
    /// Whose jobs may be told by letter.
    pub writers: plantain_studio::http::letters::Writers,
    /// Sends messages by WhatsApp; `None`: none go that way.
    pub whatsapp: Option<whatsapp::Account>,
    /// Bytes that a photo may have.
    pub photo_bytes_max: usize,
    /// In the file's order of ids.
    pub endpoints: Vec<endpoints::Served>,
}

impl Config {
    /// Reads flags, environment and file.
    pub fn load(typed: &Typed) -> Result<(Config, Sources), ConfigError> {
        let sources = Sources::gather(typed, process_environment)?;
        Ok((Config::parse(&sources)?, sources))
    }

    pub fn parse(sources: &Sources) -> Result<Config, ConfigError> {
        let network = network::Network::parse(sources)?;
        let loopback = network.studio_listen.ip().is_loopback();
        Ok(Config {
            fal: fal::Fal::parse(sources)?,
            access: access::Access::parse(sources, loopback)?,
            storage: storage::Storage::parse(sources)?,
            work: work::Work::parse(sources)?,
            log: log::Log::parse(sources)?,
            hooks: hooks::Hooks::parse(sources)?,
            cors: cors::parse(sources)?,
            limits: limits::parse(sources, &network)?,
            mail: mail::parse(sources)?,
            writers: mail::writers(sources)?,
            whatsapp: whatsapp::parse(sources)?,
            photo_bytes_max: photos::parse(sources)?,
            endpoints: endpoints::parse(sources)?,
            network,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn process_environment(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_run_the_whole_product_on_this_machine_alone() {
        let config = Config::parse(&Sources::default()).unwrap();
        assert!(config.network.studio_listen.ip().is_loopback() && config.network.gateway_listen.ip().is_loopback());
        assert!(matches!(config.fal.backend, fal::Backend::Embedded));
        assert_eq!(config.access.visitors, access::Visitors::Welcome);
    }

    #[test]
    fn no_secret_is_in_the_debug_form() {
        let pairs = [
            ("FAL_KEY", "id:hunter2"),
            ("FAL_WEBHOOK_SECRET", "hunter2"),
            ("PLANTAIN_KEYS", "a:hunter2"),
            ("PLANTAIN_ADMIN_TOKEN", "hunter2hunter2hunter2"),
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("STUDIO_HOOK_SECRET", "hunter2hunter2hunter2"),
            ("STUDIO_HOOK_URL", "https://a.example/?token=hunter2"),
            ("SMTP_URL", "smtps://u:hunter2@h.example"),
            ("MAIL_FROM", "photos@h.example"),
            ("WHATSAPP_TOKEN", "hunter2"),
            ("WHATSAPP_PHONE_NUMBER_ID", "7"),
            ("WHATSAPP_APP_SECRET", "hunter2"),
            ("WHATSAPP_VERIFY_TOKEN", "hunter2"),
            ("QUEUE_DATABASE_URL", "postgres://u:hunter2@h/d"),
        ];
        let sources = Sources::of(pairs.map(|(name, value)| (name, value.to_owned()))).unwrap();
        assert!(!format!("{:?}", Config::parse(&sources).unwrap()).contains("hunter2"));
    }
}
