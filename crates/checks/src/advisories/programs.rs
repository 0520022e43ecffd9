//! Known vulnerabilities of programs with permissions for a whole cluster, by the tags of the
//! projects' own images.

use pavisade_model::Severity;

use super::{Advisory, image};

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
pub(super) static ADVISORIES: [Advisory; 26] = [
    Advisory {
        of: image(INGRESS_NGINX, true), cve: "CVE-2025-1974", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 1))],
        title: "any pod that can reach its webhook can run code in it, with access to all Secrets \
                of the cluster",
    },
    Advisory {
        of: image(ARGO_CD, true), cve: "CVE-2026-42880", severity: Severity::Critical,
        ranges: &[((3, 2, 0), (3, 2, 11)), ((3, 3, 0), (3, 3, 9))],
        title: "anyone who can read an application can read Secrets through the server-side diff",
    },
    Advisory {
        of: image(ARGO_CD, true), cve: "CVE-2025-55190", severity: Severity::Critical,
        ranges: &[
            ((2, 13, 0), (2, 13, 9)), ((2, 14, 0), (2, 14, 16)), ((3, 0, 0), (3, 0, 14)),
            ((3, 1, 0), (3, 1, 2)),
        ],
        title: "a project token can read the credentials of repositories",
    },
    Advisory {
        of: image(ARGO_CD, true), cve: "CVE-2024-31989", severity: Severity::Critical,
        ranges: &[
            ((0, 0, 0), (2, 8, 19)), ((2, 9, 0), (2, 9, 15)), ((2, 10, 0), (2, 10, 10)),
            ((2, 11, 0), (2, 11, 1)),
        ],
        title: "any pod that can reach its Redis can control what it deploys",
    },
    Advisory {
        of: image(ARGO_CD, true), cve: "CVE-2022-24348", severity: Severity::High,
        ranges: &[((0, 0, 0), (2, 1, 9)), ((2, 2, 0), (2, 2, 4))],
        title: "a chart can read files of other applications",
    },
    Advisory {
        of: image(KYVERNO, true), cve: "CVE-2026-41323", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 16, 4)), ((1, 17, 0), (1, 17, 2))],
        title: "a policy can send the token of its ServiceAccount to an attacker's server",
    },
    Advisory {
        of: image(KYVERNO, true), cve: "CVE-2026-22039", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 15, 3)), ((1, 16, 0), (1, 16, 3))],
        title: "a policy in one namespace can act in other namespaces with Kyverno's permissions",
    },
    Advisory {
        of: image(KYVERNO, true), cve: "CVE-2022-47633", severity: Severity::High,
        ranges: &[((1, 8, 3), (1, 8, 5))],
        title: "a registry can serve another image than the one whose signature was verified",
    },
    Advisory {
        of: image(GRAFANA, false), cve: "CVE-2026-27876", severity: Severity::Critical,
        ranges: &[
            ((11, 6, 0), (11, 6, 14)), ((12, 0, 0), (12, 1, 10)), ((12, 2, 0), (12, 2, 8)),
            ((12, 3, 0), (12, 3, 6)), ((12, 4, 0), (12, 4, 2)),
        ],
        title: "SQL expressions can run code, if they are enabled",
    },
    Advisory {
        of: image(GRAFANA, true), cve: "CVE-2022-39328", severity: Severity::Critical,
        ranges: &[((9, 2, 0), (9, 2, 4))],
        title: "under load, a request can be processed as that of another user",
    },
    Advisory {
        of: image(GRAFANA, true), cve: "CVE-2021-43798", severity: Severity::High,
        ranges: &[
            ((8, 0, 0), (8, 0, 7)), ((8, 1, 0), (8, 1, 8)), ((8, 2, 0), (8, 2, 7)),
            ((8, 3, 0), (8, 3, 1)),
        ],
        title: "anyone can read files in its container",
    },
    Advisory {
        of: image(ARGO_CD, true), cve: "CVE-2023-40029", severity: Severity::High,
        ranges: &[((2, 2, 0), (2, 6, 15)), ((2, 7, 0), (2, 7, 14)), ((2, 8, 0), (2, 8, 3))],
        title: "anyone who can read the details of a cluster can read its credentials",
    },
    Advisory {
        of: image(ARGO_CD, false), cve: "CVE-2022-29165", severity: Severity::High,
        ranges: &[((1, 4, 0), (2, 1, 15)), ((2, 2, 0), (2, 2, 9)), ((2, 3, 0), (2, 3, 4))],
        title: "if anonymous access is enabled, anyone is an administrator",
    },
    Advisory {
        of: image(ARGO_WORKFLOWS, true), cve: "CVE-2025-66626", severity: Severity::High,
        ranges: &[((3, 0, 0), (3, 6, 14)), ((3, 7, 0), (3, 7, 5))],
        title: "the archive of an artifact can write and run files outside its directory",
    },
    Advisory {
        of: image(CAPSULE, true), cve: "CVE-2025-55205", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (0, 10, 4))],
        title: "a tenant can take over system namespaces",
    },
    Advisory {
        of: image(CHAOS_MESH, true), cve: "CVE-2025-59359", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (2, 7, 3))],
        title: "any pod that can reach its controller can run commands in any pod",
    },
    Advisory {
        of: image(CILIUM, true), cve: "CVE-2023-39347", severity: Severity::High,
        ranges: &[((0, 0, 0), (1, 12, 14)), ((1, 13, 0), (1, 13, 7)), ((1, 14, 0), (1, 14, 2))],
        title: "anyone who can label a pod can bypass NetworkPolicies",
    },
    Advisory {
        of: image(EXTERNAL_SECRETS, true), cve: "CVE-2024-45041", severity: Severity::High,
        ranges: &[((0, 0, 0), (0, 10, 2))],
        title: "the token of one of its pods can read every Secret",
    },
    Advisory {
        of: image(FLUENT_BIT, true), cve: "CVE-2024-4323", severity: Severity::Critical,
        ranges: &[((2, 0, 7), (2, 2, 3)), ((3, 0, 0), (3, 0, 4))],
        title: "any pod that can reach its HTTP server can corrupt its memory",
    },
    Advisory {
        of: image(KUSTOMIZE_CONTROLLER, true), cve: "CVE-2022-24877", severity: Severity::High,
        ranges: &[((0, 0, 0), (0, 24, 0))],
        title: "a kustomization of a tenant can read files of the controller, including its token",
    },
    Advisory {
        of: image(KYVERNO, true), cve: "CVE-2025-46342", severity: Severity::High,
        ranges: &[((0, 0, 0), (1, 13, 5))],
        title: "rules that select namespaces are skipped if an error hides the labels",
    },
    Advisory {
        of: image(NVIDIA_TOOLKIT, true), cve: "CVE-2025-23266", severity: Severity::Critical,
        ranges: &[((0, 0, 0), (1, 17, 8))],
        title: "an image can run code as root on the node",
    },
    Advisory {
        of: image(OAUTH2_PROXY, false), cve: "CVE-2026-34457", severity: Severity::High,
        ranges: &[((0, 0, 0), (7, 15, 2))],
        title: "behind `auth_request`, with `--ping-user-agent` or `--gcp-healthchecks`, requests \
                with its user agent bypass the login",
    },
    Advisory {
        of: image(OAUTH2_PROXY, false), cve: "CVE-2025-54576", severity: Severity::High,
        ranges: &[((0, 0, 0), (7, 11, 0))],
        title: "if routes are exempt from login, a query can bypass it",
    },
    Advisory {
        of: image(SECRETS_STORE, true), cve: "CVE-2023-2878", severity: Severity::Medium,
        ranges: &[((0, 0, 0), (1, 3, 3))],
        title: "ServiceAccount tokens are written to its log",
    },
    Advisory {
        of: image(VAULT, false), cve: "CVE-2024-2048", severity: Severity::High,
        ranges: &[((0, 0, 0), (1, 14, 10)), ((1, 15, 0), (1, 15, 5))],
        title: "if clients authenticate with certificates, a forged one is accepted",
    },
];
