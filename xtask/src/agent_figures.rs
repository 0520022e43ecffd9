//! The figures of an agent that an xtask command has started.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::ensure;

/// Where an agent serves its figures.
pub(crate) struct Figures {
    port: u16,
}

impl Figures {
    /// Chooses a free port.
    pub(crate) fn free() -> anyhow::Result<Self> {
        let [port] = testbed::free_ports()?;
        Ok(Self { port })
    }

    /// For `--metrics`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Waits until the agent knows processes.
    pub(crate) fn wait(&self, told: impl Fn() -> String) -> anyhow::Result<()> {
        let start = Instant::now();
        while !self.sum("pavisade_processes").is_ok_and(|count| count > 0.0) {
            ensure!(
                start.elapsed() < Duration::from_secs(60),
                "the agent does not start: {}",
                told()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The sum of a figure over its labels.
    pub(crate) fn sum(&self, name: &str) -> anyhow::Result<f64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}
