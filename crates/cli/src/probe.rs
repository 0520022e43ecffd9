//! `pavisade probe`.

mod chosen;
mod discover;
mod expect;
mod list;
mod page;
mod plan;
mod plant;
mod results;
mod revert;
mod serve;
mod show;
mod state;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use pavisade_compliance::{builtin, controls_by_probe};
use pavisade_model::{Note, NoteKind, Subject};
use pavisade_probe::{
    Answer, Canary, Component, Found, Gate, Inside, Kind, Outcome as Probed, Planned, PodFacts,
    Registered, Rights, Scope, active, alive, cluster_dns, discover, dry_runs, in_pod, judge_pod,
    judgement, own_namespace, rights, run as send, segments,
};
use pavisade_report::{Options, count, probe_report};
use pavisade_scan::{Timestamp, together};
use pavisade_sources::{Api, ClusterRequest, Progress as _, api};
use tokio::runtime::Runtime;

use crate::args::Format;
use crate::args::probe::{ProbeArgs, ProbeCommand, RunArgs, ScopeArgs};
use crate::output::{Output, named, output, place};
use crate::progress::Spinner;
use crate::{Outcome, cluster, scan, terminal};
use chosen::{Chosen, Mode};
use page::Ran;
use state::Run;

pub(crate) fn run(args: &ProbeArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        None => probe(&args.run, false),
        Some(ProbeCommand::Pod(args)) => probe(args, true),
        Some(ProbeCommand::Plan(args)) => plan::run(args),
        Some(ProbeCommand::Discover(args)) => discover::run(args),
        Some(ProbeCommand::Plant(args)) => plant::run(args),
        Some(ProbeCommand::Serve { port }) => serve::run(*port),
        Some(ProbeCommand::Show { file, port }) => show::run(file, *port),
        Some(ProbeCommand::List(args)) => list::run(args),
        Some(ProbeCommand::Revert(args)) => revert::run(args),
    }
}

fn probe(args: &RunArgs, is_pod: bool) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let Some(chosen) = Chosen::new(&args.scope, Mode { active: args.active, in_pod: is_pod }, now)?
    else {
        return Ok(Outcome::Usage);
    };
    chosen.tries_something(now)?;
    let file = named(args.output.as_deref());
    let results = args.output.iter().chain(&args.evidence).chain(&args.report);
    let inputs = args.scope.scope_file.iter().chain(&args.scope.facts);
    scan::distinct(None, inputs, results)?;
    let out = output(file)?;
    let also =
        |file: &Option<PathBuf>| file.as_deref().map(|file| output(named(Some(file)))).transpose();
    let (evidence, report) = (also(&args.evidence)?, also(&args.report)?);
    let standard = |out: &&Output| matches!(out, Output::Standard(_));
    let outputs = [Some(&out), evidence.as_ref(), report.as_ref()];
    if outputs.into_iter().flatten().filter(standard).count() > 1 {
        bail!(
            "two results cannot both be written to standard output: specify a file with --output"
        );
    }
    let runtime = runtime()?;
    // A wrong kubeconfig is reported before the run starts.
    let api = match chosen.needs_cluster() {
        true => Some(runtime.block_on(connected(&chosen, &args.scope))?),
        false => None,
    };
    let run = Run::start(args, now)?;
    let progress = Spinner::new(args.quiet);
    let gate = Gate::new(chosen.scope.clone(), state::own_network(), run.journal()?);
    let stop = runtime.block_on(async { state::interrupts() });
    let gate = Arc::new(gate.stopped_by(stop.clone()));
    let watched = (now, &*stop, &progress);
    let Sent { mut outcomes, found, notes, left } =
        runtime.block_on(everything(&gate, (&chosen, api.as_ref()), &args.scope, watched));
    progress.finish();
    for path in &left {
        terminal::say("left behind", &format!("{path}: run `pavisade probe revert {}`", run.id()));
    }
    if is_pod {
        let mut facts = PodFacts::read(Path::new("/"), &state::environment());
        if chosen.scope.cluster && facts.token {
            facts.rights = Some(runtime.block_on(own_rights(&gate, &args.scope)));
        }
        outcomes.extend(judge_pod(&facts, &state::host(), &chosen.probes));
    }
    outcomes.sort_by(|a, b| (a.probe.id(), &a.subject).cmp(&(b.probe.id(), &b.subject)));
    let most = gate.most_per_host();
    let gate = Arc::into_inner(gate).context("a request of the run has not ended")?;
    let journal = gate.finish();
    let signed = run.sign(&journal)?;
    let ended = Timestamp::now();
    let detections = match &args.expect {
        Some(logs) => {
            expect::settle(logs);
            expect::Seen::read(logs, run.id())?.rows(&outcomes)
        }
        None => Vec::new(),
    };
    if let Some(report) = report {
        let ran = Ran {
            id: run.id(),
            started: now,
            ended,
            journal: &journal,
            most,
            left: &left,
            notes: &notes,
        };
        let page = page::of(&ran, &chosen, &outcomes, &detections);
        report.put(&place(args.report.as_deref()), |out| probe_report(&page, out))?;
    }
    summary(&found, most, &signed, args.quiet);
    if let Some(evidence) = evidence {
        let text = results::json((run.id(), now), &outcomes, &detections, &notes);
        evidence.put(&place(args.evidence.as_deref()), |out| out.write_all(text.as_bytes()))?;
    }
    let mut judged = judgement(&outcomes, &chosen.probes, notes);
    let mut outcome = scan::outcome(&judged, args.fail_on.severity());
    let is_unknown = judged.tallies.iter().any(|of_rule| of_rule.tally.unknown > 0);
    if !left.is_empty() {
        outcome = Outcome::Incomplete;
    }
    if is_unknown && outcome == Outcome::Clean {
        outcome = Outcome::Incomplete;
    }
    together(&mut judged);
    let mut options = Options {
        color: terminal::color(args.color, file.is_some()),
        width: terminal::width(args.width),
        full: args.full,
        explain: args.explain,
        made: Some(now.strftime("%-d %B %Y, %H:%M UTC").to_string()),
        ..Options::default()
    };
    if args.with_frameworks {
        let of = |probe: &&'static Registered| {
            (probe.id().to_owned(), controls_by_probe(builtin(), &probe.meta.rule))
        };
        options.frameworks = chosen.probes.iter().map(of).collect();
    }
    let format = args.format.of_report();
    out.put(&place(file), |out| {
        pavisade_report::write(format, &judged, &options, out)?;
        match args.expect.is_some() && args.format == Format::Terminal {
            true => out.write_all(expect::table(&detections).as_bytes()),
            false => Ok(()),
        }
    })?;
    Ok(outcome)
}

/// The results of all requests.
struct Sent {
    outcomes: Vec<Probed>,
    found: Found,
    notes: Vec<Note>,
    /// Objects of active probes that could not be removed.
    left: Vec<String>,
}

async fn everything(
    gate: &Arc<Gate>,
    (chosen, api): (&Chosen, Option<&Api>),
    args: &ScopeArgs,
    (now, stop, progress): (Timestamp, &AtomicBool, &Spinner),
) -> Sent {
    let Chosen { scope, probes, .. } = chosen;
    let all = chosen.planned();
    progress.stage("Looking for open ports");
    let found = discover(gate, &all).await;
    let mut notes = silent(scope, &found);
    notes.extend(chosen.unread.iter().cloned());
    progress.stage("Probing endpoints");
    let told = |target: &pavisade_probe::Target| progress.stage(&format!("Probed {target}"));
    let mut outcomes = send(gate, all, &found, (&chosen.known, now), &told).await;
    let mut left = Vec::new();
    let canary = |node| Canary {
        run: gate.run(),
        expires: state::later(now).to_string(),
        image: args.image.clone(),
        node,
        program: args.pod_image.clone(),
    };
    if let Some(api) = api {
        for namespace in &scope.namespaces {
            progress.stage(&format!("Trying pods in {namespace}"));
            outcomes.extend(dry_runs(gate, api, namespace, &args.image, probes).await);
        }
        if chosen.active {
            progress.stage("Running active probes");
            let canary = canary(first_node(gate, api).await);
            let (done, kept) = active(gate, api, &canary, probes, now, stop).await;
            outcomes.extend(done);
            left = kept;
        }
        if let Some(pairs) = &chosen.segments {
            progress.stage("Trying connections between canary pods");
            // The kubeconfig was valid a moment ago.
            let request = request(args.kubeconfig.as_deref(), args.context.as_deref());
            let tried = match request {
                Ok(request) => {
                    let canary = canary(Ok(None));
                    let (tried, kept) = segments((gate, api), &request, pairs, &canary, stop).await;
                    left.extend(kept);
                    tried
                }
                Err(why) => Err(format!("{why:#}")),
            };
            match tried {
                Ok(done) => outcomes.extend(done),
                Err(why) => notes.push(unread("segmentation", &why)),
            }
        }
        if let Some(inside) = &chosen.inside {
            progress.stage(&format!("Running a pod in {}", inside.namespace));
            let dns = cluster_dns(gate, api).await;
            let is_of_dns = |probe: &&'static Registered| match probe.kind {
                Kind::Endpoint { at, .. } => at.contains(&Component::Dns),
                _ => false,
            };
            if let (Err(why), true) = (&dns, probes.iter().any(is_of_dns)) {
                notes.push(unread("DNS of the cluster", why));
            }
            let canary = canary(Ok(None));
            let (results, kept) = in_pod((gate, api), inside, dns.ok(), &canary, stop).await;
            left.extend(kept);
            match results.and_then(|results| of_pod(&results, inside, &found)) {
                Ok((done, unread)) => {
                    let chosen =
                        |done: &Probed| probes.iter().any(|own| own.id() == done.probe.id());
                    outcomes.extend(done.into_iter().filter(chosen));
                    notes.extend(unread);
                }
                Err(why) => notes.push(unread(&format!("pod in {}", inside.namespace), &why)),
            }
        }
    }
    Sent { outcomes, found, notes, left }
}

/// Reads the results of a run in a pod, and what it could not read. A destination that responds
/// here, but not there, is cut off from the pod.
fn of_pod(
    results: &serde_json::Value,
    inside: &Inside,
    found: &Found,
) -> Result<(Vec<Probed>, Vec<Note>), String> {
    let namespace = Subject::Object {
        group: "".into(),
        kind: "Namespace".into(),
        namespace: "".into(),
        name: inside.namespace.as_str().into(),
        container: None,
    };
    let responds = |address: &str| {
        let address = address.parse().ok();
        address.is_some_and(|at| matches!(found.get(&at), Some(Answer::Connected)))
    };
    let done = pavisade_probe::outcomes(results, &namespace, &responds)?;
    let texts = results.get("unread").and_then(serde_json::Value::as_array).into_iter().flatten();
    let place = format!("pod in {}", inside.namespace);
    let notes = texts.filter_map(|text| Some(unread(&place, text.as_str()?)));
    Ok((done, notes.collect()))
}

fn unread(place: &str, message: &str) -> Note {
    Note {
        kind: NoteKind::Unread,
        place: place.to_owned(),
        span: None,
        message: message.to_owned(),
        remedy: String::new(),
    }
}

/// Asks the API server what the token of this pod may do.
async fn own_rights(gate: &Gate, args: &ScopeArgs) -> Result<Rights, String> {
    let api = connect(args.kubeconfig.as_deref(), args.context.as_deref()).await;
    let api = api.map_err(|error| format!("{error:#}"))?;
    let namespace = own_namespace(Path::new("/")).unwrap_or_else(|| "default".to_owned());
    rights(gate, &api, &namespace).await
}

/// Returns the name of a node, if the cluster has one.
///
/// # Errors
/// Why nodes cannot be listed.
async fn first_node(gate: &Gate, api: &Api) -> Result<Option<String>, String> {
    let path = plan::NODES;
    let (status, body) = gate.get(api, path, &gate.agent()).await?;
    if status != 200 {
        return Err(format!("GET {path}: status {status}"));
    }
    let list: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|_| format!("GET {path}: the response is not JSON"))?;
    let name = list.pointer("/items/0/metadata/name").and_then(serde_json::Value::as_str);
    Ok(name.map(str::to_owned))
}

/// Connects to the cluster. Active probes need a consent that names its server.
async fn connected(chosen: &Chosen, args: &ScopeArgs) -> anyhow::Result<Api> {
    let api = connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
    if chosen.is_consented() {
        chosen.scope.consent_to(&api.server).map_err(anyhow::Error::msg)?;
    }
    Ok(api)
}

/// Connects to the cluster of the kubeconfig.
async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> anyhow::Result<Api> {
    Ok(api(&request(kubeconfig, context)?).await?)
}

fn request(kubeconfig: Option<&Path>, context: Option<&str>) -> anyhow::Result<ClusterRequest> {
    Ok(ClusterRequest {
        kubeconfigs: cluster::kubeconfigs(kubeconfig)?,
        context: context.map(str::to_owned),
        ..ClusterRequest::default()
    })
}

fn runtime() -> anyhow::Result<Runtime> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("could not start threads for connections")
}

/// Returns a note if addresses of the scope did not respond: nothing is proven about them.
fn silent(scope: &Scope, found: &Found) -> Vec<Note> {
    let alive = alive(found);
    let mut notes = Vec::new();
    let all = found.keys().map(|address| address.ip());
    let dead: std::collections::BTreeSet<IpAddr> = all.filter(|ip| !alive.contains(ip)).collect();
    let named = |ip: &&IpAddr| scope.endpoints.iter().any(|target| target.address.ip() == **ip);
    // Endpoints that only pods can reach do not have to respond here.
    let is_for_pods = |ip: &IpAddr| {
        let mut targets = scope.endpoints.iter().filter(|target| target.address.ip() == *ip);
        targets.all(|target| target.component.is_of_pods())
    };
    let withheld = |ip: &&IpAddr| {
        found.iter().any(|(at, answer)| at.ip() == **ip && matches!(answer, Answer::Withheld(_)))
    };
    for ip in dead.iter().filter(|ip| named(ip) && !withheld(ip) && !is_for_pods(ip)) {
        notes.push(Note {
            kind: NoteKind::Unread,
            place: ip.to_string(),
            span: None,
            message: "no response at any port: nothing is proven about it".to_owned(),
            remedy: "Check the address and the network connection, then run it again.".to_owned(),
        });
    }
    let others = dead.iter().filter(|ip| !named(ip) && !withheld(ip)).count();
    if others > 0 {
        notes.push(Note {
            // If none responds, the address of the scope or the network may be wrong.
            kind: if alive.is_empty() { NoteKind::Unread } else { NoteKind::Info },
            place: "scope".to_owned(),
            span: None,
            message: count(
                others,
                "address gave no response at any port",
                "addresses gave no response at any port",
            ),
            remedy: String::new(),
        });
    }
    notes
}

/// Prints what was found, and where the journal is.
fn summary(found: &Found, most: usize, signed: &str, quiet: bool) {
    if quiet {
        return;
    }
    let open: Vec<_> =
        found.iter().filter(|(_, answer)| matches!(answer, Answer::Connected)).collect();
    let names = open.iter().take(12).map(|(address, _)| address.to_string());
    let mut names = names.collect::<Vec<_>>().join(", ");
    if open.len() > 12 {
        names.push_str(&format!(" and {} more", open.len() - 12));
    }
    let names = if names.is_empty() { String::new() } else { format!(": {names}") };
    let ports = count(open.len(), "port accepts connections", "ports accept connections");
    if !found.is_empty() {
        terminal::say("", &format!("{ports}{names}"));
    }
    let most = count(most, "connection", "connections");
    terminal::say("", &format!("At most {most} to one host. {signed}"));
}

/// Whether a probe needs the API server of the kubeconfig.
fn is_of_cluster(probe: &Registered) -> bool {
    match &probe.kind {
        Kind::Endpoint { .. } | Kind::Pod { .. } => false,
        Kind::Admission { .. } | Kind::Active { .. } | Kind::Running(_) | Kind::Segments => true,
    }
}

/// Requires that a plan is not too large.
fn bounded(all: &[Planned]) -> anyhow::Result<()> {
    const MOST: usize = 200_000;
    if all.len() > MOST {
        bail!("the scope has {} endpoints: name smaller parts (at most {MOST})", all.len());
    }
    Ok(())
}
