//! Known vulnerabilities of Kubernetes' components. Ranges are from the first version to before the
//! second.
//!
//! Made by `cargo xtask advisories-table` from kubernetes-sigs/cve-feed-osv at 9760a2257e52 (Apache-2.0).
//! Corrected after kubernetes/release#1345, kubernetes/kubernetes#104980, kubernetes/kubernetes#112513.
//! Titles are the feed's.

use pavisade_model::Program::{ApiServer, Kubelet};
use pavisade_model::Severity::{Critical, High, Low, Medium};

use super::vulnerable_kubernetes_version::Advisory;

/// The day up to which the feed knows.
pub(super) const UNTIL: &str = "2024-11-18";

#[rustfmt::skip]
pub(super) static ADVISORIES: &[Advisory] = &[
    Advisory { cve: "CVE-2017-1002101", program: ApiServer, windows: false, severity: High, title: "subpath volume mount handling allows arbitrary file access in host filesystem", affected: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2017-1002101", program: Kubelet, windows: false, severity: High, title: "subpath volume mount handling allows arbitrary file access in host filesystem", affected: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2017-1002102", program: Kubelet, windows: false, severity: Medium, title: "atomic writer volume handling allows arbitrary file deletion in host filesystem", affected: &[((1, 3, 0), (1, 7, 14)), ((1, 8, 0), (1, 8, 9)), ((1, 9, 0), (1, 9, 4))] },
    Advisory { cve: "CVE-2018-1002102", program: ApiServer, windows: false, severity: Low, title: "Unvalidated redirect", affected: &[((0, 0, 0), (1, 12, 2))] },
    Advisory { cve: "CVE-2018-1002105", program: ApiServer, windows: false, severity: Critical, title: "proxy request handling in kube-apiserver can leave vulnerable TCP connections", affected: &[((1, 0, 0), (1, 10, 11)), ((1, 11, 0), (1, 11, 5)), ((1, 12, 0), (1, 12, 3))] },
    Advisory { cve: "CVE-2019-1002100", program: ApiServer, windows: false, severity: Medium, title: "json-patch requests can exhaust apiserver resources", affected: &[((1, 0, 0), (1, 11, 8)), ((1, 12, 0), (1, 12, 6)), ((1, 13, 0), (1, 13, 4))] },
    Advisory { cve: "CVE-2019-11245", program: Kubelet, windows: false, severity: Medium, title: "container uid changes to root after first restart or if image is already pulled to the node", affected: &[((1, 13, 6), (1, 13, 7)), ((1, 14, 2), (1, 14, 3))] },
    Advisory { cve: "CVE-2019-11247", program: ApiServer, windows: false, severity: Medium, title: "API server allows access to custom resources via wrong scope", affected: &[((1, 7, 0), (1, 13, 9)), ((1, 14, 0), (1, 14, 5)), ((1, 15, 0), (1, 15, 2))] },
    Advisory { cve: "CVE-2019-11248", program: Kubelet, windows: false, severity: Medium, title: "/debug/pprof exposed on kubelet's healthz port", affected: &[((0, 0, 0), (1, 12, 10)), ((1, 13, 0), (1, 13, 8)), ((1, 14, 0), (1, 14, 4))] },
    Advisory { cve: "CVE-2019-11250", program: ApiServer, windows: false, severity: Medium, title: "Bearer tokens are revealed in logs", affected: &[((0, 0, 0), (1, 16, 0))] },
    Advisory { cve: "CVE-2019-11253", program: ApiServer, windows: false, severity: High, title: "Kubernetes API Server JSON/YAML parsing vulnerable to resource exhaustion attack", affected: &[((1, 0, 0), (1, 13, 12)), ((1, 14, 0), (1, 14, 8)), ((1, 15, 0), (1, 15, 5)), ((1, 16, 0), (1, 16, 2))] },
    Advisory { cve: "CVE-2019-11254", program: ApiServer, windows: false, severity: Medium, title: "kube-apiserver Denial of Service vulnerability from malicious YAML payloads", affected: &[((0, 0, 0), (1, 15, 10)), ((1, 16, 0), (1, 16, 7)), ((1, 17, 0), (1, 17, 3))] },
    Advisory { cve: "CVE-2020-10749", program: Kubelet, windows: false, severity: Medium, title: "Malicious container can reconfigure the host to redirect part or all of the IPv6 traffic of the host to the attacker-controlled container", affected: &[((0, 0, 0), (1, 16, 11)), ((1, 17, 0), (1, 17, 7)), ((1, 18, 0), (1, 18, 4))] },
    Advisory { cve: "CVE-2020-8551", program: Kubelet, windows: false, severity: Medium, title: "Kubelet DoS via API", affected: &[((1, 17, 0), (1, 17, 3)), ((1, 16, 0), (1, 16, 7)), ((1, 15, 0), (1, 15, 10))] },
    Advisory { cve: "CVE-2020-8552", program: ApiServer, windows: false, severity: Medium, title: "apiserver DoS (oom)", affected: &[((1, 17, 0), (1, 17, 3)), ((1, 16, 0), (1, 16, 7)), ((0, 0, 0), (1, 15, 10))] },
    Advisory { cve: "CVE-2020-8557", program: Kubelet, windows: false, severity: Medium, title: "Node disk DOS by writing to container /etc/hosts", affected: &[((0, 0, 0), (1, 16, 13)), ((1, 17, 0), (1, 17, 9)), ((1, 18, 0), (1, 18, 6))] },
    Advisory { cve: "CVE-2020-8558", program: Kubelet, windows: false, severity: Medium, title: "Node setting allows for neighboring hosts to bypass localhost boundary", affected: &[((0, 0, 0), (1, 16, 11)), ((1, 17, 0), (1, 17, 7)), ((1, 18, 0), (1, 18, 4))] },
    Advisory { cve: "CVE-2020-8559", program: ApiServer, windows: false, severity: Medium, title: "Privilege escalation from compromised node to cluster", affected: &[((0, 0, 0), (1, 16, 13)), ((1, 17, 0), (1, 17, 9)), ((1, 18, 0), (1, 18, 6))] },
    Advisory { cve: "CVE-2020-8565", program: ApiServer, windows: false, severity: Medium, title: "Incomplete fix for CVE-2019-11250 allows for token leak in logs when logLevel >= 9", affected: &[((1, 19, 0), (1, 19, 6)), ((1, 18, 0), (1, 18, 14)), ((1, 17, 0), (1, 17, 16))] },
    Advisory { cve: "CVE-2021-25735", program: ApiServer, windows: false, severity: Medium, title: "Validating Admission Webhook does not observe some previous fields", affected: &[((0, 0, 0), (1, 18, 18)), ((1, 19, 0), (1, 19, 10)), ((1, 20, 0), (1, 20, 6))] },
    Advisory { cve: "CVE-2021-25737", program: ApiServer, windows: false, severity: Low, title: "Holes in EndpointSlice Validation Enable Host Network Hijack", affected: &[((1, 16, 0), (1, 18, 19)), ((1, 19, 0), (1, 19, 11)), ((1, 20, 0), (1, 20, 7)), ((1, 21, 0), (1, 21, 1))] },
    Advisory { cve: "CVE-2021-25741", program: Kubelet, windows: false, severity: High, title: "Symlink Exchange Can Allow Host Filesystem Access", affected: &[((0, 0, 0), (1, 19, 15)), ((1, 20, 0), (1, 20, 11)), ((1, 21, 0), (1, 21, 5)), ((1, 22, 0), (1, 22, 2))] },
    Advisory { cve: "CVE-2021-25749", program: Kubelet, windows: true, severity: High, title: "`runAsNonRoot` logic bypass for Windows containers", affected: &[((1, 20, 0), (1, 22, 14)), ((1, 23, 0), (1, 23, 11)), ((1, 24, 0), (1, 24, 5))] },
    Advisory { cve: "CVE-2022-3162", program: ApiServer, windows: false, severity: Medium, title: "Unauthorized read of Custom Resources", affected: &[((0, 0, 0), (1, 22, 16)), ((1, 23, 0), (1, 23, 14)), ((1, 24, 0), (1, 24, 8)), ((1, 25, 0), (1, 25, 4))] },
    Advisory { cve: "CVE-2022-3172", program: ApiServer, windows: false, severity: Medium, title: "Aggregated API server can cause clients to be redirected (SSRF)", affected: &[((1, 25, 0), (1, 25, 1)), ((1, 24, 0), (1, 24, 5)), ((1, 23, 0), (1, 23, 11)), ((1, 22, 0), (1, 22, 14)), ((0, 0, 0), (1, 22, 14))] },
    Advisory { cve: "CVE-2022-3294", program: ApiServer, windows: false, severity: Medium, title: "Node address isn't always verified when proxying", affected: &[((1, 22, 0), (1, 22, 16)), ((1, 23, 0), (1, 23, 14)), ((1, 24, 0), (1, 24, 8)), ((1, 25, 0), (1, 25, 4))] },
    Advisory { cve: "CVE-2023-2431", program: Kubelet, windows: false, severity: Low, title: "Bypass of seccomp profile enforcement", affected: &[((0, 0, 0), (1, 24, 14)), ((1, 25, 0), (1, 25, 10)), ((1, 26, 0), (1, 26, 5)), ((1, 27, 0), (1, 27, 2))] },
    Advisory { cve: "CVE-2023-2727", program: ApiServer, windows: false, severity: Medium, title: "Bypassing policies imposed by the ImagePolicyWebhook and bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", affected: &[((0, 0, 0), (1, 24, 15)), ((1, 25, 0), (1, 25, 11)), ((1, 26, 0), (1, 26, 6)), ((1, 27, 0), (1, 27, 3))] },
    Advisory { cve: "CVE-2023-2728", program: ApiServer, windows: false, severity: Medium, title: "Bypassing policies imposed by the ImagePolicyWebhook and bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", affected: &[((0, 0, 0), (1, 24, 15)), ((1, 25, 0), (1, 25, 11)), ((1, 26, 0), (1, 26, 6)), ((1, 27, 0), (1, 27, 3))] },
    Advisory { cve: "CVE-2023-3676", program: Kubelet, windows: true, severity: High, title: "A security issue was discovered in Kubernetes where a user that can create pods on Windows nodes may be able to escalate to admin privileges on those nodes. Kubernetes clusters are only affected if they include Windows nodes.", affected: &[((1, 28, 0), (1, 28, 1)), ((1, 27, 0), (1, 27, 5)), ((1, 26, 0), (1, 26, 8)), ((1, 25, 0), (1, 25, 13)), ((1, 24, 0), (1, 24, 17))] },
    Advisory { cve: "CVE-2023-3955", program: Kubelet, windows: true, severity: High, title: "A security issue was discovered in Kubernetes where a user that can create pods on Windows nodes may be able to escalate to admin privileges on those nodes. Kubernetes clusters are only affected if they include Windows nodes.", affected: &[((1, 28, 0), (1, 28, 1)), ((1, 27, 0), (1, 27, 5)), ((1, 26, 0), (1, 26, 8)), ((1, 25, 0), (1, 25, 13)), ((1, 24, 0), (1, 24, 17))] },
    Advisory { cve: "CVE-2023-5528", program: Kubelet, windows: true, severity: High, title: "Insufficient input sanitization in in-tree storage plugin leads to privilege escalation on Windows nodes", affected: &[((1, 28, 0), (1, 28, 4)), ((1, 27, 0), (1, 27, 8)), ((1, 26, 0), (1, 26, 11)), ((1, 8, 0), (1, 25, 16))] },
    Advisory { cve: "CVE-2024-3177", program: ApiServer, windows: false, severity: Low, title: "Bypassing mountable secrets policy imposed by the ServiceAccount admission plugin", affected: &[((0, 0, 0), (1, 27, 13)), ((1, 28, 0), (1, 28, 9)), ((1, 29, 0), (1, 29, 4))] },
    Advisory { cve: "CVE-2024-5321", program: Kubelet, windows: true, severity: Medium, title: "Incorrect permissions on Windows containers logs", affected: &[((1, 27, 0), (1, 27, 16)), ((1, 28, 0), (1, 28, 12)), ((1, 29, 0), (1, 29, 7)), ((1, 30, 0), (1, 30, 3))] },
];
