//! PV-O012.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::version::Running;
use crate::{Check, Cx, OnObject, Place, Verdict, View};

/// Kubelets whose version does not go with the API server's.
///
/// ## Why
/// Nobody tests such a pair: fields that one of them does not know are dropped in silence, a
/// security context among them. By the version skew policy of Kubernetes a kubelet is never newer
/// than the API server, and at most three minor versions older; before 1.25 at most two. Of several
/// API servers only the one that answered is compared.
///
/// ## Fix
/// Upgrade in order: the control plane first, by one minor version, then the nodes.
#[check(id = "PV-O012", severity = Medium, scope = Related, on = [NODE], reads = [CLUSTER])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletVersionSkew {}

impl Check for KubeletVersionSkew {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if !cx.is_live() {
            // A Node in a file is no running one.
            return Verdict::NotApplicable;
        }
        let place = Place::field(node.value(), &["status", "nodeInfo", "kubeletVersion"]);
        let text = node.at(&["status", "nodeInfo", "kubeletVersion"]).and_then(Value::as_str);
        let Some(kubelet) = text.and_then(Running::read) else {
            let why = match text {
                Some(text) => format!("`{text}` is no version of a kubelet"),
                None => "the node does not say its kubelet's version".to_owned(),
            };
            return Verdict::unknown(place, why);
        };
        let server = server_version(cx);
        let Some(server) = server.and_then(Running::read) else {
            return Verdict::unknown(place, "the API server's version is not known");
        };
        let ((major, minor, _), (of_server, newest, _)) = (kubelet.number, server.number);
        let names = format!("the kubelet is `1.{minor}` and the API server `1.{newest}`");
        if major != of_server {
            return Verdict::unknown(place, "its major version is not the API server's");
        }
        if minor > newest {
            return Verdict::fails(place, format!("{names}: a kubelet must not be the newer one"));
        }
        let allowed = if minor >= 25 { 3 } else { 2 };
        if newest - minor > allowed {
            let message = format!("{names}: at most {allowed} minor versions may lie between them");
            return Verdict::fails(place, message);
        }
        Verdict::Holds
    }
}

/// What the API server said of itself.
fn server_version<'a>(cx: &View<'a>) -> Option<&'a str> {
    let cluster = cx.list(kinds::CLUSTER).objects.into_iter().next()?;
    cluster.at(&["version", "gitVersion"])?.as_str()
}
