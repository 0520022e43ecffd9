//! Creating, listing, extending and revoking grants.

use std::hash::{BuildHasher as _, RandomState};

use jiff::{SignedDuration, Timestamp};
use pavisade_rbac::Subject;
use pavisade_rbac::grant::{EXPIRES_AT, End, LABEL, PREFIX, REASON, REQUESTED_BY};
use serde_json::{Value, json};

use crate::api::{Api, Failure, PAGE, escaped};
use crate::grants::{Grant, ROLE_BINDINGS, collection, role_path};

/// The longest time of a grant or a quarantine.
const MOST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The maximum number of pages of a list.
const PAGES: usize = 2_000;

/// A grant that somebody asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who gets access.
    pub subject: Subject,
    /// `Role` or `ClusterRole`.
    pub role_kind: &'static str,
    /// The name of the role.
    pub role: String,
    /// Where; everywhere if it is empty.
    pub namespace: String,
    /// For how long.
    pub time: SignedDuration,
    /// Why.
    pub reason: String,
}

/// Creates a grant.
///
/// # Errors
/// The request is not sensible, or the API server refuses it.
pub async fn create(api: &Api, asked: &Asked) -> Result<Grant, Failure> {
    sensible(asked)?;
    let by = whoami(api).await?;
    role_exists(api, asked).await?;
    let end = end_after(api, asked.time)?;
    let subject = match &asked.subject {
        Subject::ServiceAccount { namespace, name } => {
            json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
        }
        Subject::User(name) => {
            json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
        }
        Subject::Group(name) => {
            json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name})
        }
    };
    let kind = if asked.namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let id = id();
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {
            "name": format!("{PREFIX}{id}"),
            "labels": {LABEL: id},
            "annotations": {EXPIRES_AT: end.to_string(), REQUESTED_BY: by, REASON: asked.reason},
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": asked.role_kind, "name": asked.role,
        },
        "subjects": [subject],
    });
    if !asked.namespace.is_empty() {
        binding["metadata"]["namespace"] = json!(asked.namespace);
    }
    let made = api.post(&collection(&asked.namespace), &binding).await?;
    stored(kind, &made)
}

/// The grant that the API server stored.
fn stored(kind: &'static str, binding: &Value) -> Result<Grant, Failure> {
    let why = "the API server dropped the label or the annotations of the grant";
    Grant::read(kind, binding).ok_or_else(|| Failure::Other(why.to_owned()))
}

/// Returns an error if a time is too short or too long for `what`, such as `a grant`.
pub(crate) fn valid_time(what: &str, time: SignedDuration) -> Result<(), Failure> {
    if time < SignedDuration::from_secs(1) || time > MOST {
        let days = MOST.as_hours() / 24;
        let why = format!("{what} lasts between 1 second and {days} days from now: change --for");
        return Err(Failure::Other(why));
    }
    Ok(())
}

fn sensible(asked: &Asked) -> Result<(), Failure> {
    let wrong = |why: String| Err(Failure::Other(why));
    valid_time("a grant", asked.time)?;
    if asked.role_kind == "Role" && asked.namespace.is_empty() {
        return wrong("a Role is in a namespace: give it with --namespace".to_owned());
    }
    match &asked.subject {
        Subject::Group(name) if name == "system:masters" => wrong(
            "members of `system:masters` bypass RBAC, so a grant to them has no effect".to_owned(),
        ),
        Subject::Group(name) | Subject::User(name)
            if matches!(&**name, "system:unauthenticated" | "system:anonymous") =>
        {
            wrong(format!("`{name}` is everyone without a credential: grant to a user or group"))
        }
        _ => Ok(()),
    }
}

/// Returns the name of the caller. The response also sets the clock of [`Api::now`].
async fn whoami(api: &Api) -> Result<String, Failure> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = api.post(path, &review).await?;
    let name = answer.pointer("/status/userInfo/username").and_then(Value::as_str);
    let missing = || Failure::Other("the API server does not say who you are".to_owned());
    name.map(str::to_owned).ok_or_else(missing)
}

async fn role_exists(api: &Api, asked: &Asked) -> Result<(), Failure> {
    match api.get(&role_path(asked.role_kind, &asked.namespace, &asked.role)).await {
        Err(failure) if failure.code() == 404 => {
            let hint = match asked.role_kind {
                "Role" => String::new(),
                _ => format!("; for a Role of a namespace write `role/{}`", asked.role),
            };
            let why = format!("{} `{}` does not exist{hint}", asked.role_kind, asked.role);
            Err(Failure::Other(why))
        }
        // A user who is allowed to bind a role may not be allowed to read it.
        Err(failure) if failure.code() == 403 => Ok(()),
        other => other.map(|_| ()),
    }
}

/// The end in whole seconds, by the clock of the API server.
pub(crate) fn end_after(api: &Api, time: SignedDuration) -> Result<Timestamp, Failure> {
    let end = api.now()?.checked_add(time).map_err(|error| Failure::Other(error.to_string()))?;
    Timestamp::from_second(end.as_second()).map_err(|error| Failure::Other(error.to_string()))
}

/// A name that is free: 50 random bits.
fn id() -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    // Every RandomState has its own random keys.
    let random = RandomState::new().hash_one("grant");
    let digit = |place: u32| char::from(DIGITS[(random >> (5 * place)) as usize % 32]);
    (0..10).map(digit).collect()
}

/// Lists the bindings that have an end, or were meant to, of a namespace or of the whole cluster.
///
/// # Errors
/// The API server refuses the list.
pub async fn list(api: &Api, namespace: Option<&str>) -> Result<Vec<Grant>, Failure> {
    let mut grants = Vec::new();
    match namespace {
        Some(namespace) => {
            pages(api, "RoleBinding", &collection(namespace), "", &mut grants).await?
        }
        None => {
            pages(api, "ClusterRoleBinding", &collection(""), "", &mut grants).await?;
            pages(api, "RoleBinding", ROLE_BINDINGS, "", &mut grants).await?;
        }
    }
    grants.sort_by(|a, b| (a.shown.end, &a.shown.name).cmp(&(b.shown.end, &b.shown.name)));
    Ok(grants)
}

/// Lists what has the label of a grant, or of this one, from the cache of the API server.
pub(crate) async fn labelled(api: &Api, id: Option<&str>) -> Result<Vec<Grant>, Failure> {
    let label = escaped(LABEL);
    let selector = match id {
        Some(id) => format!("labelSelector={label}%3D{}", escaped(id)),
        None => format!("labelSelector={label}&resourceVersion=0"),
    };
    let mut grants = Vec::new();
    pages(api, "ClusterRoleBinding", &collection(""), &selector, &mut grants).await?;
    pages(api, "RoleBinding", ROLE_BINDINGS, &selector, &mut grants).await?;
    Ok(grants)
}

async fn pages(
    api: &Api,
    kind: &'static str,
    path: &str,
    query: &str,
    grants: &mut Vec<Grant>,
) -> Result<(), Failure> {
    let read = |items: Vec<Value>| {
        grants.extend(items.iter().filter_map(|item| Grant::read(kind, item)));
    };
    match api.pages(path, query, PAGES, read).await? {
        true => Ok(()),
        false => Err(Failure::Other(format!("{path} has more than {} objects", PAGE * PAGES))),
    }
}

/// Finds a grant by its name, with or without its prefix; of several by `NAMESPACE/NAME`, or `/NAME`
/// for the one of the whole cluster.
///
/// # Errors
/// There is none, or there are several.
pub async fn find(api: &Api, name: &str) -> Result<Grant, Failure> {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    };
    let id = name.strip_prefix(PREFIX).unwrap_or(name);
    let is_id = !id.is_empty() && id.len() <= 63 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let found = if is_id { labelled(api, Some(id)).await? } else { Vec::new() };
    pick(found, namespace, &format!("{PREFIX}{id}"))
}

/// The only one of that name. Anybody who may create bindings in a namespace can copy the name of a
/// grant, so one of several is never taken.
fn pick(mut found: Vec<Grant>, namespace: Option<&str>, name: &str) -> Result<Grant, Failure> {
    found.retain(|grant| {
        grant.shown.name == name && namespace.is_none_or(|only| only == grant.shown.namespace)
    });
    if found.len() > 1 {
        let all = found.iter().map(|grant| format!("`{}/{name}`", grant.shown.namespace));
        let all: Vec<_> = all.take(5).collect();
        let why = format!("several grants are called `{name}`: name one of {}", all.join(", "));
        return Err(Failure::Other(why));
    }
    found.pop().ok_or_else(|| {
        let slash = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
        Failure::Other(format!(
            "there is no grant `{slash}{name}`: `pavisade grant list` shows their names"
        ))
    })
}

/// Why a deletion that the API server accepted did not remove the binding, if so.
pub(crate) fn kept(answer: &Value) -> Option<String> {
    answer.pointer("/metadata/deletionTimestamp")?.as_str()?;
    let all = answer.pointer("/metadata/finalizers")?.as_array()?;
    let all: Vec<_> = all.iter().filter_map(Value::as_str).take(5).collect();
    (!all.is_empty()).then(|| {
        format!(
            "it is marked for deletion, but still gives access until its finalizers are removed: {}",
            all.join(", ")
        )
    })
}

/// Moves the end of a grant to `time` from now.
///
/// # Errors
/// It has ended, or would end earlier, or the API server refuses it.
pub async fn extend(api: &Api, name: &str, time: SignedDuration) -> Result<Grant, Failure> {
    valid_time("a grant", time)?;
    let grant = find(api, name).await?;
    let End::At(old) = grant.end else {
        let why = grant.shown.problem.unwrap_or_default();
        return Err(Failure::Other(format!("{}: {why}", grant.shown.name)));
    };
    let new = end_after(api, time)?;
    if old <= api.now()? {
        let why = format!("{} ended at {old}: create a new grant", grant.shown.name);
        return Err(Failure::Other(why));
    }
    if new <= old {
        let why = format!("{} ends at {old}, which is later than {new}", grant.shown.name);
        return Err(Failure::Other(why));
    }
    let patch = json!({"metadata": {
        "uid": grant.uid,
        "resourceVersion": grant.version,
        "annotations": {EXPIRES_AT: new.to_string()},
    }});
    let changed = api.patch(&grant.path(), &patch).await?;
    stored(grant.shown.kind, &changed)
}

/// Removes a grant before its end.
///
/// # Errors
/// There is none of that name, or the API server refuses it, or finalizers keep the binding.
pub async fn revoke(api: &Api, name: &str) -> Result<Grant, Failure> {
    let grant = find(api, name).await?;
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": grant.uid},
    });
    let answer = api.delete(&grant.path(), &options).await?;
    match kept(&answer) {
        Some(why) => Err(Failure::Other(format!("{}: {why}", grant.shown.name))),
        None => Ok(grant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(subject: Subject, role_kind: &'static str, namespace: &str, seconds: i64) -> Asked {
        Asked {
            subject,
            role_kind,
            role: "edit".to_owned(),
            namespace: namespace.to_owned(),
            time: SignedDuration::from_secs(seconds),
            reason: "test".to_owned(),
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_it_is_sent() {
        let user = || Subject::User("ann".to_owned());
        let group = |name: &str| Subject::Group(name.to_owned());
        for (asked, says) in [
            (asked(user(), "ClusterRole", "", 60), None),
            (asked(user(), "ClusterRole", "", 0), Some("--for")),
            (asked(user(), "ClusterRole", "", 31 * 86_400), Some("30 days")),
            (asked(user(), "Role", "", 60), Some("--namespace")),
            (asked(group("system:masters"), "ClusterRole", "", 60), Some("no effect")),
            (asked(group("system:unauthenticated"), "ClusterRole", "", 60), Some("everyone")),
        ] {
            let told = sensible(&asked).err().map(|failure| failure.to_string());
            assert_eq!(told.is_some(), says.is_some(), "{asked:?}: {told:?}");
            assert!(told.unwrap_or_default().contains(says.unwrap_or_default()));
        }
    }

    #[test]
    fn a_copy_of_the_name_is_never_taken() {
        let grant = |namespace: &str| {
            let meta = json!({
                "name": "pavisade-grant-a1", "namespace": namespace,
                "labels": {LABEL: "a1"}, "annotations": {EXPIRES_AT: "2030-01-01T00:00:00Z"},
            });
            Grant::read("RoleBinding", &json!({"metadata": meta})).unwrap()
        };
        let pick = |namespace| {
            let found = vec![grant(""), grant("shop")];
            pick(found, namespace, "pavisade-grant-a1").map(|grant| grant.shown.namespace)
        };
        let several = pick(None).unwrap_err().to_string();
        assert!(several.contains("`shop/pavisade-grant-a1`"), "{several}");
        assert_eq!(pick(Some("shop")).unwrap(), "shop");
        assert_eq!(pick(Some("")).unwrap(), "");
        assert!(pick(Some("blog")).is_err());
    }

    #[test]
    fn a_binding_with_finalizers_is_still_there() {
        let at = "2030-01-01T00:00:00Z";
        let held = json!({"metadata": {"deletionTimestamp": at, "finalizers": ["x.dev/y"]}});
        assert!(kept(&held).unwrap().contains("x.dev/y"));
        assert_eq!(kept(&json!({"kind": "Status", "status": "Success"})), None);
        assert_eq!(kept(&json!({"metadata": {"finalizers": ["x.dev/y"]}})), None);
    }

    #[test]
    fn names_differ() {
        let names: std::collections::HashSet<_> = (0..1000).map(|_| id()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| name.len() == 10));
    }
}
