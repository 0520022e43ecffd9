//! Parts of checks: where a control asks for less than a check looks at.
//!
//! A check may look at several settings at once (`hostPID`, `hostIPC` and `hostNetwork`), or at one
//! of several programs. A control names the part that counts: `PV-C002@hostPID`,
//! `PV-O009@kube-scheduler`.

/// Programs: each is a part of every check that judges its settings.
pub const PROGRAMS: [&str; 5] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet"];

/// A part of a check that judges all of its settings always, whatever it found before.
#[derive(Debug)]
pub struct Part {
    /// The check's id.
    pub check: &'static str,
    /// The part's name: mostly a field or a flag.
    pub name: &'static str,
    /// Words one of which is in the field's path or in the message of each of its findings, and in
    /// those of no other part.
    words: &'static [&'static str],
}

const fn part(check: &'static str, name: &'static str, words: &'static [&'static str]) -> Part {
    Part { check, name, words }
}

/// The parts that are known; of a check that has some, all. A finding that is of none of them
/// (flags that cannot be seen) counts for all.
#[rustfmt::skip]
pub const PARTS: &[Part] = &[
    part("PV-C002", "hostPID", &["hostPID"]),
    part("PV-C002", "hostIPC", &["hostIPC"]),
    part("PV-C002", "hostNetwork", &["hostNetwork"]),
    part("PV-I070", "RBAC", &["`RBAC` is not"]),
    part("PV-I070", "Node", &["`Node` is not"]),
    part("PV-I076", "root-ca-file", &["`--root-ca-file`"]),
    part("PV-I076", "service-account-private-key-file", &["`--service-account-private-key-file`"]),
    part("PV-N047", "clients", &["`--auto-tls`", "shows its clients"]),
    part("PV-N047", "peers", &["`--peer-auto-tls`", "shows its peers"]),
    part("PV-N049", "authority", &["`--etcd-cafile`"]),
    part("PV-N049", "certificate", &["`--etcd-certfile`", "`--etcd-keyfile`"]),
    part("PV-O011", "client", &["rotateCertificates", "--rotate-certificates", "client certificate"]),
    part("PV-O011", "server", &[
        "serverTLSBootstrap", "--rotate-server-certificates", "RotateKubeletServerCertificate",
        "serving certificate",
    ]),
    part("PV-O014", "maxage", &["`--audit-log-maxage"]),
    part("PV-O014", "maxbackup", &["`--audit-log-maxbackup"]),
    part("PV-O014", "maxsize", &["`--audit-log-maxsize"]),
    part("PV-O015", "CertificateApproval", &["`CertificateApproval`"]),
    part("PV-O015", "CertificateSigning", &["`CertificateSigning`"]),
    part("PV-O015", "CertificateSubjectRestriction", &["`CertificateSubjectRestriction`"]),
    part("PV-O015", "LimitRanger", &["`LimitRanger`"]),
    part("PV-O015", "MutatingAdmissionWebhook", &["`MutatingAdmissionWebhook`"]),
    part("PV-O015", "NamespaceLifecycle", &["`NamespaceLifecycle`"]),
    part("PV-O015", "PodSecurity", &["`PodSecurity`"]),
    part("PV-O015", "ResourceQuota", &["`ResourceQuota`"]),
    part("PV-O015", "ServiceAccount", &["`ServiceAccount`"]),
    part("PV-O015", "ValidatingAdmissionPolicy", &["`ValidatingAdmissionPolicy`"]),
    part("PV-O015", "ValidatingAdmissionWebhook", &["`ValidatingAdmissionWebhook`"]),
];

/// The parts of a check, by name.
pub fn of(check: &str) -> impl Iterator<Item = &'static Part> + use<'_> {
    PARTS.iter().filter(move |part| part.check == check)
}

/// Whether a finding with this path and message belongs to one of the named parts of a check, or to
/// no known part.
pub fn concerns<'a>(
    check: &str,
    mut names: impl Iterator<Item = &'a str>,
    path: &str,
    message: &str,
) -> bool {
    let told =
        |part: &Part| part.words.iter().any(|word| path.contains(word) || message.contains(word));
    let mut all = of(check).filter(|part| told(part)).peekable();
    if all.peek().is_none() {
        return true;
    }
    let found: Vec<_> = all.map(|part| part.name).collect();
    names.any(|name| found.contains(&name))
}
