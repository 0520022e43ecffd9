//! PV-S010.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use schemars::JsonSchema;
use serde::Deserialize;

use super::release::Release;
use crate::{Check, Claim, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::Image;

/// Programs of the cluster in a version that is known to give it away.
///
/// ## Why
/// Controllers that deploy, admit and route hold rights over the whole cluster. A vulnerability of
/// theirs with a published way to use it needs no other mistake. Only a few such are in the check's
/// table, by the tags of the projects' own images; it replaces no scan of images.
///
/// ## Fix
/// Move to the version that the message names, or a later one.
#[check(id = "PV-S010", severity = High, confidence = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VulnerableComponent {}

type Version = (u32, u32, u32);

/// A vulnerability: from each first version on up to the one that mends it.
struct Flaw {
    images: &'static [&'static str],
    cve: &'static str,
    severity: Severity,
    /// Whether no setting of the program is needed for it.
    always: bool,
    ranges: &'static [(Version, Version)],
    what: &'static str,
}

const ARGO_CD: &[&str] = &["quay.io/argoproj/argocd", "docker.io/argoproj/argocd"];
const ARGO_WORKFLOWS: &[&str] = &[
    "quay.io/argoproj/argocli",
    "quay.io/argoproj/argoexec",
    "quay.io/argoproj/workflow-controller",
];
const CAPSULE: &[&str] = &["ghcr.io/projectcapsule/capsule", "docker.io/projectcapsule/capsule"];
const CHAOS_MESH: &[&str] = &["ghcr.io/chaos-mesh/chaos-mesh"];
const CILIUM: &[&str] = &["quay.io/cilium/cilium", "docker.io/cilium/cilium"];
const EXTERNAL_SECRETS: &[&str] = &[
    "ghcr.io/external-secrets/external-secrets",
    "oci.external-secrets.io/external-secrets/external-secrets",
];
const FLUENT_BIT: &[&str] = &["docker.io/fluent/fluent-bit", "cr.fluentbit.io/fluent/fluent-bit"];
const KUSTOMIZE_CONTROLLER: &[&str] =
    &["ghcr.io/fluxcd/kustomize-controller", "docker.io/fluxcd/kustomize-controller"];
const NVIDIA_TOOLKIT: &[&str] = &["nvcr.io/nvidia/k8s/container-toolkit"];
const OAUTH2_PROXY: &[&str] = &["quay.io/oauth2-proxy/oauth2-proxy"];
const SECRETS_STORE: &[&str] = &["registry.k8s.io/csi-secrets-store/driver"];
const VAULT: &[&str] = &["docker.io/hashicorp/vault", "docker.io/library/vault"];
const GRAFANA: &[&str] = &["docker.io/grafana/grafana", "docker.io/grafana/grafana-oss"];
const INGRESS_NGINX: &[&str] =
    &["registry.k8s.io/ingress-nginx/controller", "k8s.gcr.io/ingress-nginx/controller"];
const KYVERNO: &[&str] =
    &["ghcr.io/kyverno/kyverno", "reg.kyverno.io/kyverno/kyverno", "docker.io/nirmata/kyverno"];

/// The projects' advisories.
#[rustfmt::skip]
static FLAWS: [Flaw; 26] = [
    Flaw {
        images: INGRESS_NGINX, cve: "CVE-2025-1974", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 1))],
        what: "every pod that reaches its webhook runs code in it, with all Secrets of the cluster",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2026-42880", severity: Severity::Critical, always: true,
        ranges: &[((3, 2, 0), (3, 2, 11)), ((3, 3, 0), (3, 3, 9))],
        what: "whoever may read an application reads Secrets through its server-side difference",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2025-55190", severity: Severity::Critical, always: true,
        ranges: &[
            ((2, 13, 0), (2, 13, 9)), ((2, 14, 0), (2, 14, 16)), ((3, 0, 0), (3, 0, 14)),
            ((3, 1, 0), (3, 1, 2)),
        ],
        what: "a project's token reads the credentials of repositories",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2024-31989", severity: Severity::Critical, always: true,
        ranges: &[
            ((0, 0, 0), (2, 8, 19)), ((2, 9, 0), (2, 9, 15)), ((2, 10, 0), (2, 10, 10)),
            ((2, 11, 0), (2, 11, 1)),
        ],
        what: "every pod that reaches its Redis decides what it deploys",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2022-24348", severity: Severity::High, always: true,
        ranges: &[((0, 0, 0), (2, 1, 9)), ((2, 2, 0), (2, 2, 4))],
        what: "a chart reads files of other applications",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2026-41323", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (1, 16, 4)), ((1, 17, 0), (1, 17, 2))],
        what: "a policy sends the token of its ServiceAccount to a server of its author's choice",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2026-22039", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (1, 15, 3)), ((1, 16, 0), (1, 16, 3))],
        what: "a namespace's policy acts in other namespaces with Kyverno's rights",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2022-47633", severity: Severity::High, always: true,
        ranges: &[((1, 8, 3), (1, 8, 5))],
        what: "a registry gives it another image than the one whose signature it verified",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2026-27876", severity: Severity::Critical, always: false,
        ranges: &[
            ((11, 6, 0), (11, 6, 14)), ((12, 0, 0), (12, 1, 10)), ((12, 2, 0), (12, 2, 8)),
            ((12, 3, 0), (12, 3, 6)), ((12, 4, 0), (12, 4, 2)),
        ],
        what: "SQL expressions run code, where they are switched on",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2022-39328", severity: Severity::Critical, always: true,
        ranges: &[((9, 2, 0), (9, 2, 4))],
        what: "under load a request is taken for another user's",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2021-43798", severity: Severity::High, always: true,
        ranges: &[
            ((8, 0, 0), (8, 0, 7)), ((8, 1, 0), (8, 1, 8)), ((8, 2, 0), (8, 2, 7)),
            ((8, 3, 0), (8, 3, 1)),
        ],
        what: "anybody reads files of its container",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2023-40029", severity: Severity::High, always: true,
        ranges: &[((2, 2, 0), (2, 6, 15)), ((2, 7, 0), (2, 7, 14)), ((2, 8, 0), (2, 8, 3))],
        what: "whoever may read a cluster's details reads its credentials",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2022-29165", severity: Severity::High, always: false,
        ranges: &[((1, 4, 0), (2, 1, 15)), ((2, 2, 0), (2, 2, 9)), ((2, 3, 0), (2, 3, 4))],
        what: "where anonymous access is on, anybody is its administrator",
    },
    Flaw {
        images: ARGO_WORKFLOWS, cve: "CVE-2025-66626", severity: Severity::High, always: true,
        ranges: &[((3, 0, 0), (3, 6, 14)), ((3, 7, 0), (3, 7, 5))],
        what: "an artifact's archive writes files outside of its folder, which then run",
    },
    Flaw {
        images: CAPSULE, cve: "CVE-2025-55205", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (0, 10, 4))],
        what: "a tenant makes the system's namespaces its own",
    },
    Flaw {
        images: CHAOS_MESH, cve: "CVE-2025-59359", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (2, 7, 3))],
        what: "every pod that reaches its controller runs commands in any pod",
    },
    Flaw {
        images: CILIUM, cve: "CVE-2023-39347", severity: Severity::High, always: true,
        ranges: &[((0, 0, 0), (1, 12, 14)), ((1, 13, 0), (1, 13, 7)), ((1, 14, 0), (1, 14, 2))],
        what: "whoever may label a pod gets it past network policies",
    },
    Flaw {
        images: EXTERNAL_SECRETS, cve: "CVE-2024-45041", severity: Severity::High, always: true,
        ranges: &[((0, 0, 0), (0, 10, 2))],
        what: "the token of one of its pods reads every Secret",
    },
    Flaw {
        images: FLUENT_BIT, cve: "CVE-2024-4323", severity: Severity::Critical, always: true,
        ranges: &[((2, 0, 7), (2, 2, 3)), ((3, 0, 0), (3, 0, 4))],
        what: "every pod that reaches its HTTP server corrupts its memory",
    },
    Flaw {
        images: KUSTOMIZE_CONTROLLER, cve: "CVE-2022-24877", severity: Severity::High, always: true,
        ranges: &[((0, 0, 0), (0, 24, 0))],
        what: "a tenant's kustomization reads files of the controller, with its token",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2025-46342", severity: Severity::High, always: true,
        ranges: &[((0, 0, 0), (1, 13, 5))],
        what: "rules that select namespaces are not applied where an error hides the labels",
    },
    Flaw {
        images: NVIDIA_TOOLKIT, cve: "CVE-2025-23266", severity: Severity::Critical, always: true,
        ranges: &[((0, 0, 0), (1, 17, 8))],
        what: "an image runs code as root on the node",
    },
    Flaw {
        images: OAUTH2_PROXY, cve: "CVE-2026-34457", severity: Severity::High, always: false,
        ranges: &[((0, 0, 0), (7, 15, 2))],
        what: "behind `auth_request`, where `--ping-user-agent` or `--gcp-healthchecks` is set, \
               its user agent needs no login",
    },
    Flaw {
        images: OAUTH2_PROXY, cve: "CVE-2025-54576", severity: Severity::High, always: false,
        ranges: &[((0, 0, 0), (7, 11, 0))],
        what: "where routes are left out of the login, a query gets past it",
    },
    Flaw {
        images: SECRETS_STORE, cve: "CVE-2023-2878", severity: Severity::Medium, always: true,
        ranges: &[((0, 0, 0), (1, 3, 3))],
        what: "tokens of ServiceAccounts are written into its log",
    },
    Flaw {
        images: VAULT, cve: "CVE-2024-2048", severity: Severity::High, always: false,
        ranges: &[((0, 0, 0), (1, 14, 10)), ((1, 15, 0), (1, 15, 5))],
        what: "where clients log in with certificates, a forged one is taken",
    },
];

impl Check for VulnerableComponent {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let name = match (named.name(), named.image()) {
            (Some(name), _) => name,
            (None, Image::Unclear(why)) if !named.is_built_here() => {
                return Verdict::unknown(named.place(), why);
            }
            (None, _) => return Verdict::NotApplicable,
        };
        let mut flaws = FLAWS.iter().filter(|flaw| flaw.images.contains(&&*name)).peekable();
        if flaws.peek().is_none() {
            return Verdict::NotApplicable;
        }
        let tag = match named.image() {
            Image::Reference(reference) => reference.tag,
            _ => None,
        };
        let version = tag.and_then(Release::read).and_then(|r| r.exact());
        let Some(version) = version else {
            let why = format!("{named} names no exact version, so which one runs is not known");
            return Verdict::unknown(named.place(), why);
        };
        Verdict::from_claims(flaws.filter_map(|flaw| {
            let fixed = flaw.fixed(version)?;
            let message = format!(
                "{named}: {} ({}); mended in {}.{}.{}",
                flaw.what, flaw.cve, fixed.0, fixed.1, fixed.2
            );
            let claim = Claim::fails(named.place(), message).severity(flaw.severity);
            // Its settings may be in files that nobody sees from here.
            let confidence = if flaw.always { Confidence::Medium } else { Confidence::Low };
            Some(claim.instance(flaw.cve).confidence(confidence))
        }))
    }
}

impl Flaw {
    /// The version that mends it, where it is in this one.
    fn fixed(&self, version: Version) -> Option<Version> {
        let within = |(from, fixed): &&(Version, Version)| *from <= version && version < *fixed;
        self.ranges.iter().find(within).map(|(_, fixed)| *fixed)
    }
}
