//! Reads what objects of each kind install.

use pavisade_yaml::{Kind, Value};

use super::{Install, Origin};

/// Returns the string at a path. Empty if there is none.
fn text<'v>(value: Value<'v>, path: &[&str]) -> &'v str {
    value.at(path).and_then(Value::as_str).unwrap_or("")
}

fn address(text: &str) -> Origin {
    if text.is_empty() { Origin::Unknown } else { Origin::Address(text.to_owned()) }
}

/// A chart in a chart repository or registry.
fn chart(name: &str, version: &str, origin: Origin) -> Vec<Install> {
    if name.is_empty() {
        return Vec::new();
    }
    let version = if version.is_empty() { String::new() } else { format!(" {version}") };
    vec![Install { what: format!("chart `{name}`{version}"), origin, path: None }]
}

/// A directory of a repository. Templated or pattern parts at its end are dropped.
fn folder(path: &str, origin: Origin) -> Install {
    let path = path.trim_start_matches("./").trim_matches('/');
    let path = if path == "." { "" } else { path };
    let open = ["{{", "*", "${"].into_iter().filter_map(|mark| path.find(mark)).min();
    let fixed = match open {
        Some(at) => path[..at].rfind('/').map_or("", |slash| &path[..slash]),
        None => path,
    };
    let what = match path {
        "" => "the whole repository".to_owned(),
        path => format!("path `{path}`"),
    };
    // If the whole path is a template, nothing is known about it.
    let path = (open.is_none() || !fixed.is_empty()).then(|| fixed.to_owned());
    Install { what, origin, path }
}

fn source(reference: Option<Value<'_>>) -> Origin {
    let Some(reference) = reference else { return Origin::Unknown };
    match (reference.str("kind"), reference.str("name")) {
        (Some(kind), Some(name)) => Origin::Source(kind.to_owned(), name.to_owned()),
        _ => Origin::Unknown,
    }
}

fn inside(what: &str) -> Vec<Install> {
    vec![Install { what: what.to_owned(), origin: Origin::Inside, path: None }]
}

pub(super) fn flux_release(root: Value<'_>) -> Vec<Install> {
    if let Some(reference) = root.at(&["spec", "chartRef"]) {
        let name = reference.str("name").unwrap_or("");
        return chart(name, "", source(Some(reference)));
    }
    let Some(spec) = root.at(&["spec", "chart", "spec"]) else { return Vec::new() };
    let (name, from) = (text(spec, &["chart"]), source(spec.get("sourceRef")));
    match text(spec, &["sourceRef", "kind"]) {
        "GitRepository" | "Bucket" => vec![chart_folder(name, from)],
        _ => chart(name, text(spec, &["version"]), from),
    }
}

/// A chart that is a directory of a repository.
fn chart_folder(path: &str, origin: Origin) -> Install {
    let folder = folder(path, origin);
    Install { what: folder.what.replacen("path", "chart", 1), ..folder }
}

/// HelmRelease of Flux 1.
pub(super) fn old_release(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.at(&["spec", "chart"]) else { return Vec::new() };
    match text(spec, &["git"]) {
        "" => chart(
            text(spec, &["name"]),
            text(spec, &["version"]),
            address(text(spec, &["repository"])),
        ),
        git => vec![chart_folder(text(spec, &["path"]), address(git))],
    }
}

pub(super) fn flux_kustomization(root: Value<'_>) -> Vec<Install> {
    vec![folder(text(root, &["spec", "path"]), source(root.at(&["spec", "sourceRef"])))]
}

pub(super) fn flux_terraform(root: Value<'_>) -> Vec<Install> {
    let from = source(root.at(&["spec", "sourceRef"]));
    vec![terraform(text(root, &["spec", "path"]), from)]
}

/// Terraform code, which is never judged.
fn terraform(what: &str, origin: Origin) -> Install {
    let what = match what.trim_start_matches("./") {
        "" => "Terraform code".to_owned(),
        path => format!("Terraform code `{path}`"),
    };
    Install { what, origin, path: None }
}

pub(super) fn tfc_workspace(root: Value<'_>) -> Vec<Install> {
    let spec = |path: &[&str]| root.at(&["spec"]).map_or("", |spec| text(spec, path));
    vec![terraform(spec(&["workingDirectory"]), address(spec(&["versionControl", "repository"])))]
}

pub(super) fn tfc_module(root: Value<'_>) -> Vec<Install> {
    vec![terraform("", address(text(root, &["spec", "module", "source"])))]
}

pub(super) fn application(root: Value<'_>) -> Vec<Install> {
    root.get("spec").map_or_else(Vec::new, argo_sources)
}

fn argo_sources(spec: Value<'_>) -> Vec<Install> {
    let several = spec.list("sources");
    let hydrated = spec.at(&["sourceHydrator", "drySource"]);
    let each = spec.get("source").into_iter().chain(hydrated).chain(several);
    each.flat_map(argo_source).collect()
}

fn argo_source(source: Value<'_>) -> Vec<Install> {
    let field = |name| source.str(name).unwrap_or("");
    let from = address(field("repoURL"));
    match (field("chart"), source.get("path")) {
        // A `ref` source only provides values for another source.
        ("", None) if source.get("ref").is_some() => Vec::new(),
        ("", _) => vec![folder(field("path"), from)],
        (name, _) => chart(name, field("targetRevision"), from),
    }
}

pub(super) fn application_set(root: Value<'_>) -> Vec<Install> {
    let template = root.at(&["spec", "template", "spec"]);
    let mut installs = template.map_or_else(Vec::new, argo_sources);
    if installs.iter().all(|install| install.path.is_some() || !install.what.starts_with("path")) {
        return installs;
    }
    // The path is that of each directory which a generator finds.
    let generators = root.at(&["spec", "generators"]);
    let git =
        generators.into_iter().flat_map(Value::descendants).filter(|v| v.key() == Some("git"));
    let folders = git.flat_map(|git| {
        let from = address(git.str("repoURL").unwrap_or(""));
        let paths = git.list("directories").chain(git.list("files"));
        let kept = paths.filter(|entry| entry.bool("exclude") != Some(true));
        kept.filter_map(move |entry| Some(folder(entry.str("path")?, from.clone())))
            .collect::<Vec<_>>()
    });
    let folders: Vec<_> = folders.collect();
    if !folders.is_empty() {
        installs.retain(|install| install.path.is_some() || !install.what.starts_with("path"));
        installs.extend(folders);
    }
    installs
}

pub(super) fn k3s_chart(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.get("spec") else { return Vec::new() };
    match text(spec, &["chartContent"]) {
        "" => {
            chart(text(spec, &["chart"]), text(spec, &["version"]), address(text(spec, &["repo"])))
        }
        _ => inside("a packed chart"),
    }
}

pub(super) fn fleet_repo(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.get("spec") else { return Vec::new() };
    let from = || address(text(spec, &["repo"]));
    let paths: Vec<_> = spec.list("paths").filter_map(Value::as_str).collect();
    match paths.is_empty() {
        true => vec![folder("", from())],
        false => paths.into_iter().map(|path| folder(path, from())).collect(),
    }
}

pub(super) fn fleet_bundle(root: Value<'_>) -> Vec<Install> {
    let mut installs = fleet_chart(root);
    if root.at(&["spec", "resources"]).is_some_and(|list| list.items().next().is_some()) {
        installs.extend(inside("files"));
    }
    installs
}

pub(super) fn fleet_chart(root: Value<'_>) -> Vec<Install> {
    let Some(helm) = root.at(&["spec", "helm"]) else { return Vec::new() };
    chart(text(helm, &["chart"]), text(helm, &["version"]), address(text(helm, &["repo"])))
}

pub(super) fn crossplane_release(root: Value<'_>) -> Vec<Install> {
    let Some(of) = root.at(&["spec", "forProvider", "chart"]) else { return Vec::new() };
    let (name, url) = (text(of, &["name"]), text(of, &["url"]));
    if name.is_empty() {
        return chart(url, text(of, &["version"]), Origin::Unknown);
    }
    chart(name, text(of, &["version"]), address(text(of, &["repository"])))
}

pub(super) fn crossplane_object(root: Value<'_>) -> Vec<Install> {
    let Some(manifest) = root.at(&["spec", "forProvider", "manifest"]) else { return Vec::new() };
    let typed = |field| manifest.str(field).is_some_and(|text| !text.is_empty());
    // Complete objects are judged as embedded objects.
    if typed("apiVersion") && typed("kind") {
        Vec::new()
    } else {
        inside("a manifest without a type")
    }
}

/// Templates of other objects, completed by patches.
pub(super) fn composition(root: Value<'_>) -> Vec<Install> {
    let direct = root.at(&["spec"]).into_iter().flat_map(|spec| spec.list("resources"));
    let steps = root.at(&["spec"]).into_iter().flat_map(|spec| spec.list("pipeline"));
    let of_steps = steps.filter_map(|step| step.get("input")).flat_map(|i| i.list("resources"));
    let bases = direct.chain(of_steps).filter_map(|resource| resource.get("base"));
    let mut kinds: Vec<_> = bases.filter_map(|base| base.str("kind")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let template =
        |kind| Install { what: format!("template of {kind}"), origin: Origin::Unknown, path: None };
    kinds.into_iter().map(template).collect()
}

pub(super) fn olm_subscription(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.get("spec") else { return Vec::new() };
    operator(text(spec, &["name"]), text(spec, &["channel"]), text(spec, &["source"]))
}

pub(super) fn olm_extension(root: Value<'_>) -> Vec<Install> {
    let Some(catalog) = root.at(&["spec", "source", "catalog"]) else { return Vec::new() };
    operator(text(catalog, &["packageName"]), text(catalog, &["version"]), "")
}

fn operator(name: &str, version: &str, catalog: &str) -> Vec<Install> {
    if name.is_empty() {
        return Vec::new();
    }
    let version = if version.is_empty() { String::new() } else { format!(" ({version})") };
    let origin = match catalog {
        "" => Origin::Unknown,
        catalog => Origin::Source("CatalogSource".to_owned(), catalog.to_owned()),
    };
    vec![Install { what: format!("operator `{name}`{version}"), origin, path: None }]
}

pub(super) fn ocm_subscription(root: Value<'_>) -> Vec<Install> {
    match text(root, &["spec", "channel"]) {
        "" => Vec::new(),
        channel => vec![Install {
            what: "the content of a channel".to_owned(),
            origin: Origin::Source("Channel".to_owned(), channel.to_owned()),
            path: None,
        }],
    }
}

pub(super) fn sveltos_profile(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.get("spec") else { return Vec::new() };
    let charts = spec.list("helmCharts").flat_map(|of| {
        let from = address(text(of, &["repositoryURL"]));
        chart(text(of, &["chartName"]), text(of, &["chartVersion"]), from)
    });
    let kustomizations =
        spec.list("kustomizationRefs").map(|of| folder(text(of, &["path"]), source(Some(of))));
    let manifests = spec.list("policyRefs").filter_map(held);
    charts.chain(kustomizations).chain(manifests).collect()
}

pub(super) fn cluster_resource_set(root: Value<'_>) -> Vec<Install> {
    let resources = root.at(&["spec", "resources"]);
    resources.into_iter().flat_map(Value::items).filter_map(held).collect()
}

/// Manifests as text in a ConfigMap or Secret.
fn held(reference: Value<'_>) -> Option<Install> {
    let (kind, name) = (reference.str("kind")?, reference.str("name")?);
    let what = format!("manifests in {kind} `{name}`");
    Some(Install { what, origin: Origin::Unknown, path: None })
}

pub(super) fn capi_chart(root: Value<'_>) -> Vec<Install> {
    let Some(spec) = root.get("spec") else { return Vec::new() };
    let from = address(text(spec, &["repoURL"]));
    chart(text(spec, &["chartName"]), text(spec, &["version"]), from)
}

pub(super) fn carvel_app(root: Value<'_>) -> Vec<Install> {
    let fetch = root.at(&["spec", "fetch"]).into_iter().flat_map(Value::items);
    fetch.flat_map(fetched).collect()
}

fn fetched(from: Value<'_>) -> Vec<Install> {
    let Some(of) = from.entries().map(|(_, of)| of).find(|of| of.kind() == Kind::Mapping) else {
        return Vec::new();
    };
    let image = |what: &str| Install {
        what: format!("{what} `{}`", text(of, &["image"])),
        origin: Origin::Unknown,
        path: None,
    };
    match of.key() {
        Some("git") => vec![folder(text(of, &["subPath"]), address(text(of, &["url"])))],
        Some("helmChart") => {
            let repository = address(text(of, &["repository", "url"]));
            chart(text(of, &["name"]), text(of, &["version"]), repository)
        }
        Some("inline") => inside("files"),
        Some("imgpkgBundle") => vec![image("bundle")],
        Some("image") => vec![Install { origin: address(text(of, &["url"])), ..image("image") }],
        _ => vec![Install {
            what: "files".to_owned(),
            origin: address(text(of, &["url"])),
            path: None,
        }],
    }
}

pub(super) fn carvel_package(root: Value<'_>) -> Vec<Install> {
    match text(root, &["spec", "packageRef", "refName"]) {
        "" => Vec::new(),
        name => {
            vec![Install { what: format!("package `{name}`"), origin: Origin::Unknown, path: None }]
        }
    }
}
