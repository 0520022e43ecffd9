//! `pavisade integrity baseline`, `sign` and `show`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pavisade_files::{Options, collect, records};
use pavisade_integrity::{
    Algorithm, Baseline, Bound, Content, Draft, Entry, MAX_BYTES, PRESETS, Preset, Scope, escaped,
    is_in, read, sign as signed,
};
use pavisade_scan::Timestamp;
use pavisade_signing::PublicKey;

use super::{digest, expected, of_node_all, public_keys};
use crate::args::integrity::{BaselineArgs, HashName, ShowArgs, SignBaselineArgs};
use crate::output::output;
use crate::terminal::quoted;
use crate::{Outcome, bounded, keys, print, terminal};

pub(super) fn make(args: &BaselineArgs) -> anyhow::Result<Outcome> {
    if let Some(file) = args.output.as_deref()
        && file != Path::new("-")
        && file.symlink_metadata().is_ok()
    {
        bail!(
            "{} exists: add a version to it with --append, or choose another name",
            file.display()
        );
    }
    let key = match &args.key {
        Some(key) => Some(keys::read(key, args.passphrase_file.as_deref())?),
        None => None,
    };
    let node = args.node.found()?;
    let before = match &args.append {
        Some(file) => {
            let bytes = bounded::bytes(file, MAX_BYTES)?;
            let mut keys = public_keys(&args.public_key)?;
            if let Some(key) = key.as_ref().filter(|_| args.previous.is_none()) {
                keys.push(PublicKey::from_spki(key.public().spki()).context("the key")?);
            }
            let previous = args.previous.as_deref();
            let expect = previous.map(|text| digest("--previous", text)).transpose()?;
            if keys.is_empty() && expect.is_none() {
                bail!(
                    "--append needs --public-key or --previous: otherwise, anyone who can change {} chooses what is covered",
                    file.display()
                );
            }
            let bound = Bound { keys, expect, node: Some(node.clone()) };
            let shown = || format!("adding to {}", file.display());
            Some((read(&bytes, &bound).with_context(shown)?, bytes))
        }
        None => None,
    };
    let last = before.as_ref().map(|(baseline, _)| &baseline.newest().header);
    let algorithm = match (args.hash, last) {
        (Some(HashName::Blake3), _) | (None, None) => Algorithm::Blake3,
        (Some(HashName::Sha256), _) => Algorithm::Sha256,
        (None, Some(last)) => last.algorithm,
    };
    let scope = match last {
        Some(last) if args.paths.is_empty() && args.preset.is_empty() => {
            if !args.exclude.is_empty() || args.one_file_system {
                bail!(
                    "--exclude and -x with --append need paths or presets: they replace the last ones"
                );
            }
            last.scope.clone()
        }
        _ => Scope {
            one_file_system: args.one_file_system,
            ..scope(&args.paths, &args.preset, &args.exclude)?
        },
    };
    args.node.be_idle();
    let rate = args.node.rate();
    let packages = records(&args.node.root);
    let collected = args.node.shown(|count| {
        let options = Options {
            algorithm,
            rate: rate.as_ref(),
            packages: Some(&packages),
            progress: Some(count),
            ..Options::default()
        };
        collect(&args.node.root, &scope, &options)
    });
    let collected = collected.with_context(|| format!("reading {}", args.node.root.display()))?;
    let unread = unread(&collected.entries);
    for gap in collected.gaps.iter().chain(&unread) {
        terminal::say("not covered", &format!("{}: {}", escaped(&gap.path), gap.why));
    }
    for left_out in &collected.unstored {
        terminal::say("left out", &format!("{}: {}", escaped(&left_out.path), left_out.why));
    }
    if collected.entries.is_empty() {
        let root = args.node.root.display();
        terminal::say(
            "warning",
            &format!("none of the paths exists below {root}: is it the root of the node?"),
        );
    } else {
        for path in missing(&args.paths, &collected.entries) {
            terminal::say("note", &format!("{path} does not exist: a file there will be a change"));
        }
    }
    let files = collected.entries.len();
    let made = Timestamp::from_second(Timestamp::now().as_second()).context("the clock")?;
    let draft =
        Draft { node, made: made.to_string(), algorithm, scope, entries: collected.entries };
    let mut bytes = match &before {
        None => draft.first(),
        Some((baseline, bytes)) => match draft.next(baseline) {
            Some(next) => [&**bytes, &next].concat(),
            None => {
                print(b"nothing changed: no version was added\n")?;
                return Ok(Outcome::Clean);
            }
        },
    };
    // A million entries need some hundred megabytes.
    drop(draft);
    if let Some(key) = &key {
        bytes = signed(&bytes, key)?.context("signing")?;
    }
    // What is written must be readable: a broken baseline would be noticed only when it is needed.
    let baseline = read(&bytes, &Bound::default()).context("reading the new baseline")?;
    let file =
        args.append.as_deref().or(args.output.as_deref()).filter(|file| *file != Path::new("-"));
    let shown = file.map_or("standard output".to_owned(), |file| file.display().to_string());
    let appended = file.filter(|_| args.append.is_some()).map(target).transpose()?;
    output(appended.as_deref().or(file))?.put(&shown, |out| out.write_all(&bytes))?;
    let newest = baseline.newest();
    let mut said = format!("{shown}: version {}, {}, ", newest.header.version, paths(files));
    let _ = write!(said, "{} hashed\ndigest {}\n", megabytes(collected.bytes), newest.digest);
    if key.is_none() {
        let _ = writeln!(
            said,
            "not signed: on another machine, run pavisade integrity sign {} --key KEY --expect {}",
            file.map_or("BASELINE".to_owned(), |file| quoted(&file.display().to_string())),
            newest.digest
        );
    }
    match file {
        Some(_) => print(said.as_bytes())?,
        None => {
            terminal::tell(&said);
            Outcome::Clean
        }
    };
    let complete = collected.gaps.is_empty() && unread.is_empty();
    Ok(if complete { Outcome::Clean } else { Outcome::Incomplete })
}

fn paths(count: usize) -> String {
    pavisade_report::count(count, "path", "paths")
}

/// Returns the given paths that do not exist, for example because of a typing error.
fn missing(given: &[PathBuf], entries: &[Entry]) -> Vec<String> {
    let paths = of_node_all(given).unwrap_or_default();
    let exists = |path: &[u8]| entries.iter().any(|entry| is_in(path, &entry.path));
    paths.iter().filter(|path| !exists(path)).map(|path| escaped(path)).collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// Returns the entries that could not be read completely.
fn unread(entries: &[Entry]) -> Vec<pavisade_integrity::Doubt> {
    let why = |entry: &Entry| match (&entry.content, &entry.attributes) {
        (Content::Unread(why), _) | (_, Err(why)) => Some(why.clone()),
        _ => None,
    };
    let doubt = |entry: &Entry| {
        Some(pavisade_integrity::Doubt { path: entry.path.clone(), why: why(entry)? })
    };
    entries.iter().filter_map(doubt).collect()
}

/// Returns what is covered: paths and presets, or all presets.
pub(super) fn scope(
    paths: &[PathBuf],
    presets: &[String],
    exclude: &[PathBuf],
) -> anyhow::Result<Scope> {
    let chosen: Vec<&Preset> = match presets.is_empty() && paths.is_empty() {
        true => PRESETS.iter().collect(),
        false => presets.iter().filter_map(|name| Preset::named(name)).collect(),
    };
    let mut paths = of_node_all(paths)?;
    for preset in chosen {
        paths.extend(preset.paths.iter().map(|path| path.as_bytes().into()));
    }
    paths.sort();
    paths.dedup();
    let exclude = of_node_all(exclude)?;
    if exclude.iter().any(|path| matches!(&**path, b"/" | b"/*")) {
        bail!("--exclude / leaves out everything: choose what is covered with paths or --preset");
    }
    Ok(Scope { paths, exclude, one_file_system: false })
}

/// Returns the file that a path leads to: the file is replaced, not a link to it.
fn target(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("writing {}", path.display()))
}

pub(super) fn sign(args: &SignBaselineArgs) -> anyhow::Result<Outcome> {
    let file = args.baseline.display();
    let bytes = bounded::bytes(&args.baseline, MAX_BYTES)?;
    let expect = args.expect.as_deref().map(expected).transpose()?;
    let wanted = args.previous.as_deref().map(|text| digest("--previous", text)).transpose()?;
    let bound = Bound { expect, ..Bound::default() };
    let baseline = read(&bytes, &bound).with_context(|| format!("{file} is refused"))?;
    // What is signed is seen before a passphrase is given.
    terminal::tell(&shown(&baseline, false));
    let key = keys::read(&args.key, args.passphrase_file.as_deref())?;
    match (baseline.previous(), wanted) {
        (Some(previous), Some(wanted)) if previous.digest != wanted => bail!(
            "{file} is refused: the version before the newest has the digest {}, but --previous is {wanted}",
            previous.digest
        ),
        (None, Some(_)) => bail!("{file} is refused: it has only one version, so none is previous"),
        (Some(previous), None) => {
            let public = PublicKey::from_spki(key.public().spki()).context("the key")?;
            if !previous.is_signed_by(&public) {
                bail!(
                    "{file} is refused: this key did not sign version {}: give the digest that it had with --previous, or make a new baseline",
                    previous.header.version
                );
            }
        }
        _ => {}
    }
    let bytes = signed(&bytes, &key)?.context("signing")?;
    let shown = file.to_string();
    output(Some(&target(&args.baseline)?))?.put(&shown, |out| out.write_all(&bytes))?;
    let newest = baseline.newest();
    let said = format!(
        "{shown}: version {} is signed by {}\nverify with: pavisade integrity verify {} --key PUBLIC_KEY \
         --expect {}\n",
        newest.header.version,
        key.public().fingerprint(),
        quoted(&shown),
        newest.digest
    );
    print(said.as_bytes())
}

pub(super) fn show(args: &ShowArgs) -> anyhow::Result<Outcome> {
    let bytes = bounded::bytes(&args.baseline, MAX_BYTES)?;
    let refused = || format!("{} is refused", args.baseline.display());
    let baseline = read(&bytes, &Bound::default()).with_context(refused)?;
    print(shown(&baseline, args.entries).as_bytes())
}

/// Writes what a scope covers: complete presets by their names, and all other paths.
fn covered(text: &mut String, scope: &Scope) {
    let presets: Vec<&Preset> = scope.presets().collect();
    if !presets.is_empty() {
        let names: Vec<_> = presets.iter().map(|preset| preset.name).collect();
        let all = if presets.len() == PRESETS.len() { "all presets: " } else { "presets: " };
        let _ = writeln!(text, "  covers {all}{}", names.join(", "));
        let others = PRESETS.iter().map(|preset| preset.name).filter(|name| !names.contains(name));
        let others: Vec<_> = others.collect();
        if !others.is_empty() {
            let _ = writeln!(text, "  does not cover all of: {}", others.join(", "));
        }
    }
    let of_preset = |path: &[u8]| {
        presets.iter().any(|preset| preset.paths.iter().any(|one| one.as_bytes() == path))
    };
    for path in scope.paths.iter().filter(|path| !of_preset(path)) {
        let _ = writeln!(text, "  covers {}", escaped(path));
    }
}

fn shown(baseline: &Baseline, with_entries: bool) -> String {
    let mut text = String::new();
    let line = pavisade_report::one_line;
    for version in &baseline.versions {
        let header = &version.header;
        let _ = writeln!(
            text,
            "version {}  {}  {}",
            header.version,
            line(&header.made),
            version.digest
        );
        let key = version.key.as_deref().map_or("not signed".to_owned(), |key| {
            format!("signature of {}, not verified here", line(key))
        });
        let (set, removed) = version.changed;
        let _ = writeln!(text, "  {} set, {removed} removed; {key}", paths(set));
    }
    let header = &baseline.newest().header;
    let _ = writeln!(
        text,
        "node {} (machine id {}), hash {}, {}",
        line(&header.node.name),
        line(&header.node.machine_id),
        header.algorithm.name(),
        paths(baseline.entries.len())
    );
    covered(&mut text, &header.scope);
    if header.scope.one_file_system {
        text.push_str("  leaves out other file systems below these paths\n");
    }
    for path in &header.scope.exclude {
        let _ = writeln!(text, "  leaves out {}", escaped(path));
    }
    if with_entries {
        for entry in &baseline.entries {
            let content = match &entry.content {
                Content::Digest(digest) => digest.to_string(),
                Content::Target(target) => format!("to {}", escaped(target)),
                Content::Device(major, minor) => format!("{major}:{minor}"),
                Content::Unread(why) => format!("not read: {}", line(why)),
                Content::Nothing => String::new(),
            };
            let _ = writeln!(
                text,
                "{:<9} {:04o} {}:{} {} {content}",
                entry.kind.name(),
                entry.mode,
                entry.uid,
                entry.gid,
                escaped(&entry.path),
            );
        }
    }
    text
}
