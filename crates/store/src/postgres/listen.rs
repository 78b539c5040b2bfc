//! One connection that only listens, and is made again whenever it breaks.

use std::time::Duration;

use futures_util::StreamExt;
use tokio_postgres::{AsyncMessage, Config};

use plantain_work::Clock;

use crate::postgres::tls::Tls;

/// Between two attempts to connect. The stores' users poll in the meantime.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn forever(config: Config, tls: Tls, channel: &'static str, heard: impl Fn(&str)) {
    // The system's time on purpose: this waits for a real network, whatever clock the rest is tested with.
    let clock = Clock::system();
    loop {
        if let Err(error) = until_it_breaks(&config, &tls, channel, &heard).await {
            tracing::warn!(channel, %error, "postgres.listen_interrupted");
        }
        clock.sleep(PAUSE).await;
    }
}

async fn until_it_breaks(
    config: &Config,
    tls: &Tls,
    channel: &str,
    heard: &impl Fn(&str),
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let mut messages = futures_util::stream::poll_fn(move |context| connection.poll_message(context));
    let subscribed = async {
        client.batch_execute(&format!("LISTEN {channel}")).await?;
        // Something may have been sent before.
        heard("");
        // The connection lives as long as its client.
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    let listening = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message? {
                heard(notification.payload());
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = subscribed => ended,
        ended = listening => ended,
    }
}
