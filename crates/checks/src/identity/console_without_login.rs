//! PV-I052.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Container;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Consoles that let people in without a login.
///
/// ## Why
/// A dashboard of the cluster or of its deployments acts with its own ServiceAccount for whoever
/// opens the page: everybody who reaches it, by a port-forward, from a pod or from outside, has
/// these permissions. Miners of other people's clusters came in this way.
///
/// ## Fix
/// Switch the login on again, and give people their own permissions: a token or single sign-on.
#[check(id = "PV-I052", severity = High, scope = Object, mends = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConsoleWithoutLogin {}

/// A program by its image's name, the flag that lets everybody in with that value, and what it is.
const FLAGS: [(&[&str], &str, &str, &str); 3] = [
    (
        &["kubernetes-dashboard-amd64", "kubernetes-dashboard", "dashboard", "dashboard-auth"],
        "enable-skip-login",
        "true",
        "the Kubernetes Dashboard acts as its own ServiceAccount for whoever skips the login",
    ),
    (
        &["argocli", "argo-server", "argo-workflows-server"],
        "auth-mode",
        "server",
        "Argo Workflows acts as its own ServiceAccount for whoever opens it",
    ),
    (
        &["argocd", "argo-cd"],
        "disable-auth",
        "true",
        "Argo CD lets everybody do everything: authentication is off",
    ),
];

/// The same by variables.
const VARIABLES: [(&[&str], &str, &str, &str); 1] = [(
    &["argocd", "argo-cd"],
    "ARGOCD_SERVER_DISABLE_AUTH",
    "true",
    "Argo CD lets everybody do everything: authentication is off",
)];

impl Check for ConsoleWithoutLogin {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let image = image_name(container.image());
        let words: Vec<_> =
            ["command", "args"].iter().flat_map(|list| container.value().list(list)).collect();
        let mut claims = Vec::new();
        let mut known = false;
        for (images, flag, value, what) in FLAGS {
            if !images.contains(&image) {
                continue;
            }
            known = true;
            claims.extend(by_flag(&words, flag, value, what));
        }
        for (_, name, value, what) in VARIABLES.iter().filter(|(i, ..)| i.contains(&image)) {
            let set = container.value().list("env").filter(|env| env.str("name") == Some(name));
            for env in set.filter_map(|env| env.get("value")) {
                if env.scalar_text().is_some_and(|text| text.eq_ignore_ascii_case(value)) {
                    claims.push(Claim::fails(env, *what).set("false"));
                }
            }
        }
        claims.extend(grafana(image, container));
        match known || image.starts_with("grafana") {
            true => Verdict::from_claims(claims),
            false => Verdict::NotApplicable,
        }
    }
}

/// `registry.example/argoproj/argocli:v3` is `argocli`.
fn image_name(image: &str) -> &str {
    let base = image.rsplit('/').next().unwrap_or(image);
    base.split([':', '@']).next().unwrap_or(base)
}

fn by_flag<'a>(
    words: &[Value<'a>],
    flag: &str,
    value: &str,
    what: &'static str,
) -> Option<Claim<'a>> {
    for (index, word) in words.iter().enumerate() {
        let rest = word.as_str().and_then(|text| text.strip_prefix("--"));
        let Some(rest) = rest else { continue };
        if rest == flag {
            let next = words.get(index + 1);
            let apart = next.filter(|next| next.as_str() == Some(value));
            return match (value, apart) {
                ("true", _) => Some(Claim::fails(*word, what).remove()),
                (_, Some(apart)) => {
                    Some(Claim::fails(*word, what).remove().change(*apart, Edit::Remove))
                }
                _ => None,
            };
        }
        if rest.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) == Some(value) {
            return Some(Claim::fails(*word, what).remove());
        }
    }
    None
}

/// Grafana's visitors without a login, where they may change something.
fn grafana<'a>(image: &str, container: Container<'a>) -> Option<Claim<'a>> {
    if !image.starts_with("grafana") {
        return None;
    }
    let variable = |name: &str| {
        let mut all = container.value().list("env").filter(|env| env.str("name") == Some(name));
        all.next()?.get("value")
    };
    let enabled = variable("GF_AUTH_ANONYMOUS_ENABLED")?;
    let role = variable("GF_AUTH_ANONYMOUS_ORG_ROLE")?;
    let role = role.as_str().filter(|role| matches!(*role, "Admin" | "Editor"))?;
    enabled.scalar_text().filter(|text| text.eq_ignore_ascii_case("true"))?;
    let message = format!("Grafana lets everybody in as {role}, its data sources included");
    Some(Claim::fails(enabled, message).severity(Severity::Medium).set("false"))
}
