//! PV-S010.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::release::Release;
use crate::image::Image;
use crate::{Check, Claim, Cx, NamedImage, OnImage, Verdict};

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
    ranges: &'static [(Version, Version)],
    what: &'static str,
}

const ARGO_CD: &[&str] = &["quay.io/argoproj/argocd", "docker.io/argoproj/argocd"];
const GRAFANA: &[&str] = &["docker.io/grafana/grafana", "docker.io/grafana/grafana-oss"];
const INGRESS_NGINX: &[&str] =
    &["registry.k8s.io/ingress-nginx/controller", "k8s.gcr.io/ingress-nginx/controller"];
const KYVERNO: &[&str] =
    &["ghcr.io/kyverno/kyverno", "reg.kyverno.io/kyverno/kyverno", "docker.io/nirmata/kyverno"];

/// The projects' advisories.
#[rustfmt::skip]
static FLAWS: [Flaw; 11] = [
    Flaw {
        images: INGRESS_NGINX, cve: "CVE-2025-1974", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 1))],
        what: "every pod that reaches its webhook runs code in it, with all Secrets of the cluster",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2026-42880", severity: Severity::Critical,
        ranges: &[((3, 2, 0), (3, 2, 11)), ((3, 3, 0), (3, 3, 9))],
        what: "whoever may read an application reads Secrets through its server-side difference",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2025-55190", severity: Severity::Critical,
        ranges: &[
            ((2, 13, 0), (2, 13, 9)), ((2, 14, 0), (2, 14, 16)), ((3, 0, 0), (3, 0, 14)),
            ((3, 1, 0), (3, 1, 2)),
        ],
        what: "a project's token reads the credentials of repositories",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2024-31989", severity: Severity::Critical,
        ranges: &[
            ((0, 0, 0), (2, 8, 19)), ((2, 9, 0), (2, 9, 15)), ((2, 10, 0), (2, 10, 10)),
            ((2, 11, 0), (2, 11, 1)),
        ],
        what: "every pod that reaches its Redis decides what it deploys",
    },
    Flaw {
        images: ARGO_CD, cve: "CVE-2022-24348", severity: Severity::High,
        ranges: &[((0, 0, 0), (2, 1, 9)), ((2, 2, 0), (2, 2, 4))],
        what: "a chart reads files of other applications",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2026-41323", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 16, 4)), ((1, 17, 0), (1, 17, 2))],
        what: "a policy sends the token of its ServiceAccount to a server of its author's choice",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2026-22039", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 15, 3)), ((1, 16, 0), (1, 16, 3))],
        what: "a namespace's policy acts in other namespaces with Kyverno's rights",
    },
    Flaw {
        images: KYVERNO, cve: "CVE-2022-47633", severity: Severity::High,
        ranges: &[((1, 8, 3), (1, 8, 5))],
        what: "a registry gives it another image than the one whose signature it verified",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2026-27876", severity: Severity::Critical,
        ranges: &[
            ((11, 6, 0), (11, 6, 14)), ((12, 0, 0), (12, 1, 10)), ((12, 2, 0), (12, 2, 8)),
            ((12, 3, 0), (12, 3, 6)), ((12, 4, 0), (12, 4, 2)),
        ],
        what: "SQL expressions run code, where they are switched on",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2022-39328", severity: Severity::Critical,
        ranges: &[((9, 2, 0), (9, 2, 4))],
        what: "under load a request is taken for another user's",
    },
    Flaw {
        images: GRAFANA, cve: "CVE-2021-43798", severity: Severity::High,
        ranges: &[
            ((8, 0, 0), (8, 0, 7)), ((8, 1, 0), (8, 1, 8)), ((8, 2, 0), (8, 2, 7)),
            ((8, 3, 0), (8, 3, 1)),
        ],
        what: "anybody reads files of its container",
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
            Some(claim.instance(flaw.cve))
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
