//! What objects instruct a controller to install: the chart of a HelmRelease, the path of an
//! Application.
//!
//! A table defines where each kind specifies this. The content is identified, not fetched. Whether
//! it was read in the same scan is determined by `sources`, which knows the paths.
//!
//! Objects that are embedded in another one are treated as objects ([`embedded`]).

use pavisade_yaml::{Kind, Value};

use crate::Object;

mod read;

use read::{
    application, application_set, capi_chart, carvel_app, carvel_package, cluster_resource_set,
    composition, crossplane_object, crossplane_release, fleet_bundle, fleet_chart, fleet_repo,
    flux_kustomization, flux_release, flux_terraform, k3s_chart, ocm_subscription, old_release,
    olm_extension, olm_subscription, sveltos_profile, tfc_module, tfc_workspace,
};

/// Something that an object instructs a controller to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// The description: ``chart `redis` 18.1.0``, `` path `apps/web` ``.
    pub what: String,
    /// The origin.
    pub origin: Origin,
    /// The directory in a repository. Empty for the repository's root, `None` if it is not a
    /// directory.
    pub path: Option<String>,
}

/// The origin of installed content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Not specified.
    Unknown,
    /// An address of a repository, a registry or a catalog.
    Address(String),
    /// An object with the address, by kind and name.
    Source(String, String),
    /// The object itself contains the content, in a form that is not judged.
    Inside,
}

type Read = fn(Value<'_>) -> Vec<Install>;

/// Installing kinds by group and name, with the functions that read them.
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

/// Kinds that embed whole objects, by group and name, and the path of the objects.
const HOLDERS: &[(&str, &str, &[&str])] = &[
    ("kubernetes.crossplane.io", "Object", &["spec", "forProvider", "manifest"]),
    ("kubernetes.m.crossplane.io", "Object", &["spec", "forProvider", "manifest"]),
    ("work.open-cluster-management.io", "ManifestWork", &["spec", "workload", "manifests"]),
];

impl Object {
    /// Returns what the object installs, without objects embedded in it.
    pub fn installs(&self) -> Vec<Install> {
        let is_it =
            |(group, kind, _): &&(&str, &str, Read)| self.group() == *group && self.kind() == *kind;
        let read = INSTALLERS.iter().find(is_it).map(|(.., read)| read);
        read.map_or_else(Vec::new, |read| read(self.value()))
    }

    /// Returns the address that a Flux source provides to other objects.
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

/// Whether objects of a kind embed whole objects.
pub(crate) fn holds_objects(group: &str, kind: &str) -> bool {
    HOLDERS.iter().any(|(g, k, _)| *g == group && *k == kind)
}

/// Returns the objects embedded in an object: the manifest of a Crossplane Object.
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
