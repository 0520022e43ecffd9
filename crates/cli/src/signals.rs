//! Signals that end a program which runs until it is stopped.

use anyhow::Context as _;

/// Waits for an interrupt or a request to terminate.
///
/// # Errors
/// Signals cannot be received.
pub(crate) async fn stopped() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("waiting for signals")?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt.context("waiting for signals"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("waiting for signals")
}
