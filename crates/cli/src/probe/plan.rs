//! `pavisade probe plan`: everything that a run would send.

use std::fmt::Write as _;

use pavisade_probe::{
    CLUSTER_DNS, Canary, Inside, Kind, Registered, RunId, RunningPods, Step, restricted,
};
use pavisade_report::count;
use pavisade_scan::Timestamp;
use serde_json::json;

use super::chosen::{Chosen, Mode};
use super::state;
use crate::args::probe::PlanArgs;
use crate::{Outcome, print};

/// Where requests with credentials go.
const SERVER: &str = "API server of the kubeconfig";
/// Names a node for the probe that needs one.
pub(super) const NODES: &str = "/api/v1/nodes?limit=1";

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let Some(chosen) = Chosen::new(&args.scope, Mode { active: args.active, in_pod: false }, now)?
    else {
        return Ok(Outcome::Usage);
    };
    if !args.active {
        chosen.tries_something(now)?;
    }
    let own = state::own_network();
    let mut text = String::new();
    let (mut endpoints, mut requests, mut refused) = (0, 0, 0);
    for planned in chosen.planned() {
        let permitted = chosen.scope.permits(planned.target.address, &own);
        if let Err(why) = &permitted {
            refused += 1;
            line(&mut text, args.json, &planned.target.to_string(), &format!("refused: {why}"));
            continue;
        }
        endpoints += 1;
        line(&mut text, args.json, &planned.target.to_string(), "TCP connection");
        requests += 1;
        for ask in &planned.asks {
            requests += 1;
            line(&mut text, args.json, &planned.target.to_string(), &ask.to_string());
        }
    }
    if chosen.needs_cluster() {
        for namespace in &chosen.scope.namespaces {
            let path = format!("POST /api/v1/namespaces/{namespace}/pods?dryRun=All");
            let base = restricted(namespace, &args.scope.image);
            line(&mut text, args.json, SERVER, &format!("{path} {base}"));
            requests += 1;
            for probe in &chosen.probes {
                let Kind::Admission { change, .. } = &probe.kind else { continue };
                let mut pod = base.clone();
                change(&mut pod);
                let what = format!("{path} {pod}");
                line(&mut text, args.json, SERVER, &what);
                requests += 1;
            }
        }
    }
    if let Some(segments) = &chosen.segments {
        let canary = canary(args, now);
        let mut all = Vec::new();
        for namespace in &segments.namespaces {
            let (collection, server) = segments.server(namespace, &canary);
            let (_, client) = Inside::new(namespace, &segments.image).pod(&canary, &json!({}));
            for pod in [server, client] {
                all.push(format!("POST {collection}?dryRun=All {pod}"));
                all.push(format!("POST {} (the same object)", Step::stores(&collection)));
                let path =
                    format!("{collection}/{}", pod["metadata"]["name"].as_str().unwrap_or(""));
                all.push(format!("GET {path} (until it serves or has ended), and its log"));
                all.push(format!("DELETE {path} (after GET, and GET until it is gone)"));
            }
        }
        all.push("GET (lists of pods, namespaces, policies, Services and nodes)".to_owned());
        requests += all.len();
        all.iter().for_each(|what| line(&mut text, args.json, SERVER, what));
    }
    if let Some(inside) = &chosen.inside {
        let (collection, pod) = inside.pod(&canary(args, now), &chosen.scope.for_pod());
        let pod = &pod.to_string();
        let path = &format!("{collection}/{}", canary(args, now).name());
        for what in [
            format!("GET {CLUSTER_DNS} (the pod may also probe its address)"),
            format!("POST {collection}?dryRun=All {pod}"),
            format!("POST {} (the same object)", Step::stores(&collection)),
            format!("GET {path} (until it has ended), and GET {path}/log"),
            format!("DELETE {path} (after GET, and GET until it is gone)"),
        ] {
            line(&mut text, args.json, SERVER, &what);
            requests += 1;
        }
    }
    if let (true, Err(why)) = (args.active && !args.json, chosen.tries_something(now)) {
        let _ = writeln!(text, "{why}: no active probe is planned.");
    }
    if args.active {
        requests += actives(&mut text, args, &chosen, now);
    }
    if !args.json {
        let limits = chosen.scope.limits;
        let _ = writeln!(
            text,
            "\n{}, {}. Endpoints that are closed receive only the TCP connection, and a request \
             that fails is sent once more. Refused: {}.\nLimits: {} connections per second, {} per \
             host, {} s in total.",
            count(endpoints, "endpoint", "endpoints"),
            count(requests, "request", "requests"),
            count(refused, "endpoint", "endpoints"),
            limits.rate,
            limits.per_host,
            limits.deadline
        );
    }
    print(text.as_bytes())
}

fn canary(args: &PlanArgs, now: Timestamp) -> Canary {
    Canary {
        run: RunId::new(b"plan"),
        expires: state::later(now).to_string(),
        image: args.scope.image.clone(),
        node: Ok(Some("NODE".to_owned())),
        program: args.scope.pod_image.clone(),
    }
}

fn line(text: &mut String, json: bool, to: &str, what: &str) {
    // Writing to a string cannot fail.
    let _ = match json {
        true => writeln!(text, "{}", json!({"to": to, "request": what})),
        false => writeln!(text, "{to}  {what}"),
    };
}

/// Adds the steps of active probes that the consent names. Returns their number.
fn actives(text: &mut String, args: &PlanArgs, chosen: &Chosen, now: Timestamp) -> usize {
    let canary = canary(args, now);
    let mut count = 0;
    let mut tell = |what: &str| {
        count += 1;
        line(text, args.json, SERVER, what);
    };
    let named = |probe: &&&Registered| {
        probe.is_active() && chosen.scope.consent_for(probe.id(), probe.name(), now).is_ok()
    };
    let named: Vec<_> = chosen.probes.iter().filter(named).collect();
    let steps = named.iter().flat_map(|probe| match &probe.kind {
        Kind::Active { steps } => steps(&canary),
        _ => Vec::new(),
    });
    if !named.is_empty() {
        tell(&format!("GET {NODES}"));
    }
    let first = (!named.is_empty()).then(|| canary.namespace());
    for step in first.into_iter().chain(steps) {
        match &step {
            Step::Create { collection, object } => {
                tell(&format!("POST {collection}?dryRun=All {object}"));
                tell(&format!("POST {} (the same object)", Step::stores(collection)));
                let path = step.path().unwrap_or_default();
                tell(&format!("DELETE {path} (after GET, and GET until it is gone)"));
            }
            Step::Send { method, path, body, .. } => {
                let body = body.as_ref().map(|(_, body)| body.to_string()).unwrap_or_default();
                tell(&format!("{method} {path} {body}"));
            }
            Step::WithToken { method, path, body } => {
                tell(&format!("{method} {path} (with the canary's token) {body}"));
            }
        }
    }
    for probe in &named {
        let Kind::Running(what) = probe.kind else { continue };
        let Some(pods) = RunningPods::new(&canary) else { continue };
        let (collection, pods, last) = pods.plan(what);
        for pod in pods {
            let path = format!("{collection}/{}", pod["metadata"]["name"].as_str().unwrap_or(""));
            tell(&format!("POST {collection}?dryRun=All {pod}"));
            tell(&format!("POST {} (the same object)", Step::stores(&collection)));
            tell(&format!("GET {path} (until it accepts connections)"));
            tell(&format!("DELETE {path} (after GET, and GET until it is gone)"));
        }
        tell(&last);
    }
    count
}
