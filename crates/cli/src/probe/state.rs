//! The run of a probe: its id, its journal and the key that signs it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pavisade_probe::{Journal, OwnNetwork, RunId};
use pavisade_scan::Timestamp;
use pavisade_signing::{KeyKind, SecretKey};

use crate::args::probe::RunArgs;
use crate::keys;

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
        let id = RunId::new(format!("{} {}", now.as_nanosecond(), std::process::id()).as_bytes());
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
        let beside = |end: &str| {
            let mut name = self.file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let signature = beside(".sigstore.json");
        fs::write(&signature, bundle.to_string())
            .with_context(|| format!("writing {}", signature.display()))?;
        if !self.given {
            let public = beside(".pub");
            fs::write(&public, self.key.public().to_pem())
                .with_context(|| format!("writing {}", public.display()))?;
        }
        Ok(format!(
            "Run {}: {} requests, in the signed journal {}",
            self.id,
            journal.entries(),
            self.file.display()
        ))
    }
}

/// Returns the directory of journals.
fn folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
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
fn private(file: &Path) -> anyhow::Result<File> {
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
