//! `pavisade keys`, and how private keys and passphrases are read. Neither is ever an argument or
//! printed.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_signing::{KeyForm, KeyKind, MAX_KEY_BYTES, SecretKey, Zeroizing};

use crate::args::{KeyShape, KeysCommand, KindOfKey};
use crate::{Outcome, print, terminal};

/// Bytes of a passphrase.
const MAX_PASSPHRASE: u64 = 4096;

pub(crate) fn run(command: &KeysCommand) -> anyhow::Result<Outcome> {
    match command {
        KeysCommand::New { name, kind, form, passphrase_file } => {
            new(name, *kind, *form, passphrase_file.as_deref())
        }
        KeysCommand::Public { key, passphrase_file } => {
            let key = read(key, passphrase_file.as_deref())?;
            print(key.public().to_pem().as_bytes())
        }
    }
}

fn new(
    name: &Path,
    kind: KindOfKey,
    form: KeyShape,
    passphrase_file: Option<&Path>,
) -> anyhow::Result<Outcome> {
    no_core_dumps();
    let kind = match kind {
        KindOfKey::P256 => KeyKind::P256,
        KindOfKey::P384 => KeyKind::P384,
        KindOfKey::P521 => KeyKind::P521,
        KindOfKey::Ed25519 => KeyKind::Ed25519,
    };
    let form = match form {
        KeyShape::Pkcs8 => KeyForm::Pkcs8,
        KeyShape::Cosign => KeyForm::Cosign,
    };
    let with = |end: &str| {
        let mut path = name.as_os_str().to_owned();
        path.push(end);
        std::path::PathBuf::from(path)
    };
    let (secret, public) = (with(".key"), with(".pub"));
    for file in [&secret, &public] {
        if fs::symlink_metadata(file).is_ok() {
            bail!("{} exists, and a key is never overwritten: choose another name", file.display());
        }
    }
    let passphrase = match passphrase(passphrase_file)? {
        Some(passphrase) => passphrase,
        None => twice()?,
    };
    if passphrase.is_empty() {
        bail!("the passphrase is empty: the key would be open to everybody who reads the file");
    }
    let key = SecretKey::generate(kind).context("making a key")?;
    let pem = key.to_pem(form, &passphrase).context("encrypting the key")?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let writing = |file: &Path| format!("writing {}", file.display());
    let mut file = options.open(&secret).with_context(|| writing(&secret))?;
    file.write_all(pem.as_bytes()).with_context(|| writing(&secret))?;
    file.sync_all().with_context(|| writing(&secret))?;
    fs::write(&public, key.public().to_pem()).with_context(|| writing(&public))?;
    let said = format!(
        "{} (private, encrypted)\n{} (public, {})\n",
        secret.display(),
        public.display(),
        key.public().fingerprint()
    );
    print(said.as_bytes())
}

/// A private key in a file.
///
/// # Errors
/// There is none, or its passphrase is not to be had or wrong.
pub(crate) fn read(file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<SecretKey> {
    no_core_dumps();
    let shown = || format!("reading the key {}", file.display());
    // Room for all of it: where a vector grows, what was in it stays in memory.
    let mut pem = Zeroizing::new(String::with_capacity(MAX_KEY_BYTES + 64));
    let from = File::open(file).with_context(shown)?;
    from.take(MAX_KEY_BYTES as u64 + 1).read_to_string(&mut pem).with_context(shown)?;
    let mut problem = None;
    let key = SecretKey::from_pem(&pem, || {
        let given = passphrase(passphrase_file).and_then(|given| match given {
            Some(given) => Ok(Some(given)),
            None => ask(&format!("Passphrase of {}: ", file.display())),
        });
        given.unwrap_or_else(|error| {
            problem = Some(error);
            None
        })
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    match key {
        Err(pavisade_signing::SecretError::Encrypted) => bail!(
            "{}: the key is encrypted: give its passphrase by PAVISADE_PASSPHRASE or \
             --passphrase-file, or run this on a terminal",
            shown()
        ),
        other => other.with_context(shown),
    }
}

/// What is in a file that nobody else may see; `-` is standard input.
pub(crate) fn secret(file: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    /// Bytes of such a file.
    const MAX: usize = 1 << 20;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX + 64));
    let shown = || format!("reading {}", file.display());
    let from: Box<dyn Read> = match file == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(pavisade_sources::open_regular(file).with_context(shown)?),
    };
    from.take(MAX as u64 + 1).read_to_end(&mut bytes).with_context(shown)?;
    if bytes.len() > MAX {
        bail!("{}: it is larger than {MAX} bytes", shown());
    }
    Ok(bytes)
}

/// A passphrase that is given.
fn passphrase(file: Option<&Path>) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    if let Some(file) = file {
        let shown = || format!("reading the passphrase in {}", file.display());
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE as usize + 64));
        let from = File::open(file).with_context(shown)?;
        from.take(MAX_PASSPHRASE).read_to_end(&mut bytes).with_context(shown)?;
        trim(&mut bytes);
        return Ok(Some(bytes));
    }
    for name in ["PAVISADE_PASSPHRASE", "COSIGN_PASSWORD"] {
        if let Some(value) = env::var_os(name) {
            let value = value.into_encoded_bytes();
            return Ok(Some(Zeroizing::new(value)));
        }
    }
    Ok(None)
}

fn trim(bytes: &mut Vec<u8>) {
    while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
        bytes.pop();
    }
}

fn twice() -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let missing = "no passphrase: give one by PAVISADE_PASSPHRASE or --passphrase-file, or run this \
                   on a terminal";
    let first = ask("Passphrase of the new key: ")?.context(missing)?;
    let second = ask("Once more: ")?.context(missing)?;
    if *first != *second {
        bail!("the two passphrases differ");
    }
    Ok(first)
}

/// Asks on the terminal, which does not show what is typed; `None` where there is none.
#[cfg(unix)]
fn ask(question: &str) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    let before = tcgetattr(&terminal).context("asking for a passphrase")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).context("asking for a passphrase")?;
    let answer = || -> io::Result<Zeroizing<Vec<u8>>> {
        (&terminal).write_all(question.as_bytes())?;
        let mut bytes = Zeroizing::new(vec![0; MAX_PASSPHRASE as usize]);
        let mut length = 0;
        // Without a buffer of somebody else, which nobody wipes.
        while length < bytes.len() && !bytes[..length].contains(&b'\n') {
            match (&terminal).read(&mut bytes[length..])? {
                0 => break,
                count => length += count,
            }
        }
        bytes.truncate(length);
        (&terminal).write_all(b"\n")?;
        Ok(bytes)
    };
    let answer = answer();
    tcsetattr(&terminal, OptionalActions::Flush, &before).context("asking for a passphrase")?;
    let mut answer = answer.context("asking for a passphrase")?;
    trim(&mut answer);
    Ok(Some(answer))
}

#[cfg(not(unix))]
fn ask(_: &str) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    Ok(None)
}

/// From here on a crash leaves no picture of the memory, and other processes of the user cannot read
/// it.
pub(crate) fn no_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{
            DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit,
        };
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let limited = setrlimit(Resource::Core, none);
        let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        if limited.is_err() && hidden.is_err() {
            terminal::say("warning", "a crash of this process may leave a core dump with the key");
        }
    }
}
