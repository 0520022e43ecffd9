//! Runs kubectl as the administrator of a cluster.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// What a program said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether it ended with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs it with a standard input. Nothing of the user's own configuration counts.
pub(crate) fn run(
    kubectl: &Path,
    folder: &Path,
    args: &[&str],
    input: &str,
) -> anyhow::Result<Output> {
    let run = || {
        let mut child = Command::new(kubectl)
            .args(args)
            .env("KUBECONFIG", folder.join("admin.kubeconfig"))
            .env("HOME", folder)
            .env("KUBECTL_KUBERC", "false")
            .env_remove("http_proxy")
            .env_remove("https_proxy")
            .env_remove("HTTP_PROXY")
            .env_remove("HTTPS_PROXY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        // It may end before it has read all, and its output may fill the pipe first.
        let writer = stdin.map(|mut stdin| {
            let input = input.to_owned();
            std::thread::spawn(move || stdin.write_all(input.as_bytes()))
        });
        let output = child.wait_with_output()?;
        drop(writer.map(std::thread::JoinHandle::join));
        Ok::<_, std::io::Error>(output)
    };
    let output = run().with_context(|| format!("running {}", kubectl.display()))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output {
        success: output.status.success(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    })
}
