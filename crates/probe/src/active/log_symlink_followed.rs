//! PV-P161.

use pavisade_macros::check;

use super::running::Running;
use crate::probe::Kind;
use crate::{Described, Registered};

/// Identity can read files of nodes through a link in `/var/log`
///
/// ## Why
/// A pod that may write to `/var/log` of its node replaces its log by a symbolic link. The kubelet
/// follows it as root, and `kubectl logs` shows any file of the node. The link of the probe leads to
/// its own file, in the directory of the logs of a canary pod, which is all that it can write to.
///
/// ## Fix
/// Enforce the Pod Security level `baseline` in every namespace, also in new ones, and do not permit
/// `hostPath` for `/var/log`, except read-only and in namespaces of log collectors.
#[check(id = "PV-P161", severity = High, scope = World)]
pub(crate) struct LogSymlinkFollowed {}

/// Registers it. How it works is in `running_pods.rs`.
pub(crate) const fn registered() -> Registered {
    Registered {
        meta: const { &<LogSymlinkFollowed as Described>::META },
        techniques: &["T1611"],
        owasp: "K01",
        kind: Kind::Running(Running::Link),
    }
}
