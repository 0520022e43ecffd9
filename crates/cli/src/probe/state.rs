//! The run of a probe: its id, its journal and the key that signs it.

use std::fs::{self, File, OpenOptions};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use pavisade_probe::{Journal, OwnNetwork, RunId};
use pavisade_report::count;
use pavisade_scan::Timestamp;
use pavisade_signing::{KeyKind, SecretKey};

use crate::args::probe::RunArgs;
use crate::{keys, terminal};

/// A run.
pub(super) struct Run {
    id: RunId,
    file: PathBuf,
    key: SecretKey,
    given: bool,
}

impl Run {
    /// Makes an id, and prepares the directory of journals.
    ///
    /// # Errors
    /// The directory or the key cannot be used.
    pub(super) fn start(args: &RunArgs, now: Timestamp) -> anyhow::Result<Self> {
        let id = new_id(now);
        let folder = folder(args.journals.as_deref())?;
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let key = match &args.key {
            Some(file) => keys::read(file, args.passphrase_file.as_deref())?,
            None => SecretKey::generate(KeyKind::P256).context("making a key")?,
        };
        let file = folder.join(format!("{id}.jsonl"));
        Ok(Self { id, file, key, given: args.key.is_some() })
    }

    /// Returns its id.
    pub(super) fn id(&self) -> &RunId {
        &self.id
    }

    /// Starts its journal.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn journal(&self) -> anyhow::Result<Journal> {
        let file = private(&self.file)?;
        Ok(Journal::new(self.id.clone(), Box::new(file)))
    }

    /// Signs the journal. Returns a sentence for the user.
    ///
    /// # Errors
    /// The signature cannot be written.
    pub(super) fn sign(&self, journal: &Journal) -> anyhow::Result<String> {
        let bundle = journal.sign(&self.key).context("signing the journal")?;
        let next_to = |end: &str| {
            let mut name = self.file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let signature = next_to(".sigstore.json");
        fs::write(&signature, bundle.to_string())
            .with_context(|| format!("writing {}", signature.display()))?;
        if !self.given {
            let public = next_to(".pub");
            fs::write(&public, self.key.public().to_pem())
                .with_context(|| format!("writing {}", public.display()))?;
        }
        let requests = count(journal.entries(), "request", "requests");
        let (id, file) = (&self.id, self.file.display());
        Ok(format!("Run {id}: {requests}, in the signed journal {file}"))
    }
}

/// Makes the id of a run that starts now.
pub(super) fn new_id(now: Timestamp) -> RunId {
    RunId::new(format!("{} {}", now.as_nanosecond(), std::process::id()).as_bytes())
}

/// Returns the directory of journals.
pub(super) fn folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(folder) = given {
        return Ok(folder.to_owned());
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty());
    let state = state.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().map(|home| home.join(".local/state"));
    match state.or_else(home) {
        Some(state) => Ok(state.join("pavisade/probe")),
        None => bail!("there is no home directory for the journal: choose one with --journals"),
    }
}

/// Creates a file that only its owner can read.
pub(super) fn private(file: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file).with_context(|| format!("writing {}", file.display()))
}

/// Reads the networks of this machine's default gateway.
pub(super) fn own_network() -> OwnNetwork {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    OwnNetwork::parse(&read("/proc/net/route"), &read("/proc/net/ipv6_route"))
}

/// Returns the environment variables that are valid text.
pub(super) fn environment() -> Vec<(String, String)> {
    let text = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    text.collect()
}

/// Returns the DNS servers of this pod.
pub(super) fn nameservers() -> Vec<SocketAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers = servers.filter_map(|server| server.trim().parse::<IpAddr>().ok());
    servers.map(|server| SocketAddr::new(server, 53)).collect()
}

/// Returns when the objects of a run expire.
pub(super) fn later(now: Timestamp) -> Timestamp {
    let hour = std::time::Duration::from_secs(3600);
    let later = now.checked_add(hour).unwrap_or(now);
    Timestamp::from_second(later.as_second()).unwrap_or(later)
}

/// Returns a flag that Ctrl-C and SIGTERM set, so that the run ends and removes what it created.
pub(super) fn interrupts() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    tokio::spawn(async move {
        while crate::signals::stopped().await.is_ok() {
            if flag.swap(true, Ordering::Relaxed) {
                continue;
            }
            terminal::say(
                "",
                "Interrupted: nothing more is sent, and what the run created is removed",
            );
        }
    });
    stop
}

/// Returns the name of this machine or pod.
pub(super) fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "here".to_owned() } else { name.to_owned() }
}
