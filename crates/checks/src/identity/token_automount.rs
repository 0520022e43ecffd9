//! PV-I009.

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, kinds};
use pavisade_rbac::Access;
use pavisade_snapshot::{ContainerKind, Coverage, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnPod, Place, Verdict, Why};

/// Unused ServiceAccount token is mounted
///
/// ## Why
/// A token that the pod does not need only helps an attacker: it has all permissions granted to all
/// ServiceAccounts, and those that are bound to this one later.
///
/// ## Fix
/// Set `automountServiceAccountToken: false` in the pod, or in the ServiceAccount for all its pods.
#[check(
    id = "PV-I009",
    severity = Low,
    audience = Strict,
    scope = Related,
    reads = [SERVICE_ACCOUNT, ROLE_BINDING, CLUSTER_ROLE_BINDING, CLUSTER_ROLE],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenAutomount {}

impl Check for TokenAutomount {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        const FIELD: &str = "automountServiceAccountToken";
        let place = Place::field(pod.spec(), &[FIELD]);
        // Admission does not mount tokens in static pods.
        if pod.object().is_mirror_pod() {
            return Verdict::NotApplicable;
        }
        let own = pod.spec().get(FIELD).filter(|value| !value.is_null());
        let own = match own.map(|value| value.as_bool()) {
            Some(Some(mounts)) => Some(mounts),
            Some(None) => return Verdict::unknown(place, format!("`{FIELD}` is not a boolean")),
            None => None,
        };
        if own == Some(false) {
            return Verdict::Holds;
        }
        let secret = match shadow(pod) {
            Shadow::None => None,
            Shadow::Other => return Verdict::Holds,
            Shadow::Secret(name) => Some(name),
        };
        let (namespace, name) = (pod.object().namespace(), pod.service_account());
        let access = Access::of(cx);
        if access.names_account(namespace, name) {
            // The account is meant to be used.
            return Verdict::NotApplicable;
        }
        if let Some(secret) = secret {
            let why = format!(
                "Secret `{secret}` is mounted at the path of the token, and it is not known \
                 whether it contains one"
            );
            return Verdict::unknown(place, why);
        }
        if access.coverage == Some(Coverage::Unread) {
            let why =
                "bindings could not be listed, so it is not known whether the pod needs its token";
            let claim = Claim::unknown(place, why);
            return claim.gaps(access.gaps.clone()).into();
        }
        let account = cx.get(kinds::SERVICE_ACCOUNT, namespace, name);
        let accounts = cx.coverage(kinds::SERVICE_ACCOUNT);
        let setting = account.and_then(|a| a.at(&[FIELD])).filter(|value| !value.is_null());
        match setting.map(|value| value.as_bool()) {
            _ if own == Some(true) || is_injected(pod) => {}
            Some(Some(false)) => return Verdict::Holds,
            Some(None) => {
                let why = format!("`{FIELD}` of ServiceAccount `{name}` is not a boolean");
                return Verdict::unknown(place, why);
            }
            _ => {}
        }
        // Every namespace has a `default` account, which mounts tokens unless changed. Other
        // accounts and their bindings are defined elsewhere.
        if account.is_none() && (name != "default" || accounts == Coverage::Unread) {
            match accounts {
                Coverage::Complete | Coverage::NotServed => {}
                Coverage::Partial => {
                    let what = match own {
                        Some(_) => "it is not known whether its token is needed",
                        None => "it is not known whether its token is mounted and needed",
                    };
                    let why = format!("ServiceAccount `{name}` is not in these files: {what}");
                    let gap = Gap::object("ServiceAccount", namespace, name);
                    return Verdict::unknown(place, Why::of(gap, why));
                }
                Coverage::Unread => {
                    return Verdict::unknown(place, cx.unread(kinds::SERVICE_ACCOUNT));
                }
            }
        }
        let complete = matches!(access.coverage, Some(Coverage::Complete | Coverage::NotServed));
        let (confidence, scope) = match complete {
            true => (Confidence::High, "in this cluster"),
            false => (Confidence::Medium, "in these files"),
        };
        let message = format!(
            "these pods mount the token of ServiceAccount `{name}`, to which no binding {scope} \
             grants permissions"
        );
        Claim::fails(place, message).confidence(confidence).evidence(name).set(false).into()
    }
}

/// What prevents admission from mounting the token.
pub(super) enum Shadow<'a> {
    /// Nothing, or not in every container.
    None,
    /// A volume of another type.
    Other,
    /// A Secret with that name, which may contain a token.
    Secret(&'a str),
}

/// Returns what all containers mount in place of the token, if all do.
pub(super) fn shadow(pod: Pod<'_>) -> Shadow<'_> {
    let mounts: Vec<_> = mounted(pod).collect();
    let other = |m: &Option<Mounted<'_>>| m.is_some_and(|m| m != Mounted::Token);
    if mounts.is_empty() || !mounts.iter().all(other) {
        return Shadow::None;
    }
    let secret = mounts.iter().find_map(|m| match m {
        Some(Mounted::Secret(name)) => Some(*name),
        _ => None,
    });
    secret.map_or(Shadow::Other, Shadow::Secret)
}

/// What a container mounts at the path of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mounted<'a> {
    /// The token, mounted by admission or explicitly.
    Token,
    /// A Secret with that name, of any type.
    Secret(&'a str),
    /// Something else, which admission does not replace.
    Other,
}

/// Returns what each container mounts there, for all that run from the start. `None` for nothing.
fn mounted(pod: Pod<'_>) -> impl Iterator<Item = Option<Mounted<'_>>> {
    const PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let containers = pod.containers().filter(|c| c.kind() != ContainerKind::Ephemeral);
    containers.map(move |container| {
        let mut mounts = container.value().list("volumeMounts");
        let mount = mounts.find(|mount| mount.str("mountPath") == Some(PATH))?;
        let name = mount.str("name");
        let volume = pod.volumes().find(|volume| name.is_some() && volume.str("name") == name);
        Some(volume.map_or(Mounted::Other, |volume| kind(volume, pod.service_account())))
    })
}

fn kind<'a>(volume: Value<'a>, account: &str) -> Mounted<'a> {
    let mut sources = volume.get("projected").into_iter().flat_map(|p| p.list("sources"));
    if sources.any(|s| s.get("serviceAccountToken").is_some_and(|token| !token.is_null())) {
        return Mounted::Token;
    }
    match volume.at(&["secret", "secretName"]).and_then(Value::as_str) {
        // Mounted by admission up to 1.20.
        Some(name) if is_made_for(name, account) => Mounted::Token,
        Some(name) => Mounted::Secret(name),
        None => Mounted::Other,
    }
}

/// Whether a Secret has a name as created by the token controller: `ACCOUNT-token-abcde`.
fn is_made_for(secret: &str, account: &str) -> bool {
    let end = secret.strip_prefix(account).and_then(|rest| rest.strip_prefix("-token-"));
    end.is_some_and(|end| end.len() == 5 && end.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Whether admission mounted the token, so that it is present regardless of the ServiceAccount's
/// current settings.
fn is_injected(pod: Pod<'_>) -> bool {
    let mut volumes = pod.volumes().filter(|volume| {
        volume.str("name").is_some_and(|name| name.starts_with("kube-api-access-"))
    });
    volumes.any(|volume| kind(volume, pod.service_account()) == Mounted::Token)
        && mounted(pod).any(|mounted| mounted == Some(Mounted::Token))
}
