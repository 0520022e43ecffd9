//! The effect of Calico policies on a pod (docs.tigera.io, *Network policy*, *Global network
//! policy* and *Tier*).
//!
//! A policy applies to the directions in `types`. Rules are evaluated in order. Traffic that
//! reaches the end of the default tier is denied if one of its policies selects the pod. The
//! default action of another tier is in an object that is not read.

use pavisade_model::kinds;
use pavisade_netpol::Direction;
use pavisade_snapshot::{Label, Object, Pod, Selects};
use pavisade_yaml::{Kind, Value};

use super::address::{block, cover_everything};
use super::calico_selector::matches;
use super::effect::{Effect, everywhere, namespace_label};
use super::subject::selects as selects_pod;
use crate::field::{WrongType, boolean, list, text, text_element};
use crate::{Claim, View};

/// Returns the effect of the policy on the pod in a direction.
pub(super) fn effect<'a>(
    policy: &'a Object,
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Effect {
    match read(policy, pod, direction, cx) {
        Ok(effect) => effect,
        Err(wrong) => Effect::Unclear(wrong.into()),
    }
}

fn read<'a>(
    policy: &'a Object,
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Result<Effect, WrongType<'a>> {
    let value = policy.value();
    let counts = match applies_to(policy, direction)? {
        Some(false) => return Ok(Effect::None),
        counts => counts.is_some(),
    };
    if for_hosts(policy)? {
        return Ok(Effect::None);
    }
    let selects = match selects(policy, pod, cx)? {
        Selects::No => return Ok(Effect::None),
        selects => selects == Selects::Yes,
    };
    let tier = text(value, &["spec", "tier"])?.map_or("default", |(tier, _)| tier);
    let mut passes = false;
    for rule in list(value, &["spec", direction.field()])? {
        passes |= text(rule, &["action"])?.is_some_and(|(action, _)| action == "Pass");
    }
    Ok(match () {
        () if !selects => Effect::Unclear("it cannot be determined whether it selects them".into()),
        () if !counts => {
            let direction = direction.name();
            let why = format!(
                "it has no `types`, and whether it applies to {direction} depends on how it is \
                 applied"
            );
            Effect::Unclear(why.into())
        }
        () if !matches!(tier, "default" | "") => {
            Effect::Unclear(format!("the default action of tier `{tier}` was not read").into())
        }
        () if passes => Effect::Unclear("it passes traffic on to later policies".into()),
        () => Effect::Restricts,
    })
}

/// Whether it applies to a direction. `None` if it depends on how the policy is applied.
fn applies_to(policy: &Object, direction: Direction) -> Result<Option<bool>, WrongType<'_>> {
    let mut types = list(policy.value(), &["spec", "types"])?.peekable();
    if types.peek().is_some() {
        let mut named = false;
        for name in types {
            named |= text_element(name)? == direction.name();
        }
        return Ok(Some(named));
    }
    let has = |direction: Direction| -> Result<bool, WrongType<'_>> {
        Ok(list(policy.value(), &["spec", direction.field()])?.next().is_some())
    };
    let (ingress, egress) = (has(Direction::Ingress)?, has(Direction::Egress)?);
    let default = match direction {
        Direction::Ingress => ingress || !egress,
        Direction::Egress => egress,
    };
    // calicoctl and Calico's own API server set it. Without it, a policy created in the CRD
    // directly applies to both.
    let bare = policy.group() == kinds::CALICO_NETWORK_POLICY_CRD.group;
    Ok((default || !bare).then_some(default))
}

/// Whether it applies only to host endpoints.
fn for_hosts(policy: &Object) -> Result<bool, WrongType<'_>> {
    let is = |field: &str| -> Result<bool, WrongType<'_>> {
        Ok(boolean(policy.value(), &["spec", field])?.is_some_and(|(set, _)| set))
    };
    Ok(is("doNotTrack")? || is("preDNAT")?)
}

fn selects<'a>(policy: &'a Object, pod: Pod<'a>, cx: &View<'a>) -> Result<Selects, WrongType<'a>> {
    let namespaced = [kinds::CALICO_NETWORK_POLICY, kinds::CALICO_NETWORK_POLICY_CRD];
    let of = pod.object().namespace();
    let near = match namespaced.iter().any(|kind| policy.is(*kind)) {
        true => selects_pod(None, policy.namespace(), pod),
        false => Selects::Yes,
    };
    if near == Selects::No {
        return Ok(Selects::No);
    }
    let namespace = || match of {
        "" => Label::Unknown,
        of => Label::Is(of),
    };
    let of_pod = |key: &str| match key {
        "projectcalico.org/namespace" => namespace(),
        "projectcalico.org/orchestrator" => Label::Is("k8s"),
        _ if key.starts_with("pcns.") => namespace_label(pod, &key["pcns.".len()..], cx),
        _ if key.starts_with("projectcalico.org/") || key.starts_with("pcsa.") => Label::Unknown,
        _ => match pod.labels().find(|(own, _)| *own == key) {
            Some((_, own)) => Label::Is(own),
            None if pod.added_label(key) == Label::Absent => Label::Absent,
            None => Label::Unknown,
        },
    };
    let of_namespace = |key: &str| match key {
        "projectcalico.org/name" => namespace(),
        _ => namespace_label(pod, key, cx),
    };
    let of_account = |key: &str| match key {
        "projectcalico.org/name" => Label::Is(pod.service_account()),
        _ => Label::Unknown,
    };
    let wants = |field: &str, label: &dyn Fn(&str) -> Label<'a>| {
        Ok(match text(policy.value(), &["spec", field])? {
            Some((selector, _)) => matches(selector, label).unwrap_or(Selects::Maybe),
            None => Selects::Yes,
        })
    };
    let selects = near.and(wants("selector", &of_pod)?);
    let selects = selects.and(wants("namespaceSelector", &of_namespace)?);
    Ok(selects.and(wants("serviceAccountSelector", &of_account)?))
}

/// Returns rules that allow everything, unless an earlier rule denies or passes.
pub(super) fn open_rules(policy: &Object) -> Vec<(Direction, Claim<'_>)> {
    let mut claims = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = match (applies_to(policy, direction), for_hosts(policy)) {
            (Err(wrong), _) | (_, Err(wrong)) => {
                return vec![(direction, wrong.into())];
            }
            (Ok(Some(false)), _) | (_, Ok(true)) => continue,
            (Ok(_), Ok(false)) => match list(policy.value(), &["spec", direction.field()]) {
                Ok(rules) => rules,
                Err(wrong) => return vec![(direction, wrong.into())],
            },
        };
        let open = rules
            .take_while(|rule| matches!(rule.str("action"), Some("Allow" | "Log")))
            .filter(|rule| rule.str("action") == Some("Allow"))
            .filter_map(|rule| open_rule(rule, direction));
        claims.extend(open.map(|claim| (direction, claim)));
    }
    claims
}

fn open_rule(rule: Value<'_>, direction: Direction) -> Option<Claim<'_>> {
    let (near, far) = match direction {
        Direction::Ingress => ("destination", "source"),
        Direction::Egress => ("source", "destination"),
    };
    let empty = |value: Value<'_>| match value.kind() {
        Kind::Mapping => value.entries().all(|(_, v)| v.is_null()),
        Kind::Sequence => value.items().next().is_none(),
        kind => kind == Kind::Null,
    };
    let known = |key: &str| ["action", "metadata", near, far].contains(&key);
    if rule.entries().any(|(key, value)| !known(key) && !empty(value)) {
        return None;
    }
    if rule.get(near).is_some_and(|near| !empty(near)) {
        return None;
    }
    let Some(far) = rule.get(far).filter(|far| !empty(*far)) else {
        return Some(Claim::fails(rule, everywhere(direction)));
    };
    // Only addresses, which include all of them.
    let nets = far.get("nets").filter(|nets| nets.kind() == Kind::Sequence)?;
    if far.entries().any(|(key, value)| key != "nets" && !empty(value)) {
        return None;
    }
    let blocks: Vec<_> = nets.items().filter_map(|net| block(net.as_str()?)).collect();
    cover_everything(&blocks).then(|| Claim::fails(nets, everywhere(direction)))
}
