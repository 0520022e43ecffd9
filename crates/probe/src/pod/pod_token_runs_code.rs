//! PV-P143.

use pavisade_macros::check;

use super::rights::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Token of a container runs code in other pods
///
/// ## Why
/// Anyone who runs code in the container can create pods or run commands in others, with their
/// ServiceAccounts, Secrets and volumes.
///
/// ## Fix
/// Remove these permissions from the roles of the ServiceAccount, or move the part of the
/// application that needs them to a separate namespace.
#[check(id = "PV-P143", severity = High, scope = World)]
pub(crate) struct PodTokenRunsCode {}

impl PodProbe for PodTokenRunsCode {
    const TECHNIQUES: &'static [&'static str] = &["T1610"];
    const OWASP: &'static str = "K02";

    fn judge(facts: &PodFacts) -> Verdict {
        let wanted = [
            ("create", "", "pods"),
            // Another image replaces the one that runs.
            ("patch", "", "pods"),
            ("update", "", "pods"),
            ("create", "", "pods/exec"),
            ("get", "", "pods/exec"),
            ("create", "", "pods/attach"),
            ("get", "", "pods/attach"),
            ("patch", "", "pods/ephemeralcontainers"),
            ("update", "", "pods/ephemeralcontainers"),
            ("create", "", "nodes/proxy"),
            ("get", "", "nodes/proxy"),
            ("create", "apps", "deployments"),
            ("patch", "apps", "deployments"),
            ("update", "apps", "deployments"),
            ("create", "apps", "daemonsets"),
            ("patch", "apps", "daemonsets"),
            ("update", "apps", "daemonsets"),
            ("create", "apps", "statefulsets"),
            ("patch", "apps", "statefulsets"),
            ("update", "apps", "statefulsets"),
            ("create", "apps", "replicasets"),
            ("patch", "apps", "replicasets"),
            ("update", "apps", "replicasets"),
            ("create", "", "replicationcontrollers"),
            ("patch", "", "replicationcontrollers"),
            ("update", "", "replicationcontrollers"),
            ("create", "batch", "jobs"),
            ("create", "batch", "cronjobs"),
            ("patch", "batch", "cronjobs"),
            ("update", "batch", "cronjobs"),
        ];
        judged(facts, "the token of the container may run code in other pods", &wanted)
    }
}
