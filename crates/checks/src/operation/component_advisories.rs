//! Severe vulnerabilities of components that many clusters run, by the versions of their images.
//! Ranges are from the first version to before the second, in which it is fixed.
//!
//! Chosen by hand: what lets a tenant or a neighbour take over the component, and so mostly the
//! cluster. Ranges are those of the Go vulnerability database and of the CVE records.

use pavisade_model::Severity::{self, Critical, High, Medium};

/// The day up to which these components were looked through.
pub(super) const UNTIL: &str = "2026-04-30";

type Number = (u32, u32, u32);

/// A component.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// The ends of its repositories, so that mirrors are found too.
    pub(super) images: &'static [&'static str],
    pub(super) holes: &'static [Hole],
}

/// One vulnerability.
pub(super) struct Hole {
    pub(super) cve: &'static str,
    pub(super) severity: Severity,
    pub(super) affected: &'static [(Number, Number)],
}

const fn hole(
    cve: &'static str,
    severity: Severity,
    affected: &'static [(Number, Number)],
) -> Hole {
    Hole { cve, severity, affected }
}

#[rustfmt::skip]
pub(super) static COMPONENTS: &[Known] = &[
    Known { name: "Argo CD", images: &["argoproj/argocd"], holes: &[
        hole("CVE-2022-24768", High, &[((0, 5, 0), (2, 1, 14)), ((2, 2, 0), (2, 2, 8)), ((2, 3, 0), (2, 3, 2))]),
        hole("CVE-2022-29165", High, &[((1, 4, 0), (2, 1, 15)), ((2, 2, 0), (2, 2, 9)), ((2, 3, 0), (2, 3, 4))]),
        hole("CVE-2023-22482", High, &[((1, 8, 2), (2, 3, 14)), ((2, 4, 0), (2, 4, 20)), ((2, 5, 0), (2, 5, 8))]),
        hole("CVE-2023-40029", High, &[((2, 2, 0), (2, 6, 15)), ((2, 7, 0), (2, 7, 14)), ((2, 8, 0), (2, 8, 3))]),
        hole("CVE-2024-31989", Critical, &[((0, 0, 0), (2, 8, 19)), ((2, 9, 0), (2, 9, 15)), ((2, 10, 0), (2, 10, 10)), ((2, 11, 0), (2, 11, 1))]),
        hole("CVE-2025-55190", Critical, &[((2, 13, 0), (2, 13, 9)), ((2, 14, 0), (2, 14, 16)), ((3, 0, 0), (3, 0, 13)), ((3, 1, 0), (3, 1, 2))]),
    ] },
    Known { name: "Argo Workflows", images: &["argoproj/argocli", "argoproj/argoexec", "argoproj/workflow-controller"], holes: &[
        hole("CVE-2025-66626", High, &[((3, 0, 0), (3, 6, 14)), ((3, 7, 0), (3, 7, 5))]),
    ] },
    Known { name: "Capsule", images: &["projectcapsule/capsule"], holes: &[
        hole("CVE-2025-55205", Critical, &[((0, 0, 0), (0, 10, 4))]),
    ] },
    Known { name: "Chaos Mesh", images: &["chaos-mesh/chaos-mesh"], holes: &[
        hole("CVE-2025-59359", Critical, &[((0, 0, 0), (2, 7, 3))]),
        hole("CVE-2025-59360", Critical, &[((0, 0, 0), (2, 7, 3))]),
        hole("CVE-2025-59361", Critical, &[((0, 0, 0), (2, 7, 3))]),
    ] },
    Known { name: "Cilium", images: &["cilium/cilium"], holes: &[
        hole("CVE-2023-27595", High, &[((1, 13, 0), (1, 13, 1))]),
        hole("CVE-2023-39347", High, &[((0, 0, 0), (1, 12, 14)), ((1, 13, 0), (1, 13, 7)), ((1, 14, 0), (1, 14, 2))]),
    ] },
    Known { name: "Crossplane", images: &["crossplane/crossplane"], holes: &[
        hole("CVE-2023-38495", High, &[((0, 0, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 3))]),
    ] },
    Known { name: "External Secrets", images: &["external-secrets/external-secrets"], holes: &[
        hole("CVE-2024-45041", High, &[((0, 0, 0), (0, 10, 2))]),
    ] },
    Known { name: "Fluent Bit", images: &["fluent/fluent-bit"], holes: &[
        hole("CVE-2024-4323", Critical, &[((2, 0, 7), (2, 2, 3)), ((3, 0, 0), (3, 0, 4))]),
    ] },
    Known { name: "Flux's kustomize-controller", images: &["fluxcd/kustomize-controller"], holes: &[
        hole("CVE-2021-41254", High, &[((0, 0, 0), (0, 15, 0))]),
        hole("CVE-2022-24877", High, &[((0, 0, 0), (0, 24, 0))]),
    ] },
    Known { name: "Grafana", images: &["grafana/grafana"], holes: &[
        hole("CVE-2021-43798", High, &[((8, 0, 0), (8, 0, 7)), ((8, 1, 0), (8, 1, 8)), ((8, 2, 0), (8, 2, 7)), ((8, 3, 0), (8, 3, 1))]),
    ] },
    Known { name: "Kyverno", images: &["kyverno/kyverno"], holes: &[
        hole("CVE-2025-46342", High, &[((0, 0, 0), (1, 13, 5))]),
        hole("CVE-2026-22039", Critical, &[((0, 0, 0), (1, 15, 3)), ((1, 16, 0), (1, 16, 3))]),
    ] },
    Known { name: "NVIDIA's Container Toolkit", images: &["nvidia/k8s/container-toolkit"], holes: &[
        hole("CVE-2024-0132", High, &[((0, 0, 0), (1, 16, 2))]),
        hole("CVE-2025-23266", Critical, &[((0, 0, 0), (1, 17, 8))]),
    ] },
    Known { name: "oauth2-proxy", images: &["oauth2-proxy/oauth2-proxy"], holes: &[
        hole("CVE-2025-54576", High, &[((0, 0, 0), (7, 11, 0))]),
        hole("CVE-2025-64484", High, &[((0, 0, 0), (7, 13, 0))]),
        hole("CVE-2026-34457", High, &[((0, 0, 0), (7, 15, 2))]),
        hole("CVE-2026-40575", High, &[((7, 5, 0), (7, 15, 2))]),
    ] },
    Known { name: "the Azure File CSI driver", images: &["kubernetes-csi/azurefile-csi"], holes: &[
        hole("CVE-2024-3744", Medium, &[((0, 0, 0), (1, 29, 4)), ((1, 30, 0), (1, 30, 1))]),
    ] },
    Known { name: "the Secrets Store CSI driver", images: &["csi-secrets-store/driver"], holes: &[
        hole("CVE-2020-8568", Medium, &[((0, 0, 15), (0, 0, 17))]),
        hole("CVE-2023-2878", Medium, &[((0, 0, 0), (1, 3, 3))]),
    ] },
    Known { name: "Vault", images: &["hashicorp/vault", "library/vault"], holes: &[
        hole("CVE-2020-16250", High, &[((0, 8, 1), (1, 2, 5)), ((1, 3, 0), (1, 3, 8)), ((1, 4, 0), (1, 4, 4)), ((1, 5, 0), (1, 5, 1))]),
        hole("CVE-2022-40186", High, &[((1, 8, 0), (1, 9, 9)), ((1, 10, 0), (1, 10, 6)), ((1, 11, 0), (1, 11, 3))]),
        hole("CVE-2024-2048", High, &[((0, 0, 0), (1, 14, 10)), ((1, 15, 0), (1, 15, 5))]),
    ] },
];
