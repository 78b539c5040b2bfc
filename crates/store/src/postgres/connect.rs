//! The address as it was given, completed by the limits that every connection has.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Config;

use plantain_work::random;

use crate::error::{Cause, DatabaseError, OpenError};
use crate::postgres::tls::{self, Tls};

/// Connections of one role of one process. Calls hold one for a few milliseconds.
const CONNECTIONS_MAX: usize = 12;

/// For a place in the pool, and for making or checking a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No statement of ours takes longer unless it waits for a lock that somebody forgot.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn read(url: &str) -> Result<(Config, Tls), OpenError> {
    let (url, tls) = tls::split(url)?;
    let mut config = Config::from_str(&url).map_err(|error| OpenError::Address(Cause::new(error)))?;
    let limit = STATEMENT_TIMEOUT.as_millis();
    let given = config.get_options().unwrap_or_default();
    // What the address says comes last and wins.
    let options = format!("-c statement_timeout={limit} -c idle_in_transaction_session_timeout={limit} {given}");
    // A name of its own tells this process's notifications from those of others, and its connections in the server's list.
    let name = format!("plantain {:08x}", random::jitter());
    config.options(options.trim_end()).connect_timeout(CONNECT_TIMEOUT).application_name(name);
    Ok((config, tls))
}

pub(super) fn pool(config: Config, tls: Tls) -> Result<Pool, OpenError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let built = Pool::builder(Manager::from_config(config, tls, recycling))
        .max_size(CONNECTIONS_MAX)
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build();
    built.map_err(|error| OpenError::Database(DatabaseError::unavailable(Cause::new(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_safe_the_connection_must_be() {
        use tokio_postgres::config::SslMode;
        let mode = |query: &str| read(&format!("postgres://me@localhost/shop{query}")).map(|(c, _)| c.get_ssl_mode());
        for (query, expected) in [
            ("", SslMode::Prefer),
            ("?sslmode=disable", SslMode::Disable),
            ("?sslmode=prefer", SslMode::Prefer),
            ("?sslmode=require", SslMode::Require),
            ("?sslmode=verify-full", SslMode::Require),
            ("?sslmode=verify-full&sslrootcert=system&connect_timeout=3", SslMode::Require),
        ] {
            assert_eq!(mode(query).unwrap(), expected, "{query}");
        }
        for query in ["?sslmode=verify-ca", "?sslmode=always", "?sslmode=require&sslrootcert=/nowhere/roots.pem"] {
            assert!(matches!(mode(query), Err(OpenError::Address(_))), "{query}");
        }
    }

    #[test]
    fn the_limits_come_before_what_the_address_says() {
        let (config, _) = read("postgres://me@localhost/shop?options=-c%20search_path%3Dmine").unwrap();
        let options = config.get_options().unwrap();
        assert!(options.starts_with("-c statement_timeout=15000 ") && options.ends_with(" -c search_path=mine"));
        assert!(matches!(read("mysql://localhost"), Err(OpenError::Address(_))));
    }
}
