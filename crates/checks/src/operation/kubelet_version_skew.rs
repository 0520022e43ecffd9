//! PV-O012.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::version::Running;
use crate::{Check, Cx, OnObject, Place, Verdict, View};

/// Unsupported kubelet version skew
///
/// ## Why
/// Such combinations are not tested: fields that one of them does not know are silently dropped,
/// for example in a security context. The version skew policy of Kubernetes requires that a kubelet
/// is not newer than the API server, and at most three minor versions older (two before 1.25). If
/// there are several API servers, only the one that responded is compared.
///
/// ## Fix
/// Upgrade in order: first the control plane, by one minor version at a time, then the nodes.
#[check(id = "PV-O012", severity = Medium, scope = Related, on = [NODE], reads = [CLUSTER])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeletVersionSkew {}

impl Check for KubeletVersionSkew {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if !cx.is_live() {
            // A Node in a file is not running.
            return Verdict::NotApplicable;
        }
        let place = Place::field(node.value(), &["status", "nodeInfo", "kubeletVersion"]);
        let text = node.at(&["status", "nodeInfo", "kubeletVersion"]).and_then(Value::as_str);
        let Some(kubelet) = text.and_then(Running::read) else {
            let why = match text {
                Some(text) => format!("`{text}` is not a kubelet version"),
                None => "the node does not report its kubelet version".to_owned(),
            };
            return Verdict::unknown(place, why);
        };
        let server = server_version(cx);
        let Some(server) = server.and_then(Running::read) else {
            return Verdict::unknown(place, "the version of the API server is not known");
        };
        let ((major, minor, _), (of_server, newest, _)) = (kubelet.number, server.number);
        let names = format!("the kubelet is `1.{minor}` and the API server `1.{newest}`");
        if major != of_server {
            return Verdict::unknown(
                place,
                "its major version differs from that of the API server",
            );
        }
        if minor > newest {
            return Verdict::fails(place, format!("{names}: a kubelet must not be newer"));
        }
        let allowed = if minor >= 25 { 3 } else { 2 };
        if newest - minor > allowed {
            let message =
                format!("{names}: at most {allowed} minor versions of difference are supported");
            return Verdict::fails(place, message);
        }
        Verdict::Holds
    }
}

/// Returns the version reported by the API server.
fn server_version<'a>(cx: &View<'a>) -> Option<&'a str> {
    cx.cluster()?.version()
}
