//! `pavisade network`.

mod ask;
mod found;

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use pavisade_model::{Cause, GroupKind, KubernetesVersion, Note, NoteKind, kinds};
use pavisade_netpol::{
    Assumptions, Engine, Focus, Network, PROFILES, Picture, Profile, READS, Unclear,
};
use pavisade_report::network::{NetworkFormat, NetworkMap, Shown, network_map};
use pavisade_snapshot::{Coverage, Reads, Snapshot, View, World};
use pavisade_sources::Scope;

use crate::args::network::{MapArgs, MapFormat, NetworkArgs, NetworkCommand, NetworkInput};
use crate::input::Input;
use crate::progress::Spinner;
use crate::work::Work;
use crate::{Outcome, terminal};

pub(crate) fn run(args: &NetworkArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        NetworkCommand::Map(args) => map(args),
        NetworkCommand::Can(args) => ask::run(args, false),
        NetworkCommand::Explain(args) => ask::run(args, true),
        NetworkCommand::Diff(args) => found::diff(args),
        NetworkCommand::Check(args) => found::check(args),
        NetworkCommand::ApiServer(args) => found::api_server(args),
        NetworkCommand::Lint(args) => found::lint(args),
        NetworkCommand::Generate(args) => found::generate(args),
    }
}

/// What was read for a command.
struct Pictured {
    snapshot: Snapshot,
    kubernetes: KubernetesVersion,
    assumed: Assumptions,
}

impl Pictured {
    /// Reads files or a cluster; `None` where something is wrong with the configuration, which was
    /// told.
    fn read(input: &NetworkInput, paths: &[PathBuf], reads: Reads) -> anyhow::Result<Option<Self>> {
        let Some(profile) = Profile::named(&input.cni) else {
            let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            bail!("--cni {}: there is no such plugin; known are {}", input.cni, known.join(", "));
        };
        if input.live.print_rbac {
            bail!("--print-rbac is about checks: see `pavisade scan --print-rbac`");
        }
        let from = Input {
            paths,
            live: Some(&input.live),
            reading: input.reading.clone(),
            kubernetes_version: None,
            framework: None,
            scope: Scope::default(),
        };
        if from.is_cluster() && !paths.is_empty() {
            bail!("give either a cluster (--cluster or --snapshot) or files, not both");
        }
        let Some(work) = Work::find_plain(from, &input.config)? else { return Ok(None) };
        let progress = Spinner::new(input.quiet);
        let kinds: Vec<GroupKind> = reads.iter().copied().flatten().copied().collect();
        let (snapshot, kubernetes) = work.picture(kinds, &progress)?;
        progress.finish();
        let assumed = Assumptions {
            profile: profile.clone(),
            namespace: input.default_namespace.clone(),
            ..Assumptions::default()
        };
        Ok(Some(Self { snapshot, kubernetes, assumed }))
    }

    fn view<'a>(&self, world: &'a World, reads: Reads) -> View<'a> {
        View::new(world, "network", reads, self.kubernetes)
    }

    /// A world's network.
    fn network(&self, world: &World) -> Network {
        let assumed = Assumptions { files_unread: self.lacks_files(world), ..self.assumed.clone() };
        Network::read(&self.view(world, READS), assumed)
    }

    /// The networks of worlds that have workloads, with the worlds' names.
    fn engines(&self) -> Vec<(String, Engine)> {
        let engines = self.snapshot.worlds().iter().map(|world| {
            let network = self.network(world);
            (world.name().to_string(), Engine::new(network))
        });
        engines.filter(|(_, engine)| !engine.network().workloads.is_empty()).collect()
    }

    /// Whether a file was not read that may hold objects of a world: one below it, or one that is
    /// below no world. Of a cluster it is known which kinds were not read.
    fn lacks_files(&self, world: &World) -> bool {
        let below =
            |note: &Note, world: &World| Path::new(&note.place).starts_with(&**world.name());
        let mut notes = self.snapshot.notes().iter().filter(|n| n.kind == NoteKind::Unread);
        let others = self.snapshot.worlds();
        !world.is_live()
            && notes
                .any(|note| below(note, world) || !others.iter().any(|other| below(note, other)))
    }

    /// Notes about what was not read, and kinds that were not, go to standard error; whether there are
    /// some.
    fn unread(&self) -> bool {
        let notes = self.snapshot.notes().iter().filter(|note| note.kind == NoteKind::Unread);
        let mut any = false;
        for note in notes {
            any = true;
            let text = format!("{}: {}", note.place, note.message);
            terminal::say("not read", &pavisade_report::one_line(&text));
        }
        for world in self.snapshot.worlds().iter().filter(|world| world.is_live()) {
            // Nodes decide in rules about them alone, which say so. Lists that broke off have a note.
            let kinds = READS.iter().copied().flatten().filter(|kind| **kind != kinds::NODE);
            let unread = kinds.filter(|kind| world.coverage(**kind) == Coverage::Unread);
            for kind in unread {
                any = true;
                if !matches!(world.cause(*kind), Cause::BrokeOff { .. }) {
                    let text = format!("{}: {}", world.name(), world.gap(*kind));
                    terminal::say("not read", &pavisade_report::one_line(&text));
                }
            }
        }
        any
    }

    /// The outcome, where what could not be read makes it incomplete.
    fn outcome(&self, found: bool) -> Outcome {
        match (self.unread(), found) {
            (true, _) => Outcome::Incomplete,
            (false, true) => Outcome::Findings,
            (false, false) => Outcome::Clean,
        }
    }
}

fn shown(input: &NetworkInput, full: bool) -> Shown {
    Shown { full, color: terminal::color(input.color, false), width: terminal::width(None) }
}

fn map(args: &MapArgs) -> anyhow::Result<Outcome> {
    let Some(pictured) = Pictured::read(&args.input, &args.paths, READS)? else {
        return Ok(Outcome::Usage);
    };
    let mut maps = Vec::new();
    let engines = pictured.engines();
    if engines.is_empty() {
        let outcome = pictured.outcome(false);
        bail_empty(outcome)?;
        return Ok(outcome);
    }
    let mut seen = args.focus.is_empty();
    for (name, engine) in engines {
        let focus = focus(&args.focus, &engine);
        seen |= focus.workloads.as_ref().is_some_and(|found| !found.is_empty());
        limit(&engine, &focus)?;
        let groups = args.format == MapFormat::Json;
        maps.push(NetworkMap { name, picture: Picture::new(engine, focus, groups) });
    }
    if !seen {
        bail!("--focus {}: no such workload or namespace", args.focus.join(" --focus "));
    }
    let format = match args.format {
        MapFormat::Text => NetworkFormat::Text,
        MapFormat::Json => NetworkFormat::Json,
        MapFormat::Csv => NetworkFormat::Csv,
        MapFormat::Markdown => NetworkFormat::Markdown,
        MapFormat::Dot => NetworkFormat::Dot,
        MapFormat::Svg => NetworkFormat::Svg,
    };
    if maps.len() > 1 && matches!(format, NetworkFormat::Dot | NetworkFormat::Svg) {
        let first = pavisade_report::one_line(&maps[0].name);
        let others = maps.len() - 1;
        terminal::tell(&format!("the picture shows {first}; {others} other worlds are left out\n"));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    network_map(&maps, format, &shown(&args.input, args.full), &mut out)?;
    out.flush()?;
    let outcome = pictured.outcome(false);
    // The end of a process frees faster than we do.
    std::mem::forget((maps, pictured));
    Ok(outcome)
}

/// Workloads of which all pairs are asked: a map has a line for each two.
const MOST: usize = 2_000;

/// Refuses a map that would be too large to read or to hold.
fn limit(engine: &Engine, focus: &Focus) -> anyhow::Result<()> {
    let all = engine.network().workloads.len();
    let shown = focus.workloads.as_ref().map_or(all, Vec::len);
    if all > MOST && shown.saturating_mul(all) > MOST * MOST {
        bail!("{all} workloads make {} pairs: name some with --focus", all * shown);
    }
    Ok(())
}

/// Says that there is nothing to show.
fn bail_empty(outcome: Outcome) -> anyhow::Result<()> {
    if outcome == Outcome::Incomplete {
        return Ok(());
    }
    bail!("no workloads were read: give files with Pods, Deployments or other workloads")
}

fn focus(wanted: &[String], engine: &Engine) -> Focus {
    if wanted.is_empty() {
        return Focus::default();
    }
    let workloads = engine.network().workloads.iter().enumerate();
    let is = |workload: &pavisade_netpol::Workload| {
        wanted.iter().any(|text| {
            let text = text.trim_end_matches('/');
            *text == workload.namespace
                || *text == workload.path()
                || *text == workload.name
                || *text == workload.label()
        })
    };
    let found = workloads.filter(|(_, workload)| is(workload)).map(|(place, _)| place);
    Focus { workloads: Some(found.collect()) }
}

/// Says what is wrong with an end.
fn unclear(text: &str, unclear: &Unclear) -> anyhow::Error {
    match unclear {
        Unclear::NotFound(near) if near.is_empty() => anyhow!(
            "`{text}` is not a workload, Service, address or namespace here; `pavisade network map` lists \
             the workloads"
        ),
        Unclear::NotFound(near) => {
            anyhow!("there is no `{text}`; did you mean {}?", near.join(", "))
        }
        Unclear::Several(all) => {
            anyhow!("`{text}` may be {}: say which, as NAMESPACE/KIND/NAME", all.join(" or "))
        }
    }
}
