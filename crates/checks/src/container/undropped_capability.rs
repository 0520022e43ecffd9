//! PV-C006.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::added_capability::baseline_allows;
use super::field::{WrongType, list, named, text_element};
use super::privilege_escalation::is_privileged;
use crate::{Check, Claim, Cx, OnContainer, Place, Verdict};

/// Default capabilities are not dropped
///
/// ## Why
/// The default capabilities allow a process that runs as root to take ownership of files, change
/// its user, and create device nodes. Known container escapes use them, and hardly any program
/// needs them.
///
/// ## Fix
/// Set `capabilities: {drop: ["ALL"]}`, and add only `NET_BIND_SERVICE` if the container listens on
/// a port below 1024.
#[check(id = "PV-C006", severity = Low, scope = Object, fixable = Riskily, together = Hardening)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UndroppedCapability {}

impl Check for UndroppedCapability {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let version = cx.kubernetes();
        if !version.at_least(22) || version.at_least(25) && container.pod().is_windows() {
            return Verdict::NotApplicable;
        }
        let claims = [judge_dropped(container), judge_added(container)];
        Verdict::from_claims(
            claims.into_iter().flat_map(|claims| claims.unwrap_or_else(|e| vec![e.into()])),
        )
    }
}

fn judge_dropped(container: Container<'_>) -> Result<Vec<Claim<'_>>, WrongType<'_>> {
    let path = ["securityContext", "capabilities", "drop"];
    let dropped = list(container.value(), &path)?.map(text_element);
    let dropped = dropped.collect::<Result<Vec<_>, _>>()?;
    if dropped.contains(&"ALL") {
        return Ok(Vec::new());
    }
    let place = Place::field(container.value(), &path);
    if is_privileged(container) {
        // Changing only the list would fix the finding but not the container.
        let message = format!(
            "{} is privileged, so it has all capabilities regardless of what it drops",
            named(container)
        );
        let fix = "Remove `privileged: true` and drop `ALL` capabilities.";
        return Ok(vec![Claim::fails(place, message).evidence("privileged").advice(fix)]);
    }
    // Runtimes ignore case, but Pod Security does not.
    let message = match dropped.iter().find(|c| c.eq_ignore_ascii_case("ALL")) {
        Some(other) => format!("drops `{other}`, but Pod Security accepts only `ALL`"),
        None if dropped.is_empty() => "drops no capabilities".to_owned(),
        None => format!("drops `{}` but not `ALL` capabilities", dropped.join("`, `")),
    };
    let claim = Claim::fails(place, format!("{} {message}", named(container)));
    let claim = dropped.into_iter().fold(claim, Claim::evidence);
    // With `ALL`, other entries are redundant.
    Ok(vec![claim.set(vec!["ALL"])])
}

/// Returns capabilities that are added back within the baseline. PV-C005 reports those beyond it.
fn judge_added(container: Container<'_>) -> Result<Vec<Claim<'_>>, WrongType<'_>> {
    let mut claims = Vec::new();
    for value in list(container.value(), &["securityContext", "capabilities", "add"])? {
        // PV-C005 reports invalid elements of this list.
        let Ok(capability) = text_element(value) else { continue };
        if baseline_allows(capability) && capability != "NET_BIND_SERVICE" {
            let message = format!("{} adds capability `{capability}` back", named(container));
            let fix =
                format!("Remove `{capability}` from `capabilities.add`, if it is not needed.");
            claims.push(Claim::fails(value, message).advice(fix));
        }
    }
    Ok(claims)
}
