//! PV-C017.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, boolean};
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Windows HostProcess container
///
/// ## Why
/// A HostProcess container is not isolated: it can access the files, network and processes of the
/// node, usually as the SYSTEM user.
///
/// ## Fix
/// Remove `hostProcess: true`. Use it only for system agents of nodes.
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
                    format!("{setter} sets `hostProcess: true`: it runs as a process on its node"),
                )),
                Ok(_) => None,
                Err(wrong) => Some(wrong.into()),
            }
        }))
    }
}
