//! PV-C040.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Container, Coverage};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, list, named, text};
use crate::{Check, Claim, Cx, OnContainer, Verdict, View, Why};

/// Vulnerable `subPath` mount
///
/// ## Why
/// In kubelets before 1.19.15, 1.20.11, 1.21.5 and 1.22.2, a symbolic link below `subPath` can make
/// the kubelet mount any file of the node into the container (CVE-2021-25741).
///
/// ## Fix
/// Upgrade the kubelets. Until then, mount volumes without `subPath`.
#[check(id = "PV-C040", severity = High, scope = Related, reads = [NODE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SubPathEscape {}

impl Check for SubPathEscape {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let mounts = match with_sub_path(container) {
            Ok(mounts) => mounts,
            Err(wrong) => return wrong.into(),
        };
        if mounts.is_empty() {
            return Verdict::NotApplicable;
        }
        let by = named(container);
        let tell = |why: &str| format!("{by} mounts a `subPath`, {why}");
        let mounts = mounts.into_iter();
        match flawed(cx) {
            Ok(None) => Verdict::Holds,
            Ok(Some(why)) => Verdict::from_claims(mounts.map(|at| Claim::fails(at, tell(&why)))),
            Err(why) => {
                let why = why.told(tell);
                Verdict::from_claims(mounts.map(|at| Claim::unknown(at, why.clone())))
            }
        }
    }
}

fn with_sub_path(container: Container<'_>) -> Result<Vec<Value<'_>>, WrongType<'_>> {
    let mut found = Vec::new();
    for mount in list(container.value(), &["volumeMounts"])? {
        for field in ["subPath", "subPathExpr"] {
            if let Some((path, place)) = text(mount, &[field])?
                && !path.is_empty()
            {
                found.push(place);
            }
        }
    }
    Ok(found)
}

/// Returns the reason why a kubelet is vulnerable. `None` if it is proven that none is.
fn flawed(cx: &View<'_>) -> Result<Option<String>, Why> {
    if !cx.is_live() {
        let minor = cx.kubernetes().minor;
        return match minor {
            ..=18 => Ok(Some(format!(
                "and kubelets of 1.{minor} follow symbolic links out of the volume"
            ))),
            19..=22 => Err(format!(
                "and the patch version of the 1.{minor} kubelets is not known: before .{} they \
                 follow symbolic links out of the volume",
                FIXED.iter().find(|(m, _)| *m == minor).map_or(0, |(_, patch)| *patch)
            )
            .into()),
            _ => Ok(None),
        };
    }
    let nodes = cx.list(kinds::NODE);
    let mut unclear = None;
    for node in &nodes.objects {
        let version = node.at(&["status", "nodeInfo", "kubeletVersion"]).and_then(|v| v.as_str());
        match version.map(has_flaw) {
            Some(Some(true)) => {
                return Ok(Some(format!(
                    "and the kubelet of node `{}` ({}) follows symbolic links out of the volume",
                    node.name(),
                    version.unwrap_or("")
                )));
            }
            Some(Some(false)) => {}
            _ => {
                let why = format!(
                    "and the version of the kubelet of node `{}` is not known",
                    node.name()
                );
                unclear = unclear.or(Some(why.into()));
            }
        }
    }
    let gap = || nodes.gap().map(|why| why.told(|why| format!("and {why}")));
    match unclear.or_else(gap) {
        Some(why) => Err(why),
        None if nodes.coverage == Coverage::Complete => Ok(None),
        None => Err("and the versions of the kubelets are not known".into()),
    }
}

/// The fixed patch release of each minor version.
const FIXED: [(u32, u32); 4] = [(19, 15), (20, 11), (21, 5), (22, 2)];

fn has_flaw(version: &str) -> Option<bool> {
    let text = version.strip_prefix('v').unwrap_or(version);
    let mut parts = text.split(['.', '-', '+']).map(|part| part.parse::<u32>().ok());
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    Some(match (major, FIXED.iter().find(|(m, _)| *m == minor)) {
        (1, Some((_, fixed))) => patch < *fixed,
        (1, None) => minor < 19,
        _ => major < 1,
    })
}
