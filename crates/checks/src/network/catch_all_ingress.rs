//! PV-N033.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::list;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Ingress matches every host
///
/// ## Why
/// A rule without a host, a wildcard for all hosts, or a default backend receives requests for
/// unintended names: hosts of other teams on a shared controller, forged `Host` headers, and scans
/// by IP address.
///
/// ## Fix
/// List the hosts in `rules[].host`, and remove the default backend.
#[check(
    id = "PV-N033",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [INGRESS, INGRESS_EXTENSIONS]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CatchAllIngress {}

impl Check for CatchAllIngress {
    type On = OnObject;

    fn check<'a>(&self, ingress: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let rules = match list(ingress.value(), &["spec", "rules"]) {
            Ok(rules) => rules,
            Err(wrong) => return wrong.into(),
        };
        let default = ["defaultBackend", "backend"].into_iter();
        let default = default.filter_map(|field| ingress.at(&["spec", field]));
        let default = default.filter(|backend| !backend.is_null()).map(|backend| {
            Claim::fails(
                backend,
                "the default backend receives requests for every host without a rule",
            )
        });
        let open = rules.filter_map(|rule| match rule.get("host").filter(|h| !h.is_null()) {
            None => Some(Claim::fails(rule, "this rule has no host, so it matches every host")),
            Some(host) => matches!(host.as_str(), Some("" | "*"))
                .then(|| Claim::fails(host, "this rule matches every host")),
        });
        let claims: Vec<_> = default.chain(open).collect();
        let any = ingress.at(&["spec", "rules"]).is_some_and(|r| r.items().next().is_some());
        match claims.is_empty() && !any {
            true => Verdict::NotApplicable,
            false => Verdict::from_claims(claims),
        }
    }
}
