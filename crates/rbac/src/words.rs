//! What people write on a command line, as a subject and as requests.

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_snapshot::View;
use pavisade_yaml::Value;

use crate::request::{Ask, ResourceAsk};
use crate::resources;
use crate::subject::Subject;

/// What was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Any of these is what is asked for.
    pub asks: Vec<Ask>,
    /// In words.
    pub text: String,
    /// How it was understood, where that is worth a line.
    pub remarks: Vec<String>,
}

/// A subject: `alice`, `user:alice`, `group:devs`, `sa:shop/web`, `system:serviceaccount:shop:web`.
///
/// # Errors
/// It is none of these forms.
pub fn subject(word: &str) -> Result<Subject, String> {
    let forms = "write a user's name, `group:NAME`, or `sa:NAMESPACE/NAME`";
    if word.is_empty() {
        return Err(format!("an empty subject: {forms}"));
    }
    let account = |rest: &str, cut: char| match rest.split_once(cut) {
        Some((namespace, name)) if is_label(namespace) && is_name(name) => {
            Ok(Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err(format!("{word}: a ServiceAccount has a namespace and a name: {forms}")),
    };
    if let Some(rest) = word.strip_prefix("system:serviceaccount:") {
        return account(rest, ':');
    }
    // Users and groups of Kubernetes itself are called `system:…`.
    match word.split_once(':') {
        Some(("user" | "User", name)) if !name.is_empty() => {
            match name.strip_prefix("system:serviceaccount:") {
                Some(rest) => account(rest, ':'),
                None => Ok(Subject::User(name.to_owned())),
            }
        }
        Some(("group" | "Group", name)) if !name.is_empty() => Ok(Subject::Group(name.to_owned())),
        Some(("sa" | "serviceaccount" | "ServiceAccount", rest)) => account(rest, '/'),
        Some(("user" | "User" | "group" | "Group", _)) => Err(format!("{word}: no name: {forms}")),
        _ => Ok(Subject::User(word.to_owned())),
    }
}

/// Whether the API server accepts it as the name of a namespace (RFC 1123).
fn is_label(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && is_name(name)
}

/// Whether it accepts it as the name of an object such as a ServiceAccount.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    name.len() <= 253
        && ends.into_iter().all(|end| end.is_some_and(plain))
        && name.bytes().all(|b| plain(b) || b == b'-' || b == b'.')
}

/// A verb and what it is on: `get secrets`, `create deployments.apps`, `exec pods/web`, `get /metrics`.
///
/// Behind the slash is the name of an object, or a subresource where the resource has one of that
/// name; `pods/web/exec` names both.
///
/// # Errors
/// The resource is not known, so that its API group is not.
pub fn question(
    verb: &str,
    on: &str,
    namespace: &str,
    view: &View<'_>,
) -> Result<Question, String> {
    if verb.is_empty() || on.is_empty() {
        return Err("a verb and a resource are needed: `get secrets`".to_owned());
    }
    if !namespace.is_empty() && !is_label(namespace) {
        return Err(format!(
            "`{namespace}` is not the name of a namespace: these are lower case letters, digits and `-`"
        ));
    }
    if on.starts_with('/') {
        let ask = Ask::Path { verb: verb.to_ascii_lowercase(), path: on.to_owned() };
        return Ok(Question { text: ask.to_string(), asks: vec![ask], remarks: Vec::new() });
    }
    // The API server compares verbs as they are.
    if verb.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(format!("{verb}: verbs are lower case: write {}", verb.to_ascii_lowercase()));
    }
    let mut remarks = Vec::new();
    let mut parts = on.split('/');
    let typed = parts.next().unwrap_or_default();
    let (second, third) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if parts.next().is_some() {
        return Err(format!("{on}: must be RESOURCE, RESOURCE/NAME or RESOURCE/NAME/SUBRESOURCE"));
    }
    let (group, resource, namespaced) = resource(typed, view)?;
    let (mut name, mut sub) = (second.to_owned(), third.to_owned());
    if third.is_empty()
        && !second.is_empty()
        && resources::has_subresource(&group, &resource, second)
    {
        (name, sub) = (String::new(), second.to_owned());
        remarks.push(format!(
            "`{second}` is read as a subresource; for an object of that name write `{typed}/{second}/`"
        ));
    }
    if on.ends_with('/') && on.matches('/').count() == 2 {
        (name, sub) = (second.to_owned(), String::new());
        remarks.clear();
    }
    let mut namespace = namespace.to_owned();
    if group.is_empty() && resource == "namespaces" && !name.is_empty() {
        // The API server takes its name for the namespace of the request, too.
        if !namespace.is_empty() && namespace != name {
            remarks.push(
                "for a Namespace, its own name is the namespace, so `-n` does not count".to_owned(),
            );
        }
        namespace.clone_from(&name);
    } else if namespaced == Some(false) && !namespace.is_empty() && !matches!(verb, "bind" | "use")
    {
        remarks.push(format!("{resource} are in no namespace, so `-n` does not count"));
        namespace.clear();
    }
    let ask =
        ResourceAsk { verb: verb.to_owned(), group, resource, subresource: sub, namespace, name };
    let asks = expand(ask, view.kubernetes(), &mut remarks);
    let text = format!("{verb} {}", asks.first().map(describe).unwrap_or_default());
    Ok(Question { asks, text, remarks })
}

/// The same without its verb.
fn describe(ask: &Ask) -> String {
    let text = ask.to_string();
    text.split_once(' ').map_or(text.clone(), |(_, rest)| rest.to_owned())
}

/// Words of people that are no verbs of Kubernetes: running a command asks for a subresource, and
/// which verb that takes depends on the version.
fn expand(ask: ResourceAsk, kubernetes: KubernetesVersion, remarks: &mut Vec<String>) -> Vec<Ask> {
    let is_pod = ask.group.is_empty() && ask.resource == "pods" && ask.subresource.is_empty();
    let on = |verb: &str, sub: &str| {
        Ask::Resource(ResourceAsk {
            verb: verb.to_owned(),
            subresource: sub.to_owned(),
            ..ask.clone()
        })
    };
    let stream = match &*ask.verb {
        "exec" => Some("exec"),
        "attach" => Some("attach"),
        "port-forward" | "portforward" => Some("portforward"),
        _ => None,
    };
    match (&*ask.verb, stream) {
        (_, Some(sub)) if is_pod => {
            // KEP-4006, AuthorizePodWebsocketUpgradeCreatePermission.
            if kubernetes.at_least(35) {
                remarks.push(format!("since Kubernetes 1.35 this needs `create` on pods/{sub}; `get` alone does not suffice"));
                vec![on("create", sub)]
            } else {
                remarks.push(format!(
                    "before Kubernetes 1.35 `get` on pods/{sub} suffices, by WebSocket; `create` does everywhere"
                ));
                vec![on("create", sub), on("get", sub)]
            }
        }
        ("logs" | "log", _) if is_pod => vec![on("get", "log")],
        ("evict", _) if is_pod => vec![on("create", "eviction")],
        ("debug", _) if is_pod => {
            vec![on("patch", "ephemeralcontainers"), on("update", "ephemeralcontainers")]
        }
        ("scale", _) if ask.subresource.is_empty() => {
            vec![on("patch", "scale"), on("update", "scale")]
        }
        ("logs" | "log" | "evict" | "debug", _) | (_, Some(_)) => {
            remarks.push(format!(
                "`{}` is understood only for pods; here it is taken as a verb",
                ask.verb
            ));
            vec![Ask::Resource(ask)]
        }
        _ => vec![Ask::Resource(ask)],
    }
}

/// Group, plural and whether it is in namespaces, of what was typed.
fn resource(typed: &str, view: &View<'_>) -> Result<(String, String, Option<bool>), String> {
    if typed == "*" || typed == "*.*" {
        return Ok(("*".to_owned(), "*".to_owned(), None));
    }
    let (word, group) = match typed.split_once('.') {
        Some((word, "core")) => (word, Some("")),
        Some((word, group)) => (word, Some(group)),
        None => (typed, None),
    };
    if let Some(own) = resources::find(word, group) {
        return Ok((own.group.to_owned(), own.name.to_owned(), Some(own.namespaced)));
    }
    for definition in view.list(kinds::CUSTOM_RESOURCE_DEFINITION).objects {
        let at = |path: &[&str]| definition.at(path).and_then(Value::as_str).unwrap_or_default();
        let own = at(&["spec", "group"]);
        let names = definition.at(&["spec", "names"]);
        let words = names.into_iter().flat_map(|names| {
            ["plural", "singular", "kind"]
                .into_iter()
                .filter_map(move |f| names.str(f))
                .chain(names.list("shortNames").filter_map(Value::as_str))
        });
        let plural = at(&["spec", "names", "plural"]);
        if group.is_none_or(|group| group == own)
            && words.into_iter().any(|w| w.eq_ignore_ascii_case(word))
        {
            let namespaced = at(&["spec", "scope"]) == "Namespaced";
            return Ok((own.to_owned(), plural.to_owned(), Some(namespaced)));
        }
    }
    match group {
        Some(group) => Ok((group.to_owned(), word.to_owned(), None)),
        None => Err(format!(
            "{typed} is neither a resource of Kubernetes 1.37 nor of a CustomResourceDefinition that was \
             read: write it as RESOURCE.GROUP, such as certificates.cert-manager.io"
        )),
    }
}
