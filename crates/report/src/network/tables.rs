//! The map as JSON, CSV, Markdown and dot.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_netpol::{Direction, End, Engine, Selects, Verdict};
use serde_json::{Value, json};

use super::NetworkMap;
use super::words;

/// Returns the name of an end in a table.
fn name(engine: &Engine, end: &End) -> String {
    match end {
        End::Outside(addresses) => addresses.to_string(),
        end => words::end(engine, end),
    }
}

fn kind(end: &End) -> &'static str {
    match end {
        End::Workload(_) => "workload",
        End::Outside(_) => "outside",
        End::Controller => "controller",
        End::AnyPod => "pods",
    }
}

fn reasons(engine: &Engine, verdict: &Verdict) -> Vec<String> {
    verdict.doubts.iter().map(|doubt| words::doubt(engine, *doubt)).collect()
}

pub(super) fn json(maps: &[NetworkMap], out: &mut dyn Write) -> io::Result<()> {
    let worlds: Vec<_> = maps.iter().map(world).collect();
    let document = json!({ "form": "pavisade network map 1", "worlds": worlds });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn world(map: &NetworkMap) -> Value {
    let picture = &map.picture;
    let engine = &picture.engine;
    let network = engine.network();
    let workloads = network.workloads.iter().enumerate().map(|(place, workload)| {
        let side = |direction| {
            let exposure = picture.exposure(place, direction);
            let groups = exposure.groups.iter().map(|(group, verdict)| {
                json!({
                    "pods": words::group(group),
                    "connections": verdict.certain().to_string(),
                    "unknown": verdict.unsure().to_string(),
                })
            });
            json!({
                "restricted": match exposure.restricted {
                    Selects::Yes => Some(true),
                    Selects::No => Some(false),
                    Selects::Maybe => None,
                },
                "any_pod": exposure.rest.certain().to_string(),
                "any_pod_unknown": exposure.rest.unsure().to_string(),
                "groups": groups.collect::<Vec<_>>(),
            })
        };
        json!({
            "name": workload.label(),
            "namespace": workload.namespace,
            "kind": workload.kind,
            "pods": workload.pods,
            "open_store": words::store(engine, place, picture.open_to_all(place)),
            "ingress": side(Direction::Ingress),
            "egress": side(Direction::Egress),
        })
    });
    let ways = picture.ways.iter().map(|way| {
        json!({
            "workload": words::workload(engine, way.workload),
            "by": words::by(engine, &way.by),
            "ports": way.ports.to_string(),
            "connections": way.verdict.certain().to_string(),
            "unknown": way.verdict.unsure().to_string(),
            "reasons": reasons(engine, &way.verdict),
        })
    });
    let lines = picture.lines.iter().map(|line| {
        json!({
            "from": { "kind": kind(&line.from), "name": name(engine, &line.from) },
            "to": { "kind": kind(&line.to), "name": name(engine, &line.to) },
            "connections": line.verdict.certain().to_string(),
            "unknown": line.verdict.unsure().to_string(),
            "reasons": reasons(engine, &line.verdict),
        })
    });
    json!({
        "name": map.name,
        "plugin": network.assumed.profile.name,
        "policies": network.policies.iter().map(|p| p.label()).collect::<Vec<_>>(),
        "policies_not_evaluated": network.vendors.iter().map(|v| v.label()).collect::<Vec<_>>(),
        "policies_unread": network.may_have_unread_policies(),
        "entries_unread": words::unread_entries(network),
        "workloads": workloads.collect::<Vec<_>>(),
        "from_outside": ways.collect::<Vec<_>>(),
        "connections": lines.collect::<Vec<_>>(),
    })
}

pub(super) fn csv(maps: &[NetworkMap], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "world,from,to,connections,unknown,reasons")?;
    for map in maps {
        for line in &map.picture.lines {
            let engine = &map.picture.engine;
            let cells = [
                map.name.clone(),
                name(engine, &line.from),
                name(engine, &line.to),
                line.verdict.certain().to_string(),
                line.verdict.unsure().to_string(),
                reasons(engine, &line.verdict).join("; "),
            ];
            writeln!(out, "{}", cells.map(|cell| csv_cell(&cell)).join(","))?;
        }
    }
    Ok(())
}

/// Formats a cell. One that a spreadsheet would treat as a formula gets a leading apostrophe.
pub(super) fn csv_cell(text: &str) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Escapes text for a Markdown table.
pub(super) fn markdown_cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "'")
}

pub(super) fn markdown(maps: &[NetworkMap], out: &mut dyn Write) -> io::Result<()> {
    for map in maps {
        let engine = &map.picture.engine;
        writeln!(out, "## Network of {}\n", markdown_cell(&map.name))?;
        writeln!(out, "| from | to | connections | not known |\n| --- | --- | --- | --- |")?;
        for line in &map.picture.lines {
            let unknown = match line.verdict.unsure() {
                unsure if unsure.is_empty() => String::new(),
                unsure => format!("{unsure}: {}", reasons(engine, &line.verdict).join("; ")),
            };
            let cells = [
                words::end(engine, &line.from),
                words::end(engine, &line.to),
                line.verdict.certain().to_string(),
                unknown,
            ];
            writeln!(out, "| {} |", cells.map(|cell| markdown_cell(&cell)).join(" | "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Quotes text for Graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
}

pub(super) fn dot(map: &NetworkMap, out: &mut dyn Write) -> io::Result<()> {
    let picture = &map.picture;
    let engine = &picture.engine;
    writeln!(out, "digraph network {{\n  rankdir=LR;\n  node [shape=box, style=rounded];")?;
    let mut namespaces: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, workload) in engine.network().workloads.iter().enumerate() {
        namespaces.entry(&workload.namespace).or_default().push(place);
    }
    for (index, (namespace, workloads)) in namespaces.iter().enumerate() {
        writeln!(out, "  subgraph cluster_{index} {{\n    label={};", quoted(namespace))?;
        for place in workloads {
            writeln!(out, "    {};", quoted(&words::workload(engine, *place)))?;
        }
        writeln!(out, "  }}")?;
    }
    for line in &picture.lines {
        let style = if line.verdict.unsure().is_empty() { "" } else { ", style=dashed" };
        writeln!(
            out,
            "  {} -> {} [label={}{style}];",
            quoted(&words::end(engine, &line.from)),
            quoted(&words::end(engine, &line.to)),
            quoted(&words::connections(&line.verdict)),
        )?;
    }
    writeln!(out, "}}")
}
