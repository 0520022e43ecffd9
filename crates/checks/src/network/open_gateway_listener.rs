//! PV-N038.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{is_empty_selector, list, text};
use crate::{Check, Cx, OnObject, Verdict};

/// Gateway accepts routes from every namespace
///
/// ## Why
/// Anyone who can create a route in any namespace can take over hosts and paths of this listener,
/// and serve them under its certificate.
///
/// ## Fix
/// Set `allowedRoutes.namespaces.from: Same`, or `Selector` with the label of the intended
/// namespaces.
#[check(
    id = "PV-N038",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [GATEWAY]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenGatewayListener {}

impl Check for OpenGatewayListener {
    type On = OnObject;

    fn check<'a>(&self, gateway: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match list(gateway.value(), &["spec", "listeners"]) {
            Ok(listeners) => Verdict::all(listeners.map(judge)),
            Err(wrong) => wrong.into(),
        }
    }
}

fn judge(listener: Value<'_>) -> Verdict<'_> {
    let from = match text(listener, &["allowedRoutes", "namespaces", "from"]) {
        Ok(from) => from,
        Err(wrong) => return wrong.into(),
    };
    let name = listener.str("name").unwrap_or("");
    match from {
        Some(("All", place)) => {
            Verdict::fails(place, format!("listener `{name}` accepts routes from every namespace"))
        }
        Some(("Selector", place)) => {
            let selector = listener.at(&["allowedRoutes", "namespaces", "selector"]);
            match selector.is_some_and(is_empty_selector) {
                true => Verdict::fails(
                    place,
                    format!("listener `{name}` selects every namespace and accepts its routes"),
                ),
                false => Verdict::Holds,
            }
        }
        _ => Verdict::Holds,
    }
}
