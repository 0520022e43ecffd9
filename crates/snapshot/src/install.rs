//! What objects have a controller install: a HelmRelease its chart, an Application its path.
//!
//! One table says for each kind where that is written. What is installed is named, not fetched:
//! whether it was read in the same scan is decided by whoever knows the paths (`sources`).
//!
//! Objects that are written out inside another one are objects themselves ([`embedded`]).

use pavisade_yaml::{Kind, Value};

use crate::Object;

mod read;

use read::{
    application, application_set, capi_chart, carvel_app, carvel_package, cluster_resource_set,
    composition, crossplane_object, crossplane_release, fleet_bundle, fleet_chart, fleet_repo,
    flux_kustomization, flux_release, flux_terraform, k3s_chart, ocm_subscription, old_release,
    olm_extension, olm_subscription, sveltos_profile, tfc_module, tfc_workspace,
};

/// Something that an object has installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// In words: ``chart `redis` 18.1.0``, `` path `apps/web` ``.
    pub what: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The folder in a repository that it is; empty for the repository itself. None where it is
    /// not a folder.
    pub path: Option<String>,
}

/// Where something that is installed comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing says so.
    Unknown,
    /// An address: of a repository, a registry, a catalog.
    Address(String),
    /// An object that holds the address, by kind and name.
    Source(String, String),
    /// The object itself holds the content, in a form that is not judged.
    Inside,
}

type Read = fn(Value<'_>) -> Vec<Install>;

/// Group and kind of what installs, and how it says what.
const INSTALLERS: &[(&str, &str, Read)] = &[
    // Flux.
    ("helm.toolkit.fluxcd.io", "HelmRelease", flux_release),
    ("helm.fluxcd.io", "HelmRelease", old_release),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", flux_kustomization),
    ("infra.contrib.fluxcd.io", "Terraform", flux_terraform),
    // Argo CD.
    ("argoproj.io", "Application", application),
    ("argoproj.io", "ApplicationSet", application_set),
    // k3s and RKE2.
    ("helm.cattle.io", "HelmChart", k3s_chart),
    // Rancher Fleet.
    ("fleet.cattle.io", "GitRepo", fleet_repo),
    ("fleet.cattle.io", "Bundle", fleet_bundle),
    ("fleet.cattle.io", "HelmOp", fleet_chart),
    // Crossplane.
    ("helm.crossplane.io", "Release", crossplane_release),
    ("helm.m.crossplane.io", "Release", crossplane_release),
    ("kubernetes.crossplane.io", "Object", crossplane_object),
    ("kubernetes.m.crossplane.io", "Object", crossplane_object),
    ("apiextensions.crossplane.io", "Composition", composition),
    // HCP Terraform.
    ("app.terraform.io", "Workspace", tfc_workspace),
    ("app.terraform.io", "Module", tfc_module),
    // Operator Lifecycle Manager.
    ("operators.coreos.com", "Subscription", olm_subscription),
    ("olm.operatorframework.io", "ClusterExtension", olm_extension),
    // Sveltos, Cluster API, Open Cluster Management, Carvel.
    ("config.projectsveltos.io", "ClusterProfile", sveltos_profile),
    ("config.projectsveltos.io", "Profile", sveltos_profile),
    ("addons.cluster.x-k8s.io", "HelmChartProxy", capi_chart),
    ("addons.cluster.x-k8s.io", "ClusterResourceSet", cluster_resource_set),
    ("apps.open-cluster-management.io", "Subscription", ocm_subscription),
    ("kappctrl.k14s.io", "App", carvel_app),
    ("packaging.carvel.dev", "PackageInstall", carvel_package),
];

/// Group and kind of what holds whole objects, and where.
const HOLDERS: &[(&str, &str, &[&str])] = &[
    ("kubernetes.crossplane.io", "Object", &["spec", "forProvider", "manifest"]),
    ("kubernetes.m.crossplane.io", "Object", &["spec", "forProvider", "manifest"]),
    ("work.open-cluster-management.io", "ManifestWork", &["spec", "workload", "manifests"]),
];

impl Object {
    /// What it has installed that is not in the object itself as objects of their own.
    pub fn installs(&self) -> Vec<Install> {
        let is_it =
            |(group, kind, _): &&(&str, &str, Read)| self.group() == *group && self.kind() == *kind;
        let read = INSTALLERS.iter().find(is_it).map(|(.., read)| read);
        read.map_or_else(Vec::new, |read| read(self.value()))
    }

    /// The address that it holds for others, by its kind and name: a Flux source.
    pub fn source_address(&self) -> Option<String> {
        let address = match (self.group(), self.kind()) {
            ("source.toolkit.fluxcd.io", "GitRepository" | "HelmRepository") => {
                self.at(&["spec", "url"])?.as_str()?.to_owned()
            }
            ("source.toolkit.fluxcd.io", "OCIRepository") => {
                let spec = self.at(&["spec"])?;
                let version = |field| spec.at(&["ref", field]).and_then(Value::as_str);
                let version = match (version("digest"), version("tag").or(version("semver"))) {
                    (Some(digest), _) => format!("@{digest}"),
                    (None, Some(tag)) => format!(":{tag}"),
                    (None, None) => String::new(),
                };
                format!("{}{version}", spec.str("url")?)
            }
            ("source.toolkit.fluxcd.io", "Bucket") => {
                let spec = self.at(&["spec"])?;
                format!("{}/{}", spec.str("endpoint")?, spec.str("bucketName")?)
            }
            _ => return None,
        };
        Some(address)
    }
}

/// Whether objects of a kind hold others as a whole.
pub(crate) fn holds_objects(group: &str, kind: &str) -> bool {
    HOLDERS.iter().any(|(g, k, _)| *g == group && *k == kind)
}

/// The objects that an object holds as a whole: a Crossplane Object its manifest.
pub fn embedded(object: &Object) -> Vec<Object> {
    let holder = HOLDERS.iter().find(|(g, k, _)| *g == object.group() && *k == object.kind());
    let Some(held) = holder.and_then(|(.., path)| object.at(path)) else { return Vec::new() };
    let each: Vec<_> = match held.kind() {
        Kind::Sequence => held.items().collect(),
        _ => vec![held],
    };
    let whole = |value: Value<'_>| {
        let (version, kind) = (value.str("apiVersion")?, value.str("kind")?);
        (!version.is_empty() && !kind.is_empty()).then(|| Object::new(value, version, kind))
    };
    each.into_iter().filter_map(whole).collect()
}

#[cfg(test)]
mod tests;
