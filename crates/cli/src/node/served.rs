//! The certificates that the components of this node show, next to those in their files.

use std::time::Duration;

use pavisade_node::digest;
use pavisade_sources::handshake;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::cluster::blocking;

/// How long a component may take to answer.
const TIME: Duration = Duration::from_secs(5);

/// Adds what each server of the facts shows in a handshake. Nothing is sent after it.
///
/// # Errors
/// Threads cannot be started.
pub(super) fn add(facts: &mut Value) -> anyhow::Result<()> {
    let servers = facts.get_mut("servers").and_then(Value::as_array_mut);
    blocking(async {
        for server in servers.into_iter().flatten() {
            let host = server.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
            let port = server.get("port").and_then(Value::as_u64).unwrap_or_default();
            let port = u16::try_from(port).unwrap_or_default();
            let shown = match timeout(TIME, handshake(&host, port, &host)).await {
                Ok(Ok(chain)) => {
                    chain.first().map(|der| digest(der)).ok_or_else(|| "it has none".to_owned())
                }
                Ok(Err(why)) => Err(why),
                Err(_) => Err(format!("no answer within {} seconds", TIME.as_secs())),
            };
            match shown {
                Ok(digest) => server["served"] = json!(digest),
                Err(why) => server["servedError"] = json!(why),
            }
        }
        Ok(())
    })
}
