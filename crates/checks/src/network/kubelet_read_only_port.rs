//! PV-N022.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubelet;
use crate::field::integer;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Kubelets that serve their read-only port.
///
/// ## Why
/// The port asks for no credentials: whoever reaches the node reads the specifications of its
/// pods, with their environment variables, and their metrics.
///
/// ## Fix
/// Remove `readOnlyPort` (0, off, is the default of the file) and read through the kubelet's own
/// port, with a token.
#[check(
    id = "PV-N022",
    severity = High,
    scope = Object,
    programs = [Kubelet],
    on = [KUBELET_CONFIGURATION, KUBEADM_INIT_CONFIGURATION, KUBEADM_JOIN_CONFIGURATION],
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletReadOnlyPort {}

impl Check for KubeletReadOnlyPort {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let own = file.is(kinds::KUBELET_CONFIGURATION);
        let port = match own {
            true => file.at(&["readOnlyPort"]),
            false => kubelet::argument(file, "read-only-port"),
        };
        let Some(port) = port.filter(|p| !p.is_null()) else {
            // kubeadm's files leave it to the kubelet's own file.
            return if own { Verdict::Holds } else { Verdict::NotApplicable };
        };
        // The kubelet refuses a text in its own file; kubeadm's arguments are texts.
        if own && let Err(wrong) = integer(file.value(), &["readOnlyPort"]) {
            return wrong.into();
        }
        let text = port.scalar_text().unwrap_or_default();
        match text.parse::<i64>() {
            Ok(0) => Verdict::Holds,
            Ok(number) => {
                let message =
                    format!("the kubelet serves pods and metrics on port `{number}` to anybody");
                let claim = Claim::fails(port, message);
                // kubeadm's arguments are texts.
                if own { claim.set(0) } else { claim.set("0") }.into()
            }
            Err(_) => Verdict::unknown(port, format!("`{text}` is no port")),
        }
    }
}
