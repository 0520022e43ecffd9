//! Pages about snapshot files: the content of a snapshot, and differences between two.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_judgement::{Comparison, What};
use pavisade_model::{Note, kinds};
use pavisade_snapshot::file::Saved;
use pavisade_snapshot::{ClusterFacts, Coverage, ObjectId, World, WorldKind};
use serde::Serialize;

use crate::terminal::Page;
use crate::terminal::style::{self, DIM, PLAIN, STRONG};
use crate::text::number;
use crate::{Layout, Options, guard};

#[derive(Serialize)]
struct Info<'a> {
    file: &'a str,
    tool: &'a str,
    time: String,
    worlds: Vec<Place<'a>>,
    notes: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    name: &'a str,
    kind: &'static str,
    distribution: Option<Distribution>,
    objects: usize,
    kinds: Vec<OfKind>,
}

#[derive(Serialize)]
struct Distribution {
    name: &'static str,
    evidence: String,
    /// The version reported by the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Serialize)]
struct OfKind {
    group: String,
    kind: String,
    objects: usize,
    coverage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
}

#[derive(Serialize)]
struct Said<'a> {
    place: &'a str,
    message: &'a str,
    remedy: &'a str,
}

/// Writes the content of a snapshot file.
///
/// # Errors
/// Writing to `out` fails.
pub fn snapshot_info(
    file: &str,
    saved: &Saved,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let info = Info {
        file,
        tool: &saved.tool,
        time: saved.time.to_string(),
        worlds: saved.snapshot.worlds().iter().map(|world| place(world)).collect(),
        notes: saved.snapshot.notes().iter().map(said).collect(),
    };
    if layout == Layout::Json {
        return guard::write(&info, out);
    }
    let mut page = Page::new(options, out);
    for (label, text) in [("file", info.file), ("tool", info.tool), ("taken", &info.time)] {
        row(&mut page, label, text);
    }
    for world in &info.worlds {
        page.end();
        row(&mut page, world.kind, world.name);
        if let Some(Distribution { name, evidence, version }) = &world.distribution {
            let version = version.as_deref().unwrap_or("unknown version");
            row(&mut page, "runs", &format!("{version}, {name} distribution ({evidence})"));
        }
        row(&mut page, "objects", &number(world.objects));
        let names: Vec<_> = world.kinds.iter().map(OfKind::name).collect();
        let widest = names.iter().map(String::len).max().unwrap_or(0);
        for (kind, name) in world.kinds.iter().zip(&names) {
            let count = number(kind.objects);
            page.gap(2).put(PLAIN, name).gap(widest - name.len() + 12 - count.len().min(11));
            page.put(STRONG, &count);
            match &kind.gap {
                Some(gap) => page.gap(2).put(style::UNKNOWN, &format!("not read: {gap}")),
                None => page.gap(2).put(DIM, kind.coverage),
            };
            page.end();
        }
    }
    if !info.notes.is_empty() {
        page.end();
    }
    for note in &info.notes {
        page.put(DIM, note.place).put(PLAIN, ": ").put(PLAIN, note.message).end();
    }
    page.flush()
}

fn said(note: &Note) -> Said<'_> {
    Said { place: &note.place, message: &note.message, remedy: &note.remedy }
}

fn row(page: &mut Page<'_>, label: &str, text: &str) {
    page.put(DIM, label).gap(10_usize.saturating_sub(label.len()).max(1)).put(PLAIN, text).end();
}

impl OfKind {
    fn name(&self) -> String {
        match &*self.group {
            "" => self.kind.clone(),
            group => format!("{}.{group}", self.kind),
        }
    }
}

fn version(world: &World) -> Option<String> {
    Some(ClusterFacts::of(world)?.version()?.to_owned())
}

/// Returns kinds with objects, and those that were not read. Complete but empty kinds are left out.
fn place(world: &World) -> Place<'_> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for object in world.objects() {
        *counts.entry((object.group().to_owned(), object.kind().to_owned())).or_default() += 1;
    }
    let parts = world.parts();
    let unread = parts.coverage.iter().filter(|(_, coverage)| **coverage == Coverage::Unread);
    for (key, _) in unread {
        counts.entry(key.clone()).or_default();
    }
    let of_kind = |((group, kind), objects): ((String, String), usize)| {
        let coverage = match world.coverage_of(&group, &kind) {
            _ if kinds::CLUSTER.is(&group, &kind) => Coverage::Complete,
            coverage => coverage,
        };
        let gap = (coverage == Coverage::Unread).then(|| world.cause_of(&group, &kind).to_string());
        let coverage = match coverage {
            Coverage::Complete => "complete",
            Coverage::Partial => "partial",
            Coverage::Unread => "unread",
            Coverage::NotServed => "not served",
        };
        OfKind { group, kind, objects, coverage, gap }
    };
    let is_cluster = world.is_live();
    let distribution = is_cluster.then(|| world.distribution());
    Place {
        name: world.name(),
        kind: match world.kind() {
            WorldKind::Files => "files",
            WorldKind::Chart => "chart",
            WorldKind::Kustomization => "kustomization",
            WorldKind::Cluster => "cluster",
        },
        distribution: distribution.map(|d| Distribution {
            name: d.name.word(),
            evidence: d.evidence.clone(),
            version: version(world),
        }),
        objects: world.objects().len(),
        kinds: counts.into_iter().map(of_kind).collect(),
    }
}

#[derive(Serialize)]
struct Diff<'a> {
    changes: Vec<Changed<'a>>,
    uncompared: &'a [String],
    unasked: &'a [String],
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'static str,
    world: &'a str,
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    fields: &'a [String],
}

/// Writes the differences between two snapshots: fields without their values.
///
/// # Errors
/// Writing to `out` fails.
pub fn snapshot_diff(
    comparison: &Comparison,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Comparison { changes, uncompared, unasked } = comparison;
    let words = |what: &What| match what {
        What::Added => ("added", "+", style::GOOD),
        What::Removed => ("removed", "-", style::UNKNOWN),
        What::Changed(_) => ("changed", "~", STRONG),
    };
    if layout == Layout::Json {
        let changes = changes.iter().map(|change| Changed {
            change: words(&change.what).0,
            world: &change.world,
            group: &change.id.group,
            kind: &change.id.kind,
            namespace: &change.id.namespace,
            name: &change.id.name,
            fields: match &change.what {
                What::Changed(fields) => fields,
                What::Added | What::Removed => &[],
            },
        });
        return guard::write(&Diff { changes: changes.collect(), uncompared, unasked }, out);
    }
    let mut page = Page::new(options, out);
    for change in changes {
        let (_, sign, style) = words(&change.what);
        page.put(style, sign).put(PLAIN, " ").put(PLAIN, &label(&change.id)).end();
        if let What::Changed(fields) = &change.what {
            for field in fields {
                page.gap(4).put(DIM, field).end();
            }
        }
        page.flush()?;
    }
    for message in uncompared.iter().chain(unasked) {
        page.put(style::UNKNOWN, "not compared").put(PLAIN, ": ").put(PLAIN, message).end();
    }
    let count = |word: &str| changes.iter().filter(|c| words(&c.what).0 == word).count();
    let [added, removed, changed] = ["added", "removed", "changed"].map(|word| number(count(word)));
    let summary = format!("{added} added, {removed} removed, {changed} changed");
    page.put(STRONG, &summary).end();
    page.flush()
}

fn label(id: &ObjectId) -> String {
    let ObjectId { kind, namespace, name, .. } = id;
    match &**namespace {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}
