//! PV-I022.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnControlPlane, Part, Place, Verdict};

/// An API server that allows every request.
///
/// ## Why
/// `AlwaysAllow` permits whatever no authorizer before it denies, and RBAC, Node and ABAC never
/// deny: they only do not allow. Behind them it makes every user cluster-admin.
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
    mends = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlwaysAllowAuthorization {}

impl Check for AlwaysAllowAuthorization {
    type On = OnControlPlane;

    fn check<'a>(&self, part: Part<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match part {
            Part::File(file) => from_file(file),
            Part::Component(server) if server.name() == "kube-apiserver" => {
                from_flags(server, cx).unwrap_or_else(Verdict::from)
            }
            Part::Component(_) => Verdict::NotApplicable,
        }
    }
}

/// The claim for the first `AlwaysAllow`, in the order in which authorizers are asked.
fn judge<'a, 'm>(
    modes: impl Iterator<Item = &'m str>,
    place: impl Fn(usize) -> Place<'a>,
    mend: impl Fn(Claim<'a>) -> Claim<'a>,
) -> Verdict<'a> {
    let mut can_deny = false;
    for (index, mode) in modes.enumerate() {
        match mode {
            // Only a webhook may deny; AlwaysDeny just never allows.
            "Webhook" => can_deny = true,
            "AlwaysAllow" if can_deny => {
                let message = "`AlwaysAllow` allows every request that the webhook before it does \
                               not deny";
                return mend(Claim::fails(place(index), message).severity(Severity::High)).into();
            }
            "AlwaysAllow" => {
                let message = "`AlwaysAllow` allows every request: each user is cluster-admin";
                return mend(Claim::fails(place(index), message)).into();
            }
            _ => {}
        }
    }
    Verdict::Holds
}

fn from_file<'a>(file: &'a Object) -> Verdict<'a> {
    let Some(list) = file.at(&["authorizers"]).filter(|l| l.kind() == Kind::Sequence) else {
        let place = Place::field(file.value(), &["authorizers"]);
        return Verdict::unknown(place, "there is no list of authorizers");
    };
    let types: Vec<Option<Value<'_>>> = list.items().map(|item| item.get("type")).collect();
    let text = |value: &Option<Value<'_>>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let names: Vec<String> = types.iter().map(text).collect();
    let place =
        |index: usize| types.get(index).copied().flatten().map_or(Place::from(list), Place::from);
    // Where RBAC is there, it decides afterwards.
    let mend = |claim: Claim<'a>| match names.iter().any(|name| name == "RBAC") {
        true => {
            let all = list.items().filter(|item| item.str("type") == Some("AlwaysAllow"));
            all.fold(claim, |claim, item| claim.change(item, Edit::Remove))
        }
        false => claim,
    };
    judge(names.iter().map(String::as_str), place, mend)
}

fn from_flags<'a>(server: Component<'a>, cx: &Cx<'a>) -> Result<Verdict<'a>, Claim<'a>> {
    const FLAG: &str = "authorization-mode";
    let file = kinds::AUTHORIZATION_CONFIGURATION;
    if let Some(verdict) = server.left_to_file("authorization-config", file, cx) {
        return Ok(verdict);
    }
    Ok(match server.known_list(FLAG)? {
        Some(modes) => {
            let others = modes.iter().filter(|mode| *mode != "AlwaysAllow");
            let mut others: Vec<_> = others.map(String::as_str).collect();
            if !others.contains(&"RBAC") {
                others.push("RBAC");
            }
            let mend = |claim| server.set_flag(claim, FLAG, &others.join(","));
            judge(modes.iter().map(String::as_str), |_| server.place(FLAG), mend)
        }
        None => {
            let claim = Claim::fails(
                server.place(FLAG),
                "`--authorization-mode` is not set and is `AlwaysAllow` by default: each user is \
                 cluster-admin",
            );
            server.set_flag(claim, FLAG, "Node,RBAC").into()
        }
    })
}
