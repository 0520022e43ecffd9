//! PV-C017.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, boolean};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Windows containers that are processes of their node.
///
/// ## Why
/// A HostProcess container is not isolated at all: it sees the node's files, network and
/// processes, mostly as the system's own user.
///
/// ## Fix
/// Remove `hostProcess: true`; keep it for the few system agents of nodes.
#[check(id = "PV-C017", severity = High, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WindowsHostProcess {}

impl Check for WindowsHostProcess {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let path = ["securityContext", "windowsOptions", "hostProcess"];
        Verdict::from_claims(Setter::all(pod).filter_map(|setter| {
            match boolean(setter.value(), &path) {
                Ok(Some((true, place))) => Some(Claim::fails(
                    place,
                    format!("{setter} sets `hostProcess: true`: it runs as a process of its node"),
                )),
                Ok(_) => None,
                Err(wrong) => Some(wrong.into()),
            }
        }))
    }
}
