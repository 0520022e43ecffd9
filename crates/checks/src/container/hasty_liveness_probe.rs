//! PV-C037.

use pavisade_macros::check;
use pavisade_snapshot::{Container, ContainerKind};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{WrongType, map, named};
use super::probe::patience;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Liveness probe as strict as the readiness probe
///
/// ## Why
/// If the liveness probe checks the same endpoint as the readiness probe and is just as strict, the
/// kubelet restarts a container that is only overloaded or waiting for its database. All replicas
/// restart at the same time, which prolongs an outage.
///
/// ## Fix
/// Let the liveness probe check only the process itself, or give it a larger `failureThreshold`.
#[check(id = "PV-C037", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HastyLivenessProbe {}

/// Handlers of a probe.
const HANDLERS: [&str; 4] = ["httpGet", "tcpSocket", "exec", "grpc"];

impl Check for HastyLivenessProbe {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        if container.kind() == ContainerKind::Ephemeral {
            return Verdict::NotApplicable;
        }
        judge(container).unwrap_or_else(Verdict::from)
    }
}

fn judge(container: Container<'_>) -> Result<Verdict<'_>, WrongType<'_>> {
    let liveness = map(container.value(), &["livenessProbe"])?;
    let readiness = map(container.value(), &["readinessProbe"])?;
    let (Some(liveness), Some(readiness)) = (liveness, readiness) else {
        return Ok(Verdict::NotApplicable);
    };
    let asks_same = HANDLERS.iter().any(|handler| {
        let of = |probe: Value<'_>| probe.get(handler).filter(|h| !h.is_null()).is_some();
        of(liveness) && of(readiness) && liveness.get(handler) == readiness.get(handler)
    });
    let (kills, takes_out) = (patience(liveness)?, patience(readiness)?);
    if !asks_same || kills > takes_out {
        return Ok(Verdict::Holds);
    }
    let message = format!(
        "{} is restarted after {kills} seconds by the same probe that marks it unready after \
         {takes_out}",
        named(container)
    );
    Ok(Claim::fails(liveness, message).into())
}
