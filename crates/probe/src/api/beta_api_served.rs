//! PV-P022.

use pavisade_macros::check;
use pavisade_model::kinds::OWN_GROUPS;
use serde_json::Value;

use crate::probe::Seen;
use crate::shape::{json, readable};
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Page, Target, Verdict};

/// API server serves alpha or beta versions of its APIs
///
/// ## Why
/// Alpha and beta versions are off by default: they are less tested, and their features may be
/// incomplete. A version that is still served because of old clients may lack validation that the
/// stable version has.
///
/// ## Fix
/// Remove `--runtime-config` and the feature gates that turn them on, and move clients to the stable
/// version.
#[check(id = "PV-P022", severity = Low, scope = World)]
pub(crate) struct BetaApiServed {}

impl EndpointProbe for BetaApiServed {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &[];
    const OWASP: &'static str = "K07";

    fn asks(target: &Target) -> Vec<Ask> {
        vec![Ask::get(target, "/apis")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let found = |page: &Page| groups(page).map(|groups| before_stable(&groups));
        let verdict = readable(seen, "alpha or beta versions of APIs are served", |page| {
            found(page).map(|found| found.join(", "))
        });
        let is_stable = match seen.exchanges.first().map(|exchange| &exchange.answer) {
            Some(Answer::Http(page)) => found(page).is_some_and(|found| found.is_empty()),
            _ => false,
        };
        match verdict {
            Verdict::Open { .. } if is_stable => {
                Verdict::Closed(Closed::Good, "only stable versions are served".to_owned())
            }
            verdict => verdict,
        }
    }
}

/// Returns the groups in the response to `/apis`.
fn groups(page: &Page) -> Option<Vec<Value>> {
    let body = json(page)?;
    (body.get("kind")?.as_str()? == "APIGroupList").then_some(())?;
    body.get("groups")?.as_array().cloned()
}

/// Returns the versions of Kubernetes' own APIs that are not stable. Other groups are of add-ons,
/// whose first versions are often alpha.
fn before_stable(groups: &[Value]) -> Vec<String> {
    let known = |group: &&Value| {
        group.get("name").and_then(Value::as_str).is_some_and(|name| OWN_GROUPS.contains(&name))
    };
    let versions = groups.iter().filter(known).flat_map(|group| {
        let all = group.get("versions").and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|version| version.get("groupVersion")?.as_str())
    });
    let is = |version: &&str| version.contains("alpha") || version.contains("beta");
    versions.filter(is).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{Exchange, Known};

    #[test]
    fn versions_of_add_ons_are_theirs() {
        let address = "10.0.0.7:6443".parse().unwrap();
        let target = Target { component: Component::ApiServer, address };
        let judged = |status: u16, body: &Value| {
            let page = |status, body: &str| Page { status, body: body.into(), ..Page::default() };
            let exchange = |path, page| {
                let answer = Answer::Http(page);
                Arc::new(Exchange { ask: Ask::get(&target, path), answer })
            };
            let exchanges = vec![exchange("/apis", page(status, &body.to_string()))];
            let control = Some(exchange("/none", page(404, "")));
            let known = &Known::default();
            let seen = Seen { target: &target, exchanges, control, known, now: 0 };
            BetaApiServed::judge(&seen)
        };
        let list = |all: &[(&str, &str)]| {
            let group = |(name, version): &(&str, &str)| json!({"name": name, "versions": [{"groupVersion": format!("{name}/{version}")}]});
            let groups: Vec<_> = all.iter().map(group).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        };
        let beta = judged(200, &list(&[("apps", "v1"), ("policy", "v1beta1")]));
        assert_eq!((beta.word(), beta.reason()), ("open", "GET /apis: 200, policy/v1beta1"));
        let groups = ["scheduling.k8s.io", "storagemigration.k8s.io", "internal.apiserver.k8s.io"];
        for group in groups {
            assert_eq!(judged(200, &list(&[(group, "v1alpha1")])).word(), "open", "{group}");
        }
        let stable =
            list(&[("apps", "v1"), ("metrics.k8s.io", "v1beta1"), ("argo.io", "v1alpha1")]);
        assert_eq!(judged(200, &stable).word(), "closed");
        assert_eq!(judged(403, &list(&[("policy", "v1beta1")])).word(), "closed");
        assert_eq!(judged(200, &json!({"kind": "Status"})).word(), "closed");
    }
}
