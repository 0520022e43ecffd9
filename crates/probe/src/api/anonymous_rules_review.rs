//! PV-P014.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{json, readable};
use crate::{Ask, Component, EndpointProbe, Target, Verdict};

/// API server tells anonymous clients their permissions
///
/// ## Why
/// An attacker learns at once what an anonymous client may do. By default, only authenticated
/// users may ask.
///
/// ## Fix
/// Set `--anonymous-auth=false`, or limit anonymous access with an `AuthenticationConfiguration`
/// to the paths of health checks. Remove the bindings of `system:anonymous` and
/// `system:unauthenticated`.
#[check(id = "PV-P014", severity = Medium, scope = World)]
pub(crate) struct AnonymousRulesReview {}

impl EndpointProbe for AnonymousRulesReview {
    const AT: &'static [Component] = &[Component::ApiServer];
    const TECHNIQUES: &'static [&'static str] = &["T1613"];
    const OWASP: &'static str = "K02";

    fn asks(target: &Target) -> Vec<Ask> {
        let body = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{"namespace":"default"}}"#;
        let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
        vec![Ask::with(target, "POST", path, Vec::new(), Some(body.to_owned()))]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        readable(seen, "anonymous clients can list their permissions", |page| {
            let body = json(page)?;
            let is = body.get("kind")?.as_str()? == "SelfSubjectRulesReview";
            (is && body.pointer("/status/resourceRules").is_some())
                .then(|| "a SelfSubjectRulesReview".to_owned())
        })
    }
}
