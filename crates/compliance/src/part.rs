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
    /// The part's name: mostly a field.
    pub name: &'static str,
    /// Words one of which is in the field's path or in the message of each of its findings, and in
    /// those of no other part.
    words: &'static [&'static str],
}

/// The parts that are known. A finding that is of none of them counts for all.
pub const PARTS: [Part; 5] = [
    Part { check: "PV-C002", name: "hostPID", words: &["hostPID"] },
    Part { check: "PV-C002", name: "hostIPC", words: &["hostIPC"] },
    Part { check: "PV-C002", name: "hostNetwork", words: &["hostNetwork"] },
    Part {
        check: "PV-O011",
        name: "client",
        words: &["rotateCertificates", "--rotate-certificates", "client certificate"],
    },
    Part {
        check: "PV-O011",
        name: "server",
        words: &[
            "serverTLSBootstrap",
            "--rotate-server-certificates",
            "RotateKubeletServerCertificate",
            "serving certificate",
        ],
    },
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
