//! The address as it was given, completed by the limits that every connection has.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls};

use crate::error::{Cause, DatabaseError, OpenError};

/// Connections of one role of one process. Calls hold one for a few milliseconds.
const CONNECTIONS_MAX: usize = 12;

/// For a place in the pool, and for making or checking a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No statement of ours takes longer unless it waits for a lock that somebody forgot.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn read(url: &str) -> Result<Config, OpenError> {
    let mut config = Config::from_str(url).map_err(|error| OpenError::Address(Cause::new(error)))?;
    let limit = STATEMENT_TIMEOUT.as_millis();
    let given = config.get_options().unwrap_or_default();
    // What the address says comes last and wins.
    let options = format!("-c statement_timeout={limit} -c idle_in_transaction_session_timeout={limit} {given}");
    config.options(options.trim_end()).connect_timeout(CONNECT_TIMEOUT).application_name("plantain");
    Ok(config)
}

pub(super) fn pool(config: Config) -> Result<Pool, OpenError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let built = Pool::builder(Manager::from_config(config, NoTls, recycling))
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
    fn the_limits_come_before_what_the_address_says() {
        let config = read("postgres://me@localhost/shop?options=-c%20search_path%3Dmine").unwrap();
        let options = config.get_options().unwrap();
        assert!(options.starts_with("-c statement_timeout=15000 ") && options.ends_with(" -c search_path=mine"));
        assert!(matches!(read("mysql://localhost"), Err(OpenError::Address(_))));
    }
}
