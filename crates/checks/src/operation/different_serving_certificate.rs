//! PV-O075.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Server shows another certificate than its file contains
///
/// ## Why
/// The certificate was renewed and the component still uses the old one, which will expire, or whose key
/// was stolen; or another program answers on this port.
///
/// ## Fix
/// Find out which program listens on the port (`ss -tlnp`), and restart the component.
#[check(id = "PV-O075", severity = Medium, scope = Object, on = [NODE_FACTS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DifferentServingCertificate {}

impl Check for DifferentServingCertificate {
    type On = OnObject;

    fn check<'a>(&self, node: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let all = node.at(&["servers"]).into_iter().flat_map(Value::items);
        Verdict::all(all.map(judge))
    }
}

fn judge(server: Value<'_>) -> Verdict<'_> {
    let text = |name| server.str(name);
    let (program, file) = (text("program").unwrap_or("a server"), text("file").unwrap_or_default());
    let port = server.get("port").and_then(Value::as_i64).unwrap_or_default();
    let instance = format!("{program} {port}");
    let unknown = |why: String| Claim::unknown(server, why).instance(&*instance).into();
    match (text("disk"), text("served"), text("diskError"), text("servedError")) {
        (Some(disk), Some(served), ..) if disk == served => Verdict::Holds,
        (Some(_), Some(_), ..) => {
            let message = format!(
                "{program} shows another certificate on port {port} than `{file}` contains"
            );
            Claim::fails(server, message).instance(&*instance).into()
        }
        (None, Some(_), why, _) => {
            let why = why.unwrap_or("it is not in the facts");
            unknown(format!("the certificate of {program} in `{file}` cannot be read: {why}"))
        }
        (_, None, _, Some(why)) => {
            unknown(format!("{program} showed no certificate on port {port}: {why}"))
        }
        // Nothing was asked: facts of a root that is not that of the running machine.
        (_, None, _, None) => Verdict::NotApplicable,
    }
}
