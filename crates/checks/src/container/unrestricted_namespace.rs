//! PV-C029.

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, Program, Severity, kinds};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pod_security::{label, minor, rank};
use crate::operation::admission::configurations;
use crate::{Check, Claim, Cx, Derived, OnObject, Place, Reads, Verdict, View, Why, component};

/// No Pod Security level is enforced
///
/// ## Why
/// Anyone who can create pods in the namespace can create a privileged pod and so control the node.
/// System namespaces such as `kube-system` are not reported, because their components need access
/// to the node.
///
/// ## Fix
/// Label the namespace `pod-security.kubernetes.io/enforce: baseline`, or better `restricted`. Move
/// pods that need more privileges to a separate namespace.
#[check(
    id = "PV-C029",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    on = [NAMESPACE],
    reads = [..WORKLOADS, ADMISSION_CONFIGURATION, POD_SECURITY_CONFIGURATION, CLUSTER]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedNamespace {
    /// The lowest level that a namespace must enforce: `baseline` or `restricted`.
    least: Level,
    /// Also report namespaces without pods.
    empty: bool,
}

/// A level that restricts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    #[default]
    Baseline,
    Restricted,
}

impl Level {
    /// Whether a namespace that enforces `level` meets it.
    fn is_met(self, level: Option<&str>) -> bool {
        match self {
            Self::Baseline => matches!(level, Some("baseline" | "restricted")),
            Self::Restricted => level == Some("restricted"),
        }
    }
}

impl Check for UnrestrictedNamespace {
    type On = OnObject;

    fn check<'a>(&self, namespace: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if matches!(namespace.name(), "kube-system" | "kube-public" | "kube-node-lease") {
            return Verdict::NotApplicable;
        }
        let invalid: Vec<_> = invalid_labels(namespace).collect();
        if !invalid.is_empty() {
            // The API server rejects such a namespace, so nothing is known about its pods.
            return Verdict::from_claims(invalid);
        }
        let enforced = label(namespace, "enforce");
        let level = enforced.and_then(Value::as_str);
        if self.least.is_met(level) {
            return Verdict::Holds;
        }
        let place = enforced.map_or_else(
            || {
                Place::field(
                    namespace.value(),
                    &["metadata", "labels", "pod-security.kubernetes.io/enforce"],
                )
            },
            Place::from,
        );
        let mut holder = None;
        for &kind in kinds::WORKLOADS {
            let listing = cx.list_in(kind, namespace.name());
            // Prefer a named object to one created by a controller.
            let named = listing.objects.iter().find(|object| !is_made(object)).copied();
            if named.is_some() {
                holder = named;
                break;
            }
            holder = holder.or(listing.objects.first().copied());
            if holder.is_none()
                && let Some(why) = listing.gap()
            {
                return Verdict::unknown(place, why);
            }
        }
        if holder.is_none() && !self.empty {
            return Verdict::NotApplicable;
        }
        if serves_constraints(cx) {
            let why = "in OpenShift, SecurityContextConstraints decide which pods a namespace \
                       admits, and they are not evaluated";
            return Verdict::unknown(place, why);
        }
        let held = match holder.map(|holder| (holder.kind(), holder.name())) {
            None => "no pods yet".to_owned(),
            Some((kind, "")) => format!("a {kind}"),
            Some((kind, name)) => format!("{kind} `{name}`"),
        };
        if level == Some("baseline") {
            let message = format!(
                "the required level is stricter than `baseline`, and this namespace contains {held}"
            );
            return Verdict::fails(place, message);
        }
        if enforced.is_some() {
            let message = format!(
                "`privileged` restricts nothing in a namespace that contains {held}: anyone who \
                 can create pods there controls the node"
            );
            return Verdict::fails(place, message);
        }
        // OpenShift sets the labels itself if configured to.
        let synced = namespace.label("security.openshift.io/scc.podSecurityLabelSync");
        if synced == Some("true") {
            return Verdict::unknown(
                place,
                "OpenShift sets the Pod Security labels of the namespace",
            );
        }
        let server = cx.derive::<ServerDefault>();
        let confidence = match &server.0 {
            Ok(confidence) => *confidence,
            Err(why) => return Verdict::unknown(place, why.clone()),
        };
        match default_level(namespace, cx) {
            Err(why) => Verdict::unknown(place, why),
            Ok(level) if self.least.is_met(level) => Verdict::Holds,
            Ok(_) => Claim::fails(
                place,
                format!(
                    "the namespace contains {held} and enforces no Pod Security level: anyone who \
                     can create pods there controls the node"
                ),
            )
            .confidence(confidence)
            .into(),
        }
    }
}

/// Whether it is a live OpenShift cluster, whose own admission precedes Pod Security.
fn serves_constraints(cx: &View<'_>) -> bool {
    cx.cluster().is_some_and(|cluster| cluster.serves_group("security.openshift.io"))
}

/// Whether another object owns it.
fn is_made(object: &Object) -> bool {
    object.at(&["metadata", "ownerReferences"]).is_some()
}

/// Returns claims for invalid levels and versions (k8s.io/pod-security-admission/api, ParseLevel
/// and ParseVersion).
fn invalid_labels<'a>(namespace: &'a Object) -> impl Iterator<Item = Claim<'a>> {
    ["enforce", "audit", "warn"].into_iter().flat_map(move |mode| {
        let level = label(namespace, mode);
        let level = level.filter(|value| value.as_str().and_then(rank).is_none());
        let version = label(namespace, &format!("{mode}-version")).filter(|value| {
            value.as_str().is_none_or(|text| text != "latest" && minor(text).is_none())
        });
        let claim = |value: Value<'a>, what: &str| {
            let text = value.scalar_text().unwrap_or_default();
            let message = format!(
                "`{text}` is not a valid Pod Security {what}, so the API server rejects the \
                 namespace"
            );
            Claim::fails(value, message).severity(Severity::Low)
        };
        level
            .map(|v| claim(v, "level"))
            .into_iter()
            .chain(version.map(move |v| claim(v, "version")))
    })
}

/// The result of [`server_default`], computed once for all namespaces.
struct ServerDefault(Result<Confidence, Why>);

impl Derived for ServerDefault {
    const READS: Reads = &[&[kinds::POD]];

    fn make(cx: &View<'_>) -> Self {
        Self(server_default(cx))
    }
}

/// Returns the confidence that a live API server sets no default level for unlabeled namespaces,
/// which a file on its node may do (Talos has a default).
fn server_default(cx: &View<'_>) -> Result<Confidence, Why> {
    const FLAG: &str = "admission-control-config-file";
    if !cx.is_live() {
        return Ok(Confidence::Medium);
    }
    let pods = cx.list_in(kinds::POD, "kube-system").objects.into_iter();
    let servers = pods.flat_map(component::components).filter(|c| c.name() == "kube-apiserver");
    let flags: Vec<_> = servers.map(|server| server.known(FLAG)).collect();
    if flags.iter().any(|flag| !matches!(flag, Ok(None))) {
        let why = format!(
            "`--{FLAG}` refers to a file on the node that may set default levels, and the API \
             does not expose it"
        );
        return Err(Why::of(Gap::Settings(Program::ApiServer), why));
    }
    match (flags.is_empty(), cx.gap(kinds::POD)) {
        (_, Some(why)) => Err(why
            .told(|why| format!("it is not known whether `--{FLAG}` sets a default level: {why}"))),
        // The server's flags are not visible.
        (true, None) => Ok(Confidence::Low),
        (false, None) => Ok(Confidence::Medium),
    }
}

/// Returns the default level for unlabeled namespaces in the API server's configuration, or an
/// error if it is in a file that was not read.
fn default_level<'a>(namespace: &Object, cx: &View<'a>) -> Result<Option<&'a str>, Why> {
    // It is only in files, not visible in a cluster.
    if cx.coverage(kinds::ADMISSION_CONFIGURATION) == Coverage::Unread {
        return Ok(None);
    }
    let level = |configuration: Value<'a>| {
        let exempt = configuration.at(&["exemptions", "namespaces"]);
        let is_exempt =
            exempt.is_some_and(|e| e.items().any(|n| n.as_str() == Some(namespace.name())));
        if is_exempt { None } else { configuration.at(&["defaults", "enforce"])?.as_str() }
    };
    let separate = cx.list(kinds::POD_SECURITY_CONFIGURATION).objects;
    for file in cx.list(kinds::ADMISSION_CONFIGURATION).objects {
        for given in configurations(file, "PodSecurity") {
            match given {
                Ok(configuration) => {
                    if let Some(level) = level(configuration) {
                        return Ok(Some(level));
                    }
                }
                Err(elsewhere) if separate.is_empty() => return Err(elsewhere.why()),
                Err(_) => {}
            }
        }
    }
    Ok(separate.into_iter().find_map(|file| level(file.value())))
}
