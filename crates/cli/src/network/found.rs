//! `pavisade network diff`, `check`, `api-server`, `lint` and `generate`.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::{Listening, listening};
use pavisade_netpol::{
    Assumptions, Connections, Engine, GENERATE_READS, Imagined, Protocol, READS, Selects, Serving,
    demands, differences, generate as make, holds, lint as remarks,
};
use pavisade_report::network::{
    Configured, Demanded, NetworkDiffFormat, NetworkDocument, network_api_server, network_check,
    network_diff, network_generated, network_lint,
};

use super::{Pictured, shown, unclear};
use crate::args::network::{CheckArgs, DiffArgs, GenerateArgs, MapLikeArgs, NetworkInput};
use crate::{Outcome, terminal};

/// Bytes that a file of rules may have.
const RULES: u64 = 1 << 20;

pub(super) fn diff(args: &DiffArgs) -> anyhow::Result<Outcome> {
    if args.input.live.cluster || args.input.live.snapshot.is_some() {
        bail!("OLD and NEW are files, folders or snapshots: leave --cluster and --snapshot out");
    }
    let (Some(old), Some(new)) = (side(&args.input, &args.old)?, side(&args.input, &args.new)?)
    else {
        return Ok(Outcome::Usage);
    };
    let (mut before, mut after) = (old.engines(), new.engines());
    if before.len() > 1 || after.len() > 1 {
        // Worlds are told apart by their names below what was given.
        let below = |name: &str, root: &Path| {
            Path::new(name).strip_prefix(root).map(Path::to_owned).unwrap_or_else(|_| name.into())
        };
        before.sort_by_key(|(name, _)| below(name, &args.old));
        after.sort_by_key(|(name, _)| below(name, &args.new));
        if before.len() != after.len() {
            bail!(
                "{} has {} worlds and {} has {}: compare one chart or folder at a time",
                args.old.display(),
                before.len(),
                args.new.display(),
                after.len()
            );
        }
    }
    let mut changes = Vec::new();
    if before.is_empty() || after.is_empty() {
        bail!("no workloads were read from one of the two: there is nothing to compare");
    }
    for ((_, a), (_, b)) in before.iter_mut().zip(&mut after) {
        for engine in [&*a, &*b] {
            super::limit(engine, &pavisade_netpol::Focus::default())?;
        }
        let (x, y) = (Serving::of(a), Serving::of(b));
        changes.extend(differences((a, Some(&x)), (b, Some(&y))));
    }
    let format = match (args.json, args.markdown) {
        (true, _) => NetworkDiffFormat::Json,
        (_, true) => NetworkDiffFormat::Markdown,
        _ => NetworkDiffFormat::Text,
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    network_diff(&changes, format, &shown(&args.input, false), &mut out)?;
    out.flush()?;
    let unread = old.unread() | new.unread();
    Ok(match (unread, changes.iter().all(|change| change.unclear)) {
        (true, _) => Outcome::Incomplete,
        (_, true) if changes.is_empty() => Outcome::Clean,
        (_, true) => Outcome::Incomplete,
        (_, false) => Outcome::Findings,
    })
}

/// One side of a difference: a snapshot, or files.
fn side(input: &NetworkInput, path: &PathBuf) -> anyhow::Result<Option<Pictured>> {
    let mut head = [0; 64];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut head));
    let snapshot = read.is_ok_and(|n| pavisade_snapshot::file::is_snapshot(&head[..n]));
    if snapshot {
        let mut input = input.clone();
        input.live.snapshot = Some(path.clone());
        return Pictured::read(&input, &[], READS);
    }
    if !path.exists() {
        bail!("{}: there is no such file or folder", path.display());
    }
    Pictured::read(input, std::slice::from_ref(path), READS)
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let file = args.rules.display().to_string();
    let size = fs::metadata(&args.rules).with_context(|| format!("reading {file}"))?.len();
    if size > RULES {
        bail!("{file}: more than {RULES} bytes");
    }
    let text = fs::read_to_string(&args.rules).with_context(|| format!("reading {file}"))?;
    let demands = demands(&text).map_err(|bad| {
        let lines: Vec<_> = bad.iter().map(|b| format!("{file}:{}: {}", b.line, b.what)).collect();
        anyhow!("{}", lines.join("\n"))
    })?;
    if demands.is_empty() {
        bail!("{file}: there is no rule in it");
    }
    let Some(pictured) = Pictured::read(&args.input, &args.paths, READS)? else {
        return Ok(Outcome::Usage);
    };
    let mut engines = pictured.engines();
    let (mut worst, mut wrong) = (Selects::Yes, false);
    let mut all = Vec::new();
    for demand in &demands {
        // A rule is about the worlds that have both ends.
        let mut outcome = Err(String::from("no workloads were read"));
        for (_, engine) in &mut engines {
            match (holds(engine, demand), &mut outcome) {
                (Ok(more), Ok(known)) => {
                    let known: &mut pavisade_netpol::Outcome = known;
                    known.holds = known.holds.and(more.holds);
                    known.against.extend(more.against);
                    known.unasked.extend(more.unasked);
                }
                (Ok(first), Err(_)) => outcome = Ok(first),
                (Err((text, why)), Err(_)) => outcome = Err(unclear(&text, &why).to_string()),
                (Err(_), Ok(_)) => {}
            }
        }
        match &outcome {
            Ok(outcome) => worst = worst.and(outcome.holds),
            Err(_) => wrong = true,
        }
        all.push(Demanded { demand, outcome });
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    network_check(&file, &all, &shown(&args.input, false), &mut out)?;
    out.flush()?;
    let unread = pictured.unread();
    Ok(match worst {
        _ if wrong => Outcome::Usage,
        Selects::No => Outcome::Findings,
        Selects::Yes if !unread => Outcome::Clean,
        _ => Outcome::Incomplete,
    })
}

pub(super) fn lint(args: &MapLikeArgs) -> anyhow::Result<Outcome> {
    let Some(pictured) = Pictured::read(&args.input, &args.paths, READS)? else {
        return Ok(Outcome::Usage);
    };
    let mut found = false;
    let mut document = args.json.then(NetworkDocument::default);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for world in pictured.snapshot.worlds() {
        let network = pictured.network(world);
        if network.workloads.is_empty() && network.policies.is_empty() {
            continue;
        }
        let mut engine = pavisade_netpol::Engine::new(network);
        let imagined = Imagined::add(&mut engine);
        let remarks = remarks(&engine, &imagined);
        found |= !remarks.is_empty();
        let shown = shown(&args.input, false);
        network_lint(world.name(), &engine, &remarks, document.as_mut(), &shown, &mut out)?;
    }
    if let Some(document) = document {
        document.write("pavisade network lint 1", &mut out)?;
    }
    out.flush()?;
    Ok(pictured.outcome(found))
}

pub(super) fn api_server(args: &MapLikeArgs) -> anyhow::Result<Outcome> {
    let Some(pictured) = Pictured::read(&args.input, &args.paths, READS)? else {
        return Ok(Outcome::Usage);
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut document = args.json.then(NetworkDocument::default);
    let mut any = false;
    for world in pictured.snapshot.worlds() {
        let mut engine = Engine::new(pictured.network(world));
        if engine.network().workloads.is_empty() {
            continue;
        }
        any = true;
        let configured = listening(world.objects()).map(configured);
        let (name, shown) = (world.name().to_string(), shown(&args.input, false));
        network_api_server(&name, &mut engine, &configured, document.as_mut(), &shown, &mut out)?;
    }
    if !any {
        bail!("no workloads were read");
    }
    if let Some(document) = document {
        document.write("pavisade network api-server 1", &mut out)?;
    }
    out.flush()?;
    Ok(pictured.outcome(false))
}

fn configured(listening: Listening) -> Configured {
    let Listening { program, ports, places, unclear } = listening;
    let ports = ports.into_iter().map(|port| Connections::port(Protocol::Tcp, port));
    Configured {
        program: program.name(),
        ports: ports.fold(Connections::none(), |all, port| all.union(&port)),
        places: places.into_iter().collect(),
        unclear,
    }
}

pub(super) fn generate(args: &GenerateArgs) -> anyhow::Result<Outcome> {
    let Some(pictured) = Pictured::read(&args.input, &args.paths, GENERATE_READS)? else {
        return Ok(Outcome::Usage);
    };
    let shown = shown(&args.input, false);
    let mut any = false;
    let (mut cut, mut unsure) = (false, false);
    for world in pictured.snapshot.worlds() {
        let view = pictured.view(world, GENERATE_READS);
        let assumed =
            Assumptions { files_unread: pictured.lacks_files(world), ..pictured.assumed.clone() };
        let generated = make(&view, &assumed);
        if generated.manifests.is_empty() {
            continue;
        }
        if any {
            terminal::tell("more worlds with workloads are left out: give one chart or folder\n");
            break;
        }
        any = true;
        cut |= generated.cut.len() > generated.unsure.len();
        unsure |= !generated.unsure.is_empty();
        let engine = pavisade_netpol::Engine::new(pictured.network(world));
        let mut said = Vec::new();
        network_generated(&engine, &generated, &shown, &mut said)?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        match &args.merge {
            Some(folder) => {
                write(folder, &generated.manifests)?;
                out.write_all(&said)?;
            }
            None => {
                for text in generated.manifests.values() {
                    out.write_all(text.as_bytes())?;
                }
                terminal::tell(&String::from_utf8_lossy(&said));
            }
        }
        out.flush()?;
    }
    if !any {
        bail!("no workloads were read");
    }
    Ok(match pictured.outcome(cut) {
        Outcome::Clean if unsure => Outcome::Incomplete,
        outcome => outcome,
    })
}

/// Writes a file for each namespace; one that is there and differs stays, unless it is ours.
fn write(
    folder: &Path,
    manifests: &std::collections::BTreeMap<String, String>,
) -> anyhow::Result<()> {
    const MARK: &str =
        "# Written by `pavisade network generate`: changes are lost when it runs again.\n";
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (namespace, text) in manifests {
        let safe = namespace.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !safe || namespace.is_empty() {
            bail!("namespace `{}` makes no file name", pavisade_report::one_line(namespace));
        }
        let path = folder.join(format!("network-policies-{namespace}.yaml"));
        if let Ok(there) = fs::read_to_string(&path)
            && !there.starts_with(MARK)
        {
            bail!("{}: there already, and not written by this command", path.display());
        }
        fs::write(&path, format!("{MARK}{text}"))
            .with_context(|| format!("writing {}", path.display()))?;
        terminal::tell(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}
