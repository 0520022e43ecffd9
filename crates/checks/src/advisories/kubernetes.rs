//! Known vulnerabilities of Kubernetes' components. Ranges are from the first version to before the
//! second.
//!
//! Made by `cargo xtask advisories-table` from kubernetes-sigs/cve-feed-osv at 9760a2257e52 (Apache-2.0).
//! Corrected after kubernetes/release#1345, kubernetes/kubernetes#104980, kubernetes/kubernetes#112513.
//! Titles are the feed's.

use pavisade_model::Program::{ApiServer, Kubelet};
use pavisade_model::Severity::{Critical, High, Low, Medium};

use super::{Advisory, component};

/// The day up to which the feed knows.
pub(crate) const UNTIL: &str = "2024-11-18";

#[rustfmt::skip]
pub(super) static ADVISORIES: &[Advisory] = &[
    Advisory { cve: "CVE-2017-1002101", of: component(ApiServer, false), severity: High, title: "subpath volume mount handling allows arbitrary file access in host filesystem", ranges: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2017-1002101", of: component(Kubelet, false), severity: High, title: "subpath volume mount handling allows arbitrary file access in host filesystem", ranges: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2017-1002102", of: component(Kubelet, false), severity: Medium, title: "atomic writer volume handling allows arbitrary file deletion in host filesystem", ranges: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2018-1002102", of: component(ApiServer, false), severity: Low, title: "Unvalidated redirect", ranges: &[((0, 0, 0), (1, 12, 2))] },
    Advisory { cve: "CVE-2018-1002105", of: component(ApiServer, false), severity: Critical, title: "proxy request handling in kube-apiserver can leave vulnerable TCP connections", ranges: &[((1, 0, 0), (1, 10, 11)), ((1, 11, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 3))] },
    Advisory { cve: "CVE-2019-1002100", of: component(ApiServer, false), severity: Medium, title: "json-patch requests can exhaust apiserver resources", ranges: &[((1, 0, 0), (1, 11, 8)), ((1, 12, 0), (1, 12, 6)), ((1, 13, 0), (1, 13, 4))] },
    Advisory { cve: "CVE-2019-11245", of: component(Kubelet, false), severity: Medium, title: "container uid changes to root after first restart or if image is already pulled to the node", ranges: &[((1, 13, 6), (1, 13, 7)), ((1, 14, 2), (1, 14, 3))] },
    Advisory { cve: "CVE-2019-11247", of: component(ApiServer, false), severity: Medium, title: "API server allows access to custom resources via wrong scope", ranges: &[((1, 7, 0), (1, 13, 9)), ((1, 14, 0), (1, 14, 5)), ((1, 15, 0), (1, 15, 2))] },
    Advisory { cve: "CVE-2019-11248", of: component(Kubelet, false), severity: Medium, title: "/debug/pprof exposed on kubelet's healthz port", ranges: &[((0, 0, 0), (1, 12, 10)), ((1, 13, 0), (1, 13, 8)), ((1, 14, 0), (1, 14, 4))] },
    Advisory { cve: "CVE-2019-11250", of: component(ApiServer, false), severity: Medium, title: "Bearer tokens are revealed in logs", ranges: &[((0, 0, 0), (1, 16, 0))] },
    Advisory { cve: "CVE-2019-11253", of: component(ApiServer, false), severity: High, title: "Kubernetes API Server JSON/YAML parsing vulnerable to resource exhaustion attack", ranges: &[((1, 0, 0), (1, 13, 12)), ((1, 14, 0), (1, 14, 8)), ((1, 15, 0), (1, 15, 5)), ((1, 16, 0), (1, 16, 2))] },
    Advisory { cve: "CVE-2019-11254", of: component(ApiServer, false), severity: Medium, title: "kube-apiserver Denial of Service vulnerability from malicious YAML payloads", ranges: &[((0, 0, 0), (1, 15, 10)), ((1, 16, 0), (1, 16, 7)), ((1, 17, 0), (1, 17, 3))] },
    Advisory { cve: "CVE-2020-10749", of: component(Kubelet, false), severity: Medium, title: "Malicious container can reconfigure the host to redirect part or all of the IPv6 traffic of the host to the attacker-controlled container", ranges: &[((0, 0, 0), (1, 16, 11)), ((1, 17, 0), (1, 17, 7)), ((1, 18, 0), (1, 18, 4))] },
    Advisory { cve: "CVE-2020-8551", of: component(Kubelet, false), severity: Medium, title: "Kubelet DoS via API", ranges: &[((1, 17, 0), (1, 17, 3)), ((1, 16, 0), (1, 16, 7)), ((1, 15, 0), (1, 15, 10))] },
    Advisory { cve: "CVE-2020-8552", of: component(ApiServer, false), severity: Medium, title: "apiserver DoS (oom)", ranges: &[((1, 17, 0), (1, 17, 3)), ((1, 16, 0), (1, 16, 7)), ((0, 0, 0), (1, 15, 10))] },
    Advisory { cve: "CVE-2020-8557", of: component(Kubelet, false), severity: Medium, title: "Node disk DOS by writing to container /etc/hosts", ranges: &[((0, 0, 0), (1, 16, 13)), ((1, 17, 0), (1, 17, 9)), ((1, 18, 0), (1, 18, 6))] },
    Advisory { cve: "CVE-2020-8558", of: component(Kubelet, false), severity: Medium, title: "Node setting allows for neighboring hosts to bypass localhost boundary", ranges: &[((0, 0, 0), (1, 16, 11)), ((1, 17, 0), (1, 17, 7)), ((1, 18, 0), (1, 18, 4))] },
    Advisory { cve: "CVE-2020-8559", of: component(ApiServer, false), severity: Medium, title: "Privilege escalation from compromised node to cluster", ranges: &[((0, 0, 0), (1, 16, 13)), ((1, 17, 0), (1, 17, 9)), ((1, 18, 0), (1, 18, 6))] },
    Advisory { cve: "CVE-2020-8565", of: component(ApiServer, false), severity: Medium, title: "Incomplete fix for CVE-2019-11250 allows for token leak in logs when logLevel >= 9", ranges: &[((1, 19, 0), (1, 19, 6)), ((1, 18, 0), (1, 18, 14)), ((1, 17, 0), (1, 17, 16))] },
    Advisory { cve: "CVE-2021-25735", of: component(ApiServer, false), severity: Medium, title: "Validating Admission Webhook does not observe some previous fields", ranges: &[((0, 0, 0), (1, 18, 18)), ((1, 19, 0), (1, 19, 10)), ((1, 20, 0), (1, 20, 6))] },
    Advisory { cve: "CVE-2021-25737", of: component(ApiServer, false), severity: Low, title: "Holes in EndpointSlice Validation Enable Host Network Hijack", ranges: &[((1, 16, 0), (1, 18, 19)), ((1, 19, 0), (1, 19, 11)), ((1, 20, 0), (1, 20, 7)), ((1, 21, 0), (1, 21, 1))] },
    Advisory { cve: "CVE-2021-25741", of: component(Kubelet, false), severity: High, title: "Symlink Exchange Can Allow Host Filesystem Access", ranges: &[((0, 0, 0), (1, 19, 15)), ((1, 20, 0), (1, 20, 11)), ((1, 21, 0), (1, 21, 5)), ((1, 22, 0), (1, 22, 2))] },
    Advisory { cve: "CVE-2021-25749", of: component(Kubelet, true), severity: High, title: "`runAsNonRoot` logic bypass for Windows containers", ranges: &[((1, 20, 0), (1, 22, 14)), ((1, 23, 0), (1, 23, 11)), ((1, 24, 0), (1, 24, 5))] },
    Advisory { cve: "CVE-2022-3162", of: component(ApiServer, false), severity: Medium, title: "Unauthorized read of Custom Resources", ranges: &[((0, 0, 0), (1, 22, 16)), ((1, 23, 0), (1, 23, 14)), ((1, 24, 0), (1, 24, 8)), ((1, 25, 0), (1, 25, 4))] },
    Advisory { cve: "CVE-2022-3172", of: component(ApiServer, false), severity: Medium, title: "Aggregated API server can cause clients to be redirected (SSRF)", ranges: &[((1, 25, 0), (1, 25, 1)), ((1, 24, 0), (1, 24, 5)), ((1, 23, 0), (1, 23, 11)), ((1, 22, 0), (1, 22, 14)), ((0, 0, 0), (1, 22, 14))] },
    Advisory { cve: "CVE-2022-3294", of: component(ApiServer, false), severity: Medium, title: "Node address isn't always verified when proxying", ranges: &[((1, 22, 0), (1, 22, 16)), ((1, 23, 0), (1, 23, 14)), ((1, 24, 0), (1, 24, 8)), ((1, 25, 0), (1, 25, 4))] },
    Advisory { cve: "CVE-2023-2431", of: component(Kubelet, false), severity: Low, title: "Bypass of seccomp profile enforcement", ranges: &[((0, 0, 0), (1, 24, 14)), ((1, 25, 0), (1, 25, 10)), ((1, 26, 0), (1, 26, 5)), ((1, 27, 0), (1, 27, 2))] },
    Advisory { cve: "CVE-2023-2727", of: component(ApiServer, false), severity: Medium, title: "Bypassing policies imposed by the ImagePolicyWebhook and bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", ranges: &[((0, 0, 0), (1, 24, 15)), ((1, 25, 0), (1, 25, 11)), ((1, 26, 0), (1, 26, 6)), ((1, 27, 0), (1, 27, 3))] },
    Advisory { cve: "CVE-2023-2728", of: component(ApiServer, false), severity: Medium, title: "Bypassing policies imposed by the ImagePolicyWebhook and bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", ranges: &[((0, 0, 0), (1, 24, 15)), ((1, 25, 0), (1, 25, 11)), ((1, 26, 0), (1, 26, 6)), ((1, 27, 0), (1, 27, 3))] },
    Advisory { cve: "CVE-2023-3676", of: component(Kubelet, true), severity: High, title: "A security issue was discovered in Kubernetes where a user that can create pods on Windows nodes may be able to escalate to admin privileges on those nodes. Kubernetes clusters are only affected if they include Windows nodes.", ranges: &[((1, 28, 0), (1, 28, 1)), ((1, 27, 0), (1, 27, 5)), ((1, 26, 0), (1, 26, 8)), ((1, 25, 0), (1, 25, 13)), ((1, 24, 0), (1, 24, 17))] },
    Advisory { cve: "CVE-2023-3955", of: component(Kubelet, true), severity: High, title: "A security issue was discovered in Kubernetes where a user that can create pods on Windows nodes may be able to escalate to admin privileges on those nodes. Kubernetes clusters are only affected if they include Windows nodes.", ranges: &[((1, 28, 0), (1, 28, 1)), ((1, 27, 0), (1, 27, 5)), ((1, 26, 0), (1, 26, 8)), ((1, 25, 0), (1, 25, 13)), ((1, 24, 0), (1, 24, 17))] },
    Advisory { cve: "CVE-2023-5528", of: component(Kubelet, true), severity: High, title: "Insufficient input sanitization in in-tree storage plugin leads to privilege escalation on Windows nodes", ranges: &[((1, 28, 0), (1, 28, 4)), ((1, 27, 0), (1, 27, 8)), ((1, 26, 0), (1, 26, 11)), ((1, 8, 0), (1, 25, 16))] },
    Advisory { cve: "CVE-2024-3177", of: component(ApiServer, false), severity: Low, title: "Bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", ranges: &[((0, 0, 0), (1, 27, 13)), ((1, 28, 0), (1, 28, 9)), ((1, 29, 0), (1, 29, 4))] },
    Advisory { cve: "CVE-2024-5321", of: component(Kubelet, true), severity: Medium, title: "Incorrect permissions on Windows containers logs", ranges: &[((1, 27, 0), (1, 27, 16)), ((1, 28, 0), (1, 28, 12)), ((1, 29, 0), (1, 29, 7)), ((1, 30, 0), (1, 30, 3))] },
];
