//! What the token of a container may do, as the API server says (SelfSubjectRulesReview).

use pavisade_sources::Api;
use serde_json::{Value, json};

use super::PodFacts;
use crate::{Closed, Gate, Verdict};

const REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

/// The permissions of an identity in some namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether the server knows that it does not list all.
    pub incomplete: bool,
    /// The rules.
    pub rules: Vec<Right>,
    /// The namespaces for which the server was asked.
    pub asked: Vec<String>,
    /// Whether these are all namespaces in scope. A scope that names none means the cluster.
    pub all: bool,
}

/// A rule: each of its verbs on each of its resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Right {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
}

/// Asks the API server what the identity of `api` may do in its own namespace, and in those of the
/// scope: a RoleBinding in any namespace can name a ServiceAccount of another.
///
/// # Errors
/// Why it is not known.
pub async fn rights(gate: &Gate, api: &Api, own: &str) -> Result<Rights, String> {
    let in_scope = &gate.scope().namespaces;
    let mut rights = review(gate, api, own).await?;
    rights.asked.push(own.to_owned());
    rights.all = !in_scope.is_empty();
    for namespace in in_scope.iter().filter(|namespace| *namespace != own) {
        match review(gate, api, namespace).await {
            Ok(more) => {
                rights.incomplete |= more.incomplete;
                rights.rules.extend(more.rules);
                rights.asked.push(namespace.clone());
            }
            // A permission that another namespace grants is still found.
            Err(_) => rights.all = false,
        }
    }
    Ok(rights)
}

async fn review(gate: &Gate, api: &Api, namespace: &str) -> Result<Rights, String> {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    });
    let what = json!({"method": "POST", "path": REVIEW, "body": body});
    let passed = gate.pass_cluster(&api.server, "request", &what).await;
    passed.map_err(|withheld| format!("not sent: {withheld}"))?;
    let body = Some(("application/json", body.to_string().into_bytes()));
    let (status, body) = api.send("POST", REVIEW, &gate.agent(), body).await?;
    if status != 201 && status != 200 {
        return Err(format!("the API server does not say what the token may do: status {status}"));
    }
    let body = serde_json::from_slice(&body).map_err(|_| "the response is not JSON".to_owned())?;
    Rights::read(&body).ok_or_else(|| "the response is not a list of permissions".to_owned())
}

impl Rights {
    pub(super) fn read(review: &Value) -> Option<Self> {
        let status = review.get("status")?;
        let texts = |value: &Value, field: &str| {
            let all = value.get(field).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
        };
        let rules = status.get("resourceRules")?.as_array()?.iter().map(|rule| Right {
            verbs: texts(rule, "verbs"),
            groups: texts(rule, "apiGroups"),
            resources: texts(rule, "resources"),
            names: texts(rule, "resourceNames"),
        });
        let incomplete = status.get("incomplete").and_then(Value::as_bool).unwrap_or(false);
        Some(Self { incomplete, rules: rules.collect(), ..Self::default() })
    }

    /// Returns the first of some permissions (verb, group, resource) that the identity has.
    fn first(&self, wanted: &[(&str, &str, &str)]) -> Option<String> {
        let has = |own: &[String], word: &str| own.iter().any(|own| own == word || own == "*");
        for (verb, group, resource) in wanted {
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            let found = self.rules.iter().find(|rule| {
                let of_resource = has(&rule.resources, resource)
                    || sub.as_ref().is_some_and(|sub| rule.resources.contains(sub));
                has(&rule.verbs, verb) && has(&rule.groups, group) && of_resource
            });
            let Some(rule) = found else { continue };
            let full = match *group {
                "" => (*resource).to_owned(),
                group => format!("{resource}.{group}"),
            };
            let named = match rule.names.as_slice() {
                [] => String::new(),
                names => format!(" named {}", names.join(", ")),
            };
            return Some(format!("{verb} {full}{named}"));
        }
        None
    }
}

/// Judges whether the token has one of some permissions.
pub(super) fn judged(facts: &PodFacts, message: &str, wanted: &[(&str, &str, &str)]) -> Verdict {
    if !facts.token {
        return Verdict::NotApplicable("no token is mounted".to_owned());
    }
    let rights = match &facts.rights {
        Some(Ok(rights)) => rights,
        Some(Err(why)) => return Verdict::Unknown(why.clone()),
        None => {
            let why = "the API server was not asked: add `--scope cluster`";
            return Verdict::Unknown(why.to_owned());
        }
    };
    match rights.first(wanted) {
        Some(found) => Verdict::Open {
            message: message.to_owned(),
            proof: format!("SelfSubjectRulesReview: {found}"),
        },
        None if rights.incomplete => {
            Verdict::Unknown("the API server does not list all permissions of the token".to_owned())
        }
        None if !rights.all => {
            let asked = rights.asked.join(", ");
            Verdict::Unknown(format!(
                "only namespace {asked} was asked: other namespaces may grant the permission"
            ))
        }
        None => Verdict::Closed(
            Closed::Authorization,
            format!("the token has no such permission in namespace {}", rights.asked.join(", ")),
        ),
    }
}
