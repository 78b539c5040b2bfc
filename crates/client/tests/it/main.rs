//! The client against a real server on this machine that speaks the protocol, well and badly.

mod asking;
mod server;
mod streaming;
mod submitting;
mod uploading;

use plantain_client::{ApiKey, Endpoints, QueueClient};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;

use crate::server::Server;

fn client(server: &Server) -> QueueClient {
    let key = ApiKey::new("id:secret").unwrap();
    QueueClient::new(Endpoints::under(&server.url("")), Some(key)).unwrap()
}

fn edit() -> EndpointId {
    "fal-ai/nano-banana/edit".parse().unwrap()
}

fn id() -> RequestId {
    RequestId::parse("r1").unwrap()
}
