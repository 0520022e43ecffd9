//! Streams snapshots from running members.
//!
//! etcd serves its gRPC services also as JSON over HTTP (`--enable-grpc-gateway`, on by default). The
//! stream of `/v3/maintenance/snapshot` is a line of JSON for each part of the database, with the
//! part in base64. It is written to a file without a name, which the kernel removes whatever happens.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_storage::{Options, Proof, prove};

use super::open::OpenFile;
use crate::args::storage::Live;

/// The longest line of the stream in bytes: etcd sends parts of 32 kB.
const MAX_LINE: u64 = 64 << 20;
/// The largest snapshot in bytes. etcd recommends at most 8 GB.
const MAX_SIZE: u64 = 64 << 30;

/// How long a member may send nothing. While it defragments, it does not answer.
const SILENCE: Duration = Duration::from_secs(60);

/// The length of the hash after the database, whose length is a multiple of 512 bytes.
const HASH: u64 = 32;

/// A snapshot in a file without a name.
pub(crate) struct Snapshot {
    pub(crate) name: String,
    file: OpenFile,
}

impl Snapshot {
    pub(crate) fn prove(&self, options: Options<'_>) -> anyhow::Result<Proof> {
        prove(&self.file, options)
            .map_err(|why| anyhow!("reading the snapshot of {}: {why}", self.name))
    }
}

/// Streams a snapshot from each member.
///
/// # Errors
/// A member cannot be reached, or refuses.
pub(crate) fn snapshots(live: &Live) -> anyhow::Result<Vec<Snapshot>> {
    if live.endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let client = client(live)?;
    live.endpoints.iter().map(|endpoint| snapshot(&client, endpoint)).collect()
}

fn client(live: &Live) -> anyhow::Result<reqwest::blocking::Client> {
    let mut builder = reqwest::blocking::Client::builder()
        .user_agent(concat!("pavisade/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(10))
        // It limits each read: a large snapshot may take longer.
        .timeout(SILENCE);
    let read = |path: &std::path::Path| {
        fs::read(path).with_context(|| format!("reading {}", path.display()))
    };
    if let Some(path) = &live.cacert {
        let shown = path.display();
        let all = reqwest::Certificate::from_pem_bundle(&read(path)?)
            .with_context(|| format!("reading certificates from {shown}"))?;
        if all.is_empty() {
            bail!("{shown} contains no certificate");
        }
        builder = builder.tls_certs_only(all);
    }
    if let (Some(cert), Some(key)) = (&live.cert, &live.key) {
        let mut both = read(cert)?;
        both.push(b'\n');
        both.extend(read(key)?);
        let identity = reqwest::Identity::from_pem(&both);
        let shown = (cert.display(), key.display());
        // The error could quote the key.
        let identity = identity.map_err(|_| {
            anyhow!("{} and {} are not a certificate and its key", shown.0, shown.1)
        })?;
        builder = builder.identity(identity);
    }
    builder.build().context("setting up TLS: check --cacert, --cert and --key")
}

fn snapshot(client: &reqwest::blocking::Client, endpoint: &str) -> anyhow::Result<Snapshot> {
    let base = endpoint.trim_end_matches('/');
    if !base.starts_with("https://") && !base.starts_with("http://") {
        bail!(
            "--endpoints: a client URL starts with https:// or http://, as https://10.0.0.1:2379"
        );
    }
    // A user in the URL has a password.
    let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let name = format!("{scheme}://{host}");
    let asking = || format!("streaming a snapshot from {name}");
    let answer = client
        .post(format!("{base}/v3/maintenance/snapshot"))
        .body("{}")
        .send()
        .map_err(|error| anyhow!("{}: {}", asking(), deepest(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        let why = match status.as_u16() {
            404 => ": the member does not serve JSON (--enable-grpc-gateway=false); use a snapshot",
            401 | 403 => ": the client does not have the role `root`",
            _ => "",
        };
        bail!("{}: it answers {status}{why}", asking());
    }
    let mut lines = BufReader::with_capacity(1 << 18, answer);
    let mut file = tempfile::tempfile().context("creating a temporary file")?;
    let (mut line, mut total) = (Vec::new(), 0u64);
    let mut finished = false;
    loop {
        line.clear();
        let mut part = std::io::Read::take(&mut lines, MAX_LINE);
        let length = part.read_until(b'\n', &mut line).with_context(asking)?;
        if length == 0 {
            break;
        }
        if length as u64 == MAX_LINE {
            bail!("{}: a part is larger than {MAX_LINE} bytes", asking());
        }
        let (blob, remaining) = part_of(&line).map_err(|why| anyhow!("{}: {why}", asking()))?;
        total += blob.len() as u64;
        if total > MAX_SIZE {
            bail!("{}: it is larger than {MAX_SIZE} bytes", asking());
        }
        file.write_all(&blob).context("writing a temporary file")?;
        // After the last part of the database comes its hash, also with nothing remaining.
        finished = remaining == 0;
    }
    if !finished {
        bail!("{}: the stream ended early, after {total} bytes", asking());
    }
    // Without the hash at its end, nothing shows that the stream is whole.
    if total % 512 != HASH {
        bail!("{}: the hash at its end is missing, after {total} bytes", asking());
    }
    Ok(Snapshot { file: OpenFile::new(file)?, name })
}

/// Returns the bytes in a line of the stream, and how many follow.
fn part_of(line: &[u8]) -> Result<(Vec<u8>, u64), String> {
    let value: serde_json::Value = serde_json::from_slice(line)
        .map_err(|_| "the answer is not a stream of JSON".to_owned())?;
    if let Some(error) = value.get("error") {
        let why = error.get("message").and_then(serde_json::Value::as_str).unwrap_or("an error");
        return Err(why.to_owned());
    }
    let result = value.get("result").ok_or("a part has no result")?;
    let blob = result.get("blob").and_then(serde_json::Value::as_str).unwrap_or("");
    let blob = STANDARD.decode(blob).map_err(|_| "a part is not base64".to_owned())?;
    // Numbers of 64 bits are strings in the JSON form of protocol buffers, and zero is left out.
    let remaining = match result.get("remaining_bytes").or_else(|| result.get("remainingBytes")) {
        None => 0,
        Some(value) => {
            let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
            text.parse().map_err(|_| "a part has no valid length".to_owned())?
        }
    };
    Ok((blob, remaining))
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
