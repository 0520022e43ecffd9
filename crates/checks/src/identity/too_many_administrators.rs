//! PV-I046.

use std::collections::BTreeSet;

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_rbac::Subject;
use pavisade_snapshot::{Coverage, World};
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use crate::{Check, Claim, Cx, OnWorld, Place, Verdict};

/// Too many cluster-admin subjects
///
/// ## Why
/// Each of them is a way to take over the cluster, and the more there are, the harder it is to
/// notice one that is not intended.
///
/// ## Fix
/// Give programs a role with only the permissions that they use, and people one group whose
/// membership expires.
#[check(
    id = "PV-I046",
    severity = Low,
    audience = Strict,
    scope = World,
    on = [CLUSTER_ROLE_BINDING]
)]
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TooManyAdministrators {
    /// The maximum number of users, groups and ServiceAccounts with cluster-admin, not counting the
    /// default bindings of Kubernetes.
    most: usize,
}

impl Default for TooManyAdministrators {
    fn default() -> Self {
        Self { most: 5 }
    }
}

impl Check for TooManyAdministrators {
    type On = OnWorld;

    fn check<'a>(&self, _: &'a World, cx: &Cx<'a>) -> Verdict<'a> {
        let listing = cx.list(kinds::CLUSTER_ROLE_BINDING);
        let bound = listing.objects.iter().filter_map(|binding| Bound::read(binding));
        let bound =
            bound.filter(|bound| (bound.kind, bound.name) == ("ClusterRole", "cluster-admin"));
        let own = |subject: &Subject| {
            matches!(subject, Subject::Group(name)
                if name == "system:masters" || name == "kubeadm:cluster-admins")
        };
        let subjects = bound.flat_map(|bound| bound.subjects).map(|(_, subject)| subject);
        let subjects: BTreeSet<_> =
            subjects.filter(|s| !own(s)).map(|subject| subject.to_string()).collect();
        if subjects.len() > self.most {
            let first: Vec<_> = subjects.iter().take(3).map(String::as_str).collect();
            let message = format!(
                "{} identities are bound to cluster-admin {}: {} and others",
                subjects.len(),
                cx.here(),
                first.join(", ")
            );
            return Claim::fails(Place::Nowhere, message).into();
        }
        match listing.coverage {
            Coverage::Complete | Coverage::NotServed => Verdict::Holds,
            // Files never contain all bindings of a cluster.
            Coverage::Partial => Verdict::NotApplicable,
            Coverage::Unread => {
                Verdict::unknown(Place::Nowhere, cx.unread(kinds::CLUSTER_ROLE_BINDING))
            }
        }
    }
}
