//! PV-O001.

use pavisade_macros::check;
use pavisade_model::kinds;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict, View};

/// Audit logging is not enabled
///
/// ## Why
/// Without an audit log it cannot be determined who read a Secret, granted a permission or ran a
/// command in a pod: attacks are neither detected nor understood.
///
/// ## Fix
/// Set `--audit-policy-file` and a destination: `--audit-log-path` (with `--audit-log-maxage`,
/// `-maxbackup` and `-maxsize`) or `--audit-webhook-config-file`. Both the policy and the
/// destination are required.
#[check(
    id = "PV-O001",
    severity = High,
    scope = Related,
    programs = [ApiServer],
    reads = [AUDIT_POLICY]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MissingAuditLog {}

impl Check for MissingAuditLog {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", |server| judge(server, cx))
    }
}

fn judge<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const POLICY: &str = "audit-policy-file";
    const LOG: &str = "audit-log-path";
    let log = server.known(LOG)?.map(|flag| flag.value).unwrap_or_default();
    let webhook = server.known("audit-webhook-config-file")?.is_some_and(|f| !f.value.is_empty());
    let policy = server.known(POLICY)?.map(|flag| flag.value).unwrap_or_default();
    if policy.is_empty() {
        let kept = webhook || !log.is_empty();
        let message = if kept {
            "`--audit-policy-file` is not set: the API server records no audit events"
        } else {
            "neither `--audit-policy-file` nor a destination (`--audit-log-path`) is set: the API \
             server records no audit events"
        };
        let claim = Claim::fails(server.place(POLICY), message);
        return Ok(if kept { claim } else { claim.evidence(LOG) }.into());
    }
    if !webhook && log.is_empty() {
        let message = "neither `--audit-log-path` nor `--audit-webhook-config-file` is set: audit \
                       events are discarded";
        return Ok(Verdict::fails(server.place(LOG), message));
    }
    if !webhook && log == "/dev/null" {
        return Ok(Verdict::fails(server.place(LOG), "the audit log is written to `/dev/null`"));
    }
    // The content of the policy is checked separately.
    if cx.list(kinds::AUDIT_POLICY).objects.is_empty() {
        let why = format!("the audit policy is in `{policy}`, which was not read");
        return Ok(Verdict::unknown(server.place(POLICY), why));
    }
    Ok(Verdict::Holds)
}
