//! PV-I052.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Container;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::go_bool;
use crate::supply::release::Release;
use crate::{Check, Claim, Cx, OnContainer, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Dashboard without login
///
/// ## Why
/// A dashboard without login uses its own ServiceAccount for everyone who opens it. Anyone who can
/// reach it, through a port-forward, from a pod or from outside, has its permissions. Attackers
/// have used open dashboards to run cryptominers.
///
/// ## Fix
/// Enable login, and give users their own permissions with a token or single sign-on.
#[check(id = "PV-I052", severity = High, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConsoleWithoutLogin {}

/// Programs by image name, the flag and value that disable the login, and the description.
const FLAGS: [(&[&str], &str, &str, &str); 3] = [
    (
        &["kubernetes-dashboard-amd64", "kubernetes-dashboard", "dashboard", "dashboard-auth"],
        "enable-skip-login",
        "true",
        "the Kubernetes Dashboard uses its own ServiceAccount for everyone who skips the login",
    ),
    (
        &["argocli", "argo-server", "argo-workflows-server"],
        "auth-mode",
        "server",
        "Argo Workflows uses its own ServiceAccount for everyone who opens it",
    ),
    (
        &["argocd", "argo-cd"],
        "disable-auth",
        "true",
        "Argo CD gives everyone all permissions: authentication is disabled",
    ),
];

/// The same with environment variables.
const VARIABLES: [(&[&str], &str, &str, &str); 1] = [(
    &["argocd", "argo-cd"],
    "ARGOCD_SERVER_DISABLE_AUTH",
    "true",
    "Argo CD gives everyone all permissions: authentication is disabled",
)];

impl Check for ConsoleWithoutLogin {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let image = image_name(container.image());
        let words: Vec<_> =
            ["command", "args"].iter().flat_map(|list| container.value().list(list)).collect();
        let mut claims = Vec::new();
        let (mut known, mut elsewhere) = (false, false);
        for (images, flag, value, what) in FLAGS {
            if images.contains(&image) {
                known = true;
                claims.extend(by_flag(&words, flag, value, what));
            }
        }
        if claims.is_empty() && FLAGS[1].0.contains(&image) {
            claims.extend(old_argo_server(container, &words));
        }
        for (_, name, _, what) in VARIABLES.iter().filter(|(i, ..)| i.contains(&image)) {
            let set = container.value().list("env").filter(|env| env.str("name") == Some(name));
            for env in set {
                let Some(value) = env.get("value") else {
                    // PV-I063 checks the ConfigMap.
                    elsewhere |= env.get("valueFrom").is_some();
                    continue;
                };
                if value.scalar_text().is_some_and(|text| go_bool(&text) == Some(true)) {
                    claims.push(Claim::fails(value, *what).set("false"));
                }
            }
        }
        claims.extend(grafana(image, container));
        match known && !elsewhere || !claims.is_empty() {
            true => Verdict::from_claims(claims),
            // Grafana's configuration file is not known.
            false => Verdict::NotApplicable,
        }
    }
}

/// Returns `argocli` for `registry.example/argoproj/argocli:v3`.
fn image_name(image: &str) -> &str {
    let base = image.rsplit('/').next().unwrap_or(image);
    base.split([':', '@']).next().unwrap_or(base)
}

/// Up to 2.12, the server of Argo Workflows had no login by default.
fn old_argo_server<'a>(container: Container<'a>, words: &[Value<'a>]) -> Option<Claim<'a>> {
    const FLAG: &str = "auth-mode";
    let Image::Reference(reference) = image::of(container) else { return None };
    let major = Release::read(reference.tag?)?.major();
    let says = |of: &str| words.iter().filter_map(|word| word.as_str()).any(|w| w.contains(of));
    let by_variable = container.value().list("env").any(|e| e.str("name") == Some("AUTH_MODE"));
    let old = major < 3 && says("server") && !says(FLAG) && !by_variable;
    let place = container.at(&["image"]).unwrap_or(container.value());
    old.then(|| Claim::fails(place, format!("{}, without `--{FLAG}` before 3.0", FLAGS[1].3)))
}

fn by_flag<'a>(
    words: &[Value<'a>],
    flag: &str,
    value: &str,
    what: &'static str,
) -> Option<Claim<'a>> {
    let wanted = |text: &str| match value {
        "true" => go_bool(text) == Some(true),
        value => text == value,
    };
    for (index, word) in words.iter().enumerate() {
        let Some(text) = word.as_str() else { continue };
        if in_script(text, flag, &wanted, value == "true") {
            return Some(Claim::fails(*word, what));
        }
        let Some(rest) = text.strip_prefix("--").and_then(|rest| rest.strip_prefix(flag)) else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(given) if wanted(given) => return Some(Claim::fails(*word, what).remove()),
            None if rest.is_empty() && value == "true" => {
                return Some(Claim::fails(*word, what).remove());
            }
            None if rest.is_empty() => {
                let next = words.get(index + 1);
                if let Some(apart) = next.filter(|next| next.as_str().is_some_and(&wanted)) {
                    return Some(Claim::fails(*word, what).remove().change(*apart, Edit::Remove));
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a shell script has the flag with that value.
fn in_script(script: &str, flag: &str, wanted: &dyn Fn(&str) -> bool, alone: bool) -> bool {
    let words: Vec<_> = script.split_whitespace().collect();
    words.len() > 1
        && words.iter().enumerate().any(|(index, word)| {
            let rest = word.strip_prefix("--").and_then(|rest| rest.strip_prefix(flag));
            match rest.map(|rest| rest.strip_prefix('=').ok_or(rest)) {
                Some(Ok(given)) => wanted(given),
                Some(Err("")) => alone || words.get(index + 1).is_some_and(|next| wanted(next)),
                _ => false,
            }
        })
}

/// Grafana with anonymous users who may make changes.
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
    let message = format!(
        "Grafana gives anonymous users the role {role}, including access to its data sources"
    );
    Some(Claim::fails(enabled, message).severity(Severity::Medium).set("false"))
}
