//! PV-O020.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::admission::configurations;
use crate::field::{WrongType, list, text, text_element};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// A Pod Security configuration that leaves namespaces open, or exempts users and workloads.
///
/// ## Why
/// The defaults hold for every namespace without labels: with `privileged`, which they are unless set,
/// a namespace that somebody forgot to label takes any pod. An exemption goes unseen: nothing in the
/// namespace shows it.
///
/// ## Fix
/// Set `defaults.enforce` to `baseline` or `restricted`, and label the few namespaces that need more.
/// Exempt no namespace but `kube-system`, and no users.
#[check(
    id = "PV-O020",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [ADMISSION_CONFIGURATION, POD_SECURITY_CONFIGURATION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakPodSecurityDefault {}

impl Check for WeakPodSecurityDefault {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if file.is(kinds::POD_SECURITY_CONFIGURATION) {
            return judge(Ok(file.value()));
        }
        // In a file of its own it is judged there.
        let elsewhere = !cx.list(kinds::POD_SECURITY_CONFIGURATION).objects.is_empty();
        let known = |given: &Result<_, _>| given.is_ok() || !elsewhere;
        Verdict::all(configurations(file, "PodSecurity").filter(known).map(judge))
    }
}

fn judge<'a>(configuration: Result<Value<'a>, Claim<'a>>) -> Verdict<'a> {
    let judged = configuration.map(|configuration| {
        let mut claims = vec![default(configuration)];
        for (list, who) in EXEMPTIONS {
            claims.push(exemptions(configuration, list, who));
        }
        let claims = claims.into_iter().map(|claim| claim.unwrap_or_else(|e| Some(e.into())));
        Verdict::from_claims(claims.flatten())
    });
    judged.unwrap_or_else(Verdict::from)
}

fn default(configuration: Value<'_>) -> Result<Option<Claim<'_>>, WrongType<'_>> {
    let path = ["defaults", "enforce"];
    let message = match text(configuration, &path)? {
        Some(("baseline" | "restricted", _)) => return Ok(None),
        Some(("privileged" | "", _)) => "namespaces without labels take privileged pods",
        Some((other, level)) => {
            let why = format!("`{other}` is no level of the Pod Security Standards");
            return Ok(Some(Claim::unknown(level, why)));
        }
        None => {
            "`defaults.enforce` is not set and is `privileged` by default: namespaces without \
             labels take privileged pods"
        }
    };
    Ok(Some(Claim::fails(Place::field(configuration, &path), message)))
}

const EXEMPTIONS: [(&str, &str); 3] = [
    ("usernames", "what user"),
    ("runtimeClasses", "pods with runtime class"),
    ("namespaces", "pods in namespace"),
];

fn exemptions<'a>(
    configuration: Value<'a>,
    kind: &'static str,
    who: &str,
) -> Result<Option<Claim<'a>>, WrongType<'a>> {
    let mut names = Vec::new();
    for name in list(configuration, &["exemptions", kind])? {
        let name = text_element(name)?;
        // The cluster's own pods need the node.
        if !(kind == "namespaces" && name == "kube-system") {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let does = if kind == "usernames" { "makes is not judged" } else { "are not judged" };
    let message = format!("{who} `{}` {does}", names.join("`, `"));
    let place = Place::field(configuration, &["exemptions", kind]);
    let severity = if kind == "usernames" { Severity::Medium } else { Severity::Low };
    Ok(Some(Claim::fails(place, message).severity(severity)))
}
