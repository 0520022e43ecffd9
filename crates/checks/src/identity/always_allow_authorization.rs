//! PV-I022.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::anonymous_api_access::without_anonymous;
use crate::{Change, Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict, View};

/// API server authorizes every request
///
/// ## Why
/// `AlwaysAllow` permits everything that no earlier authorizer denies, and RBAC, Node and ABAC
/// never deny requests. After them it makes every user a cluster administrator.
///
/// ## Fix
/// Use `--authorization-mode=Node,RBAC`, or an `AuthorizationConfiguration` that ends with `RBAC`.
#[check(
    id = "PV-I022",
    severity = Critical,
    scope = Related,
    programs = [ApiServer],
    on = [AUTHORIZATION_CONFIGURATION],
    reads = [AUTHORIZATION_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlwaysAllowAuthorization {}

impl Check for AlwaysAllowAuthorization {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        part.judged("kube-apiserver", from_file, |server| from_flags(server, cx))
    }
}

const MODE: &str = "authorization-mode";
const ANONYMOUS: &str = "anonymous-auth";

/// The authorizers for nodes and users. PV-I070 fails without them.
const NEEDED: [&str; 2] = ["Node", "RBAC"];

/// Returns the authorizers without `AlwaysAllow`, and with the required ones.
fn others(modes: &[String]) -> Vec<String> {
    let others = modes.iter().filter(|mode| *mode != "AlwaysAllow").cloned();
    let missing = NEEDED.iter().filter(|needed| !modes.iter().any(|mode| mode == *needed));
    others.chain(missing.map(|mode| (*mode).to_owned())).collect()
}

/// Returns the changes that remove `AlwaysAllow` from the flag. The server disables anonymous
/// requests with it, so without it they must be disabled explicitly (if the kubelet's probes do not
/// need them).
fn strict<'a>(server: Component<'a>, modes: &[String]) -> Vec<Change<'a>> {
    let mut changes = server.set_list(MODE, &others(modes));
    if server.known_bool(ANONYMOUS, true).ok() != Some(false) {
        let anonymous = without_anonymous(server);
        if anonymous.is_empty() {
            return anonymous;
        }
        changes.extend(anonymous);
    }
    changes
}

/// Returns the claim for the first `AlwaysAllow`, in the order of authorizers.
fn judge<'a, 'm>(
    modes: impl Iterator<Item = &'m str>,
    place: impl Fn(usize) -> Place<'a>,
) -> Verdict<'a> {
    let mut can_deny = false;
    for (index, mode) in modes.enumerate() {
        match mode {
            // Only a webhook can deny. AlwaysDeny only never allows.
            "Webhook" => can_deny = true,
            "AlwaysAllow" if can_deny => {
                let message = "`AlwaysAllow` allows every request that the preceding webhook does \
                               not deny";
                return Claim::fails(place(index), message).severity(Severity::High).into();
            }
            "AlwaysAllow" => {
                let message = "`AlwaysAllow` allows every request: every user is cluster-admin";
                return Verdict::fails(place(index), message);
            }
            _ => {}
        }
    }
    Verdict::Holds
}

fn from_file(file: &Object) -> Verdict<'_> {
    let Some(list) = file.at(&["authorizers"]).filter(|l| l.kind() == Kind::Sequence) else {
        let place = Place::field(file.value(), &["authorizers"]);
        return Verdict::unknown(place, "there is no list of authorizers");
    };
    let types: Vec<Option<Value<'_>>> = list.items().map(|item| item.get("type")).collect();
    let text = |value: &Option<Value<'_>>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let names: Vec<String> = types.iter().map(text).collect();
    let verdict = judge(names.iter().map(String::as_str), |index| {
        types.get(index).copied().flatten().map_or(Place::from(list), Place::from)
    });
    // Only if the required authorizers remain. Removes every entry that allows everything.
    let left = NEEDED.iter().all(|needed| names.iter().any(|name| name == needed));
    let entries = list.items().filter(|item| item.str("type") == Some("AlwaysAllow"));
    let entries: Vec<_> = entries.filter(|_| left).collect();
    verdict.fixed(|claim| {
        claim.changes(entries.iter().map(|e| Change { place: (*e).into(), edit: Edit::Remove }))
    })
}

fn from_flags<'a>(server: Component<'a>, cx: &View<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    let file = kinds::AUTHORIZATION_CONFIGURATION;
    if let Some(verdict) = server.left_to_file("authorization-config", file, cx) {
        return Ok(verdict);
    }
    let verdict = match server.known_list(MODE)? {
        Some(modes) => {
            let verdict = judge(modes.iter().map(String::as_str), |_| server.place(MODE));
            verdict.fixed(|claim| claim.changes(strict(server, &modes)))
        }
        None => Claim::fails(
            server.place(MODE),
            "`--authorization-mode` is not set and defaults to `AlwaysAllow`: every user is \
             cluster-admin",
        )
        .changes(strict(server, &[]))
        .into(),
    };
    Ok(verdict)
}
