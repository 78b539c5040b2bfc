//! Hands letters in.

use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use plantain_work::Clock;

use crate::address::Sender;
use crate::attempt::{Attempt, Outcome};
use crate::letter::Letter;
use crate::server::{MailServer, Security};

/// How long connecting may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long an attempt may take: a letter of 20 MB through a line of 2 Mbit a second.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(90);

/// How long the server may take for its farewell. The letter is taken by then.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(2);

/// What is tried where the server takes a name and a password.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// Sends letters. Cheap to clone; each letter has a connection of its own.
#[derive(Clone, Debug)]
pub struct Mailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: MailServer,
    from: Sender,
}

impl Mailer {
    pub fn new(server: MailServer, from: Sender) -> Mailer {
        Mailer(Arc::new(Inner { server, from }))
    }

    /// One attempt. A server that took the letter while the line went dead is not heard, so the same letter may come twice: by
    /// its `Message-ID` that can be seen.
    pub async fn send(&self, letter: &Letter, clock: &Clock) -> Attempt {
        let message = match letter.written(&self.0.from, clock.now()) {
            Ok(message) => message,
            Err(error) => return Attempt { outcome: Outcome::Never, ..Attempt::later(&error.to_string()) },
        };
        match clock.timeout(ATTEMPT_TIME_MAX, self.0.hand_in(&message)).await {
            Some(Ok((mut connection, response))) => {
                // Whatever it says now changes nothing.
                let _ = clock.timeout(FAREWELL_TIME_MAX, connection.quit()).await;
                Attempt::taken(&response)
            }
            Some(Err(error)) => Attempt::failed(&error),
            None => Attempt::later(&format!("the server took longer than {} s", ATTEMPT_TIME_MAX.as_secs())),
        }
    }
}

impl Inner {
    async fn hand_in(&self, message: &Message) -> Result<(AsyncSmtpConnection, Response), Error> {
        let MailServer { host, port, security, credentials } = &self.server;
        let hello = ClientId::Domain(self.from.domain().to_owned());
        let from_start = match security {
            Security::Tls(tls) => Some(tls.clone()),
            Security::StartTls(_) | Security::Plain => None,
        };
        let address = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIME_MAX), &hello, from_start, None).await?;
        if let Security::StartTls(tls) = security {
            connection.starttls(tls.clone(), &hello).await?;
        }
        if let Some(credentials) = credentials {
            connection.auth(&MECHANISMS, credentials).await?;
        }
        let response = connection.send(message.envelope(), &message.formatted()).await?;
        Ok((connection, response))
    }
}
