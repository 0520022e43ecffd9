//! `network-policy-api`: the manifests of the conformance suite, with the verdicts of the
//! specification.
//!
//! The archive contains only manifests, so the verdicts are here: the action of the first matching
//! rule, tier by tier (network-policy-api.sigs.k8s.io, *Tiers* and *Actions*). A case is a pair of
//! houses and every port between them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use pavisade_model::KubernetesVersion;
use pavisade_netpol::{Assumptions, Connections, Engine, Network, READS, Who, ask};
use pavisade_snapshot::{Coverage, Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::Outcome;

/// A manifest, replacements in it, and the verdicts.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// Manifests, replacements, and permitted connections: `r>g all`, `s>g not TCP 80`. Houses are
/// abbreviated by their first letters; `o` is outside.
const CASES: &[Case] = &[
    ("T/standard-ingress-tcp-rules", &[], "r>g all; s>g not TCP 80; h>g TCP 80; g>s all"),
    ("T/standard-ingress-udp-rules", &[], "r>h all; s>h not UDP 5353; g>h UDP 53"),
    ("T/standard-ingress-sctp-rules", &[], "g>r all; s>r not SCTP 9003; h>r SCTP 9003"),
    ("T/standard-egress-tcp-rules", &[], "g>r all; g>s not TCP 80; g>h TCP 8080; g>o all; s>g all"),
    ("T/standard-egress-udp-rules", &[], "h>r all; h>s not UDP 5353; h>g UDP 53; h>o all"),
    ("T/standard-egress-sctp-rules", &[], "r>g all; r>s not SCTP 9003; r>h SCTP 9003; r>o all"),
    (
        "T/standard-gress-rules-combined",
        &[],
        "r>g all; s>g not TCP 80,UDP 53,SCTP 9003; h>g TCP 80,UDP 5353,SCTP 9003; g>r all; \
         g>s not TCP 80,UDP 53,SCTP 9003; g>h TCP 8080,UDP 5353,SCTP 9003",
    ),
    // `networks: 0.0.0.0/0, ::/0` includes pods.
    ("T/standard-egress-inline-cidr-rules", &[], "g>s all; g>r none; g>h none; g>o none; r>g all"),
    ("admin_tier/experimental-egress-selector-rules", &[], "g>s none; g>r none; g>o none; s>g all"),
    ("baseline_tier/experimental-egress-selector-rules", &[], "g>s none; g>o none; s>g all"),
    ("admin_tier/standard-priority-field", &[], "g>s none; s>g none; g>r all"),
    // Passed before it is denied, and accepted by the baseline.
    ("admin_tier/standard-priority-field", &[("priority: 60", "priority: 40")], "g>s all; s>g all"),
    ("api_integration/standard-anp-np-banp", &[], "g>s none; s>g none"),
    // The admin tier passes, and the NetworkPolicy allows.
    ("api_integration/standard-anp-np-banp", &[PASS], "g>s all; s>g all"),
    // Without it, the baseline denies.
    (
        "api_integration/standard-anp-np-banp",
        &[PASS, ("kind: NetworkPolicy", "kind: Nothing")],
        "g>s none; s>g none",
    ),
];

/// The suite updates the policy like this while it runs.
const PASS: (&str, &str) = ("\"Deny\" # test will update", "\"Pass\" # test will update");

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let base = folder.join("conformance/base");
    let pods = fs::read_to_string(base.join("manifests.yaml")).context("manifests.yaml")?;
    let mut outcome = Outcome::default();
    for (name, changes, said) in CASES {
        let tiers = match name.strip_prefix("T/") {
            Some(name) => vec![format!("admin_tier/{name}"), format!("baseline_tier/{name}")],
            None => vec![(*name).to_owned()],
        };
        for name in tiers {
            let path = base.join(format!("{name}.yaml"));
            let text = fs::read_to_string(&path).with_context(|| name.clone())?;
            let mut text = filled(&text);
            for (from, to) in *changes {
                text = text.replace(from, to);
            }
            let mut engine = engine(&format!("{pods}\n---\n{text}"));
            for line in said.split(';') {
                let (pair, wanted) = line.trim().split_once(' ').context("no case")?;
                let (from, to) = pair.split_once('>').context("no pair")?;
                let ports = |text| Connections::read(text).map_err(|why| anyhow!("{line}: {why}"));
                let wanted = match wanted.strip_prefix("not ") {
                    Some(denied) => ports(denied)?.complement(),
                    None => ports(wanted)?,
                };
                let who = |letter: &str, engine: &Engine| house(letter, engine);
                let (a, b) = (who(from, &engine)?, who(to, &engine)?);
                let verdict = ask(&mut engine, &a, &b, None).verdict;
                let agreed = verdict.certain() == wanted && verdict.unsure().is_empty();
                outcome.count(agreed, || {
                    format!("{name} {changes:?}: {pair} want {wanted}, got {verdict:?}")
                });
            }
        }
    }
    Ok(outcome)
}

/// Ports that the suite fills in: those of the host network, none of which is asked for.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (_, after) = after.split_once("}}").unwrap_or(("", ""));
        filled.push_str(before);
        filled.push_str("36363");
        rest = after;
    }
    filled + rest
}

fn house(letter: &str, engine: &Engine) -> anyhow::Result<Who> {
    if letter == "o" {
        return Ok(Who::Outside(pavisade_netpol::Addresses::all()));
    }
    let start = format!("network-policy-conformance-{letter}");
    let all = &engine.network().workloads;
    let place = all.iter().position(|workload| workload.namespace.starts_with(&start));
    Ok(Who::Workload(place.with_context(|| format!("no house {letter}"))?))
}

fn engine(text: &str) -> Engine {
    let mut all = Vec::new();
    for doc in &read(&Source::new("case", text)).docs {
        let sent = objects(doc.root()).sent;
        all.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let mut parts = WorldParts::files("case", WorldKind::Files, all);
    // What is outside is no node.
    parts.coverage.insert((String::new(), "Node".to_owned()), Coverage::Complete);
    let world = World::new(parts);
    let view = View::new(&world, "network", READS, KubernetesVersion::LATEST);
    Engine::new(Network::read(&view, Assumptions::default()))
}
