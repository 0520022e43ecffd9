//! Reads a given directory: what is walked, rendered, and read as is.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_model::{Note, NoteKind};
use pavisade_snapshot::{Object, WorldKind};
use pavisade_yaml::{self as yaml, Doc, Origin, Renderer, Source};
use rayon::prelude::*;

use crate::chart::{self, Chart};
use crate::complaint::tail;
use crate::document::{self, Parsed};
use crate::elsewhere::Base;
use crate::file::Candidate;
use crate::gathered::{Gathered, several};
use crate::graph::{self, Known};
use crate::helm::{Helm, Rendered};
use crate::kustomize;
use crate::names::{KUSTOMIZATION, Named};
use crate::note::{plain_note, size};
use crate::open::Bytes;
use crate::open::read_bytes;
use crate::reach::{self, Graph, Shares};
use crate::shown::Shown;
use crate::text::decode;
use crate::walk::{self, Walked};
use crate::{Render, Skip};

mod plan;

use plan::Plan;

/// Which part of a directory to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Only {
    Everything,
    /// The kustomization in this file.
    Kustomization(PathBuf),
    /// The chart in the directory.
    Chart,
}

/// Reads a directory.
pub(crate) fn folder(scan: &mut Gathered<'_>, shown: &Shown, only: Only) {
    let given = shown.given();
    scan.progress.stage(&format!("Looking for files in {given}"));
    let mut walked = match &only {
        Only::Kustomization(file) => {
            Walked { files: vec![(file.clone(), Named::Manifest)], ..Walked::default() }
        }
        Only::Everything | Only::Chart => {
            walk::walk(shown, scan.request.limits.files, &scan.request.scope)
        }
    };
    scan.notes.append(&mut walked.notes);
    scan.stats.skip(Skip::Link, walked.links);
    scan.stats.skip(Skip::Excluded, walked.excluded);
    scan.stats.skip(Skip::Hidden, walked.left_out.hidden);
    scan.stats.skip(Skip::Ignored, walked.left_out.ignored);
    let before = (scan.stats.objects, scan.notes.len());
    let boundary = shown.boundary();
    let charts = Charts::find(&walked, shown);
    let files: HashSet<&OsStr> = walked.files.iter().map(|(path, _)| path.as_os_str()).collect();
    let folders = match only {
        Only::Chart => BTreeMap::new(),
        _ => kustomizations(&walked, &charts),
    };
    let linked = walked.linked;
    let known = Known { shown, files: &files, folders: &folders, linked, boundary };
    let mut graph = graph::build(&known);
    scan.notes.append(&mut graph.notes);

    let rendered_charts = render_charts(scan, shown, &charts, boundary);
    let kustomized = render_kustomizations(scan, shown, &graph);

    let mut groups = vec![(given.clone(), WorldKind::Files)];
    let candidates = {
        let mut plan =
            Plan { shown, charts: &charts, rendered: &rendered_charts, groups: &mut groups };
        plan.candidates(scan, &walked, &graph, &kustomized, only == Only::Chart)
    };
    let candidates = within_total(scan, shown, candidates);
    scan.progress.stage(&format!("Reading {} files", candidates.len()));
    let mut objects: Vec<Vec<Object>> = groups.iter().map(|_| Vec::new()).collect();
    scan.read(&candidates, |scan, candidate, more| {
        if let Some(folder) = candidate.path.parent().filter(|_| !more.is_empty()) {
            scan.elsewhere.read(folder);
        }
        objects[candidate.group].extend(more);
    });
    let charts = rendered_charts.iter().filter(|(_, chart)| chart.is_some());
    charts.for_each(|(folder, _)| scan.elsewhere.read(folder));
    let used = kustomized.used.iter().filter_map(|file| file.parent());
    used.for_each(|folder| scan.elsewhere.read(folder));
    let groups = groups.into_iter().zip(objects);
    let mut worlds: Vec<_> = groups.map(|((name, kind), objects)| (name, kind, objects)).collect();
    for (name, texts) in rendered_charts.into_values().flatten() {
        let objects = texts.into_iter().flat_map(|text| scan.take_parsed(text)).collect();
        worlds.push((name, WorldKind::Chart, objects));
    }
    for (name, parsed) in kustomized.rendered {
        let objects = scan.take_parsed(parsed);
        worlds.push((name, WorldKind::Kustomization, objects));
    }
    let base = Base { shown, boundary };
    for object in worlds.iter().flat_map(|(.., objects)| objects) {
        scan.elsewhere.look(object, Some(&base));
    }
    scan.add_all(worlds);
    scan.say_split(&given);
    let (objects, notes) = before;
    let told = scan.notes[notes..].iter().any(|note| note.kind == NoteKind::Unread);
    if objects == scan.stats.objects && !told && scan.unrendered_charts.is_empty() {
        let message = "no Kubernetes objects or Dockerfiles found";
        let remedy = "Check the path. Hidden files and ignored files are skipped.";
        scan.notes.push(plain_note(scan.unrendered(), &given, message, remedy));
    }
}

/// Returns the chart whose template directory contains a path.
pub(crate) fn chart_of_template(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|at| {
        let chart = at.parent().filter(|_| at.file_name().is_some_and(|n| n == "templates"))?;
        chart.join("Chart.yaml").is_file().then(|| chart.to_owned())
    })
}

/// Whether a file with the name of a kustomization is one of kustomize, and not an object of Flux.
pub(crate) fn is_kustomization(file: &Path) -> bool {
    let Ok(Bytes::All(bytes)) = read_bytes(file, 1 << 20) else { return true };
    let documents = yaml::read(&Source::new("", decode(bytes).text));
    let Some(root) = documents.docs.first().map(Doc::root) else { return true };
    let flux = root.str("apiVersion").is_some_and(|version| version.contains(".fluxcd.io/"));
    // kustomize refuses a file of another kind, but kubectl may send it.
    !flux && matches!(root.str("kind"), None | Some("" | "Kustomization" | "Component"))
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("")
}

fn kustomizations(walked: &Walked, charts: &Charts) -> BTreeMap<OsString, PathBuf> {
    let named = walked.files.iter().map(|(path, _)| path);
    let named = named.filter(|path| KUSTOMIZATION.contains(&file_name(path)));
    let named: Vec<_> = named.filter(|path| charts.part(path).is_none()).collect();
    let kept = named.into_par_iter().filter(|path| is_kustomization(path));
    let mut found = BTreeMap::new();
    for file in kept.collect::<Vec<_>>() {
        if let Some(folder) = file.parent() {
            found.entry(folder.as_os_str().to_owned()).or_insert_with(|| file.clone());
        }
    }
    found
}

/// The charts below a directory.
#[derive(Debug, Default)]
struct Charts {
    /// All directories with a `Chart.yaml`.
    folders: HashSet<PathBuf>,
    /// Charts that are not part of another, with the names shown to users, in order.
    roots: Vec<(PathBuf, String)>,
}

/// The role of a file in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A template, a subchart, values: not read as is.
    Inside,
    /// A custom resource definition, which is applied as is.
    Definition,
}

impl Charts {
    fn find(walked: &Walked, shown: &Shown) -> Self {
        let files = walked.files.iter().filter(|(path, _)| file_name(path) == "Chart.yaml");
        let folders: HashSet<PathBuf> =
            files.filter_map(|(path, _)| Some(path.parent()?.to_owned())).collect();
        let mut charts = Self { folders, roots: Vec::new() };
        let roots = charts.folders.iter().filter(|folder| charts.part(folder).is_none());
        let mut roots: Vec<_> = roots
            .map(|folder| {
                let mut name = shown.name(folder);
                if shown.is_archive() && folder == shown.root() {
                    name.push(':');
                }
                (folder.clone(), name)
            })
            .collect();
        roots.sort();
        charts.roots = roots;
        charts
    }

    /// Returns the chart that a path belongs to, and its role.
    fn part(&self, path: &Path) -> Option<(&Path, Part)> {
        if self.folders.is_empty() {
            return None;
        }
        let ancestors = path.ancestors().zip(path.ancestors().skip(1));
        // The outermost chart decides.
        let parts = ancestors.filter_map(|(child, folder)| {
            let folder = self.folders.get(folder)?;
            let itself = child == path;
            match file_name(child) {
                "templates" | "charts" | "files" if !itself || self.folders.contains(folder) => {
                    Some((folder.as_path(), Part::Inside))
                }
                "crds" if !itself => Some((folder.as_path(), Part::Definition)),
                "Chart.yaml" | "Chart.lock" | "requirements.yaml" | "values.schema.json"
                    if itself =>
                {
                    Some((folder.as_path(), Part::Inside))
                }
                name if itself && name.starts_with("values") && name.ends_with("ml") => {
                    Some((folder.as_path(), Part::Inside))
                }
                _ => None,
            }
        });
        parts.last()
    }
}

/// Rendered charts by directory: name and texts of each.
type RenderedCharts = BTreeMap<PathBuf, Option<(String, Vec<Parsed>)>>;

fn render_charts(
    scan: &mut Gathered<'_>,
    shown: &Shown,
    charts: &Charts,
    boundary: &Path,
) -> RenderedCharts {
    let mut rendered = RenderedCharts::new();
    let mut ready = Vec::new();
    for (folder, name) in &charts.roots {
        match chart::read(folder, name, boundary) {
            Ok(chart) if chart.library => {
                rendered.insert(folder.clone(), None);
            }
            Ok(chart) => ready.push(chart),
            Err(note) => {
                scan.stats.charts_unrendered += 1;
                scan.notes.push(note);
            }
        }
    }
    let program = scan.request.tools.helm.as_deref();
    let Some(program) = program.filter(|_| scan.request.render == Render::Auto) else {
        scan.stats.charts_unrendered += ready.len();
        scan.unrendered_charts.extend(ready.into_iter().map(|chart| chart.shown));
        return rendered;
    };
    if ready.is_empty() {
        return rendered;
    }
    scan.progress.stage(&format!("Rendering {} charts", ready.len()));
    scan.progress.expect(ready.len());
    let helm = Helm {
        program,
        programs: &scan.programs,
        kubernetes: scan.request.kubernetes,
        values: &scan.values,
        boundary,
    };
    let progress = scan.progress;
    let render = |chart: &Chart| -> Result<(Vec<Parsed>, Vec<Note>), Note> {
        let made = helm.render(chart);
        progress.file();
        let Rendered { sources, notes } = made?;
        Ok((sources.iter().map(|source| document::parse(source, false)).collect(), notes))
    };
    let results: Vec<_> = ready.par_iter().map(render).collect();
    for (chart, result) in ready.into_iter().zip(results) {
        match result {
            Ok((texts, notes)) => {
                scan.stats.charts_rendered += 1;
                scan.notes.extend(notes);
                rendered.insert(chart.folder, Some((chart.shown, texts)));
            }
            Err(mut note) => {
                scan.stats.charts_unrendered += 1;
                note.message = tail(&shown.in_message(&note.message));
                scan.notes.push(note);
            }
        }
    }
    rendered
}

/// The results for kustomizations.
#[derive(Default)]
struct Kustomized {
    rendered: Vec<(String, Parsed)>,
    /// Files used by rendered kustomizations.
    used: HashSet<PathBuf>,
    /// What is read as is.
    shares: Shares,
}

/// Returns the kustomization file in a directory.
fn kustomization_file(root: &Path) -> Option<PathBuf> {
    let files = KUSTOMIZATION.iter().map(|name| root.join(name));
    files.into_iter().find(|file| file.is_file())
}

fn render_kustomizations(scan: &mut Gathered<'_>, shown: &Shown, graph: &Graph) -> Kustomized {
    let roots = reach::roots(graph);
    let (programs, tools) = (&scan.programs, &scan.request.tools);
    let able = scan.request.render == Render::Auto
        && (tools.kustomize.is_some() || tools.kubectl.is_some());
    let component =
        |root: &Path| graph.nodes.get(root.as_os_str()).is_some_and(|node| node.component);
    let name = |root: &Path| shown.name(root);
    if able && !roots.is_empty() {
        scan.progress.stage(&format!("Rendering {} kustomizations", roots.len()));
        scan.progress.expect(roots.len());
    }
    let progress = scan.progress;
    let results: Vec<_> = roots
        .par_iter()
        .map(|root| {
            let whole = able && !component(root) && !reach::reach(graph, root).incomplete;
            let made = if whole { kustomize::render(programs, tools, root) } else { None };
            let made = made.map(|result| {
                result.map(|text| {
                    let (by, from) = (Renderer::Kustomize, [name(root)].into());
                    let file = kustomization_file(root).map(|file| name(&file).into());
                    let origin = Origin::Rendered { by, from, file };
                    let source = Source::of(name(root), origin, text);
                    document::parse(&source, false)
                })
            });
            if able {
                progress.file();
            }
            made
        })
        .collect();
    let mut kustomized = Kustomized::default();
    let mut rest = Vec::new();
    let mut failed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (root, result) in roots.iter().zip(results) {
        match result {
            Some(Ok(parsed)) => {
                scan.stats.kustomizations_rendered += 1;
                let used = reach::reach(graph, root).files;
                kustomized.used.extend(used.into_iter().map(Path::to_owned));
                kustomized.rendered.push((name(root), parsed));
            }
            Some(Err(why)) => {
                failed.entry(tail(&shown.in_message(&why))).or_default().push(name(root));
                rest.push(*root);
            }
            None => {
                // Incomplete ones have their own notes, and a component is applied by other
                // kustomizations.
                if !able && !component(root) {
                    scan.unrendered_kustomizations.push(name(root));
                }
                rest.push(*root);
            }
        }
    }
    for (why, names) in failed {
        let several = several(&names, "kustomization");
        let message = format!(
            "{several} not rendered, so the files were checked as they are, without patches: {why}"
        );
        let remedy = "Fix the kustomization.";
        scan.notes.push(plain_note(NoteKind::Unread, &names[0], message, remedy));
    }
    scan.stats.kustomizations_unrendered += rest.len();
    kustomized.shares = reach::share(graph, &rest);
    kustomized
}

/// Returns the files up to the total size limit, and reports the rest.
fn within_total(
    scan: &mut Gathered<'_>,
    shown: &Shown,
    mut files: Vec<Candidate>,
) -> Vec<Candidate> {
    let limit = scan.request.limits.total_bytes;
    files.par_iter_mut().with_min_len(64).for_each(|file| {
        file.length = fs::metadata(&file.path).map_or(0, |metadata| metadata.len());
    });
    let mut total = 0_u64;
    let fitting = files.iter().take_while(|file| {
        total = total.saturating_add(file.length);
        total <= limit
    });
    let fitting = fitting.count();
    if fitting < files.len() {
        let message = format!(
            "the files are larger than {} in total; {} of them were not read",
            size(limit),
            files.len() - fitting
        );
        let remedy = "Scan parts of the directory separately.";
        scan.notes.push(plain_note(NoteKind::Unread, &shown.given(), message, remedy));
    }
    files.truncate(fitting);
    files
}
