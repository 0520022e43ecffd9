//! Checks that maps and lists in an object are where its kind has maps and lists.
//!
//! The API server rejects an object with a list in place of a map, and vice versa. Scalars are not
//! checked: code that reads them checks their type, and templates that are filled in later are
//! scalars.

use pavisade_yaml::{Kind, Value};

use crate::types::{Form, Types};

/// A value with a type that the API server rejects.
#[derive(Debug, Clone, Copy)]
pub struct Misshapen<'v> {
    /// The value.
    pub value: Value<'v>,
    /// The expected type.
    pub wanted: &'static str,
}

/// Top-level fields that are not checked.
const SKIPPED: [&str; 3] = ["apiVersion", "kind", "status"];

/// Returns the first value of a wrong type in an object of that kind. `None` for kinds that are not
/// from Kubernetes.
pub fn misshapen<'v>(
    object: Value<'v>,
    group: &str,
    kind: &str,
    version: &str,
) -> Option<Misshapen<'v>> {
    let types = Types::get();
    // Kinds that were moved to another group.
    let group = match (group, kind) {
        ("extensions", "Ingress") => "networking.k8s.io",
        ("extensions", _) => "apps",
        _ => group,
    };
    let form = match kind {
        // The OpenShift kind has the same pod template as a ReplicationController.
        "DeploymentConfig" => types.of_kind("", "ReplicationController", "v1")?,
        _ => types.of_kind(group, kind, version)?,
    };
    let mut left = vec![(form, object)];
    while let Some((form, value)) = left.pop() {
        let start = left.len();
        let is = value.kind();
        let (fits, wanted) = match form {
            Form::Pointer(inner) => {
                left.push((inner, value));
                continue;
            }
            Form::Raw | Form::TypeOrRaw(_) => continue,
            Form::Type(index) => {
                let fields = &types.at(*index).fields;
                let skipped = |key: &str| value.id() == object.id() && SKIPPED.contains(&key);
                let known = value.entries().filter_map(|(key, value)| {
                    let field = fields.get(key).filter(|_| !skipped(key))?;
                    Some((&field.form, value))
                });
                left.extend(known);
                (is == Kind::Mapping, "a map")
            }
            Form::Map(of) => {
                left.extend(value.entries().map(|(_, value)| (&**of, value)));
                (is == Kind::Mapping, "a map")
            }
            Form::List(_, of) => {
                left.extend(value.items().map(|item| (&**of, item)));
                (is == Kind::Sequence, "a list")
            }
            Form::Text | Form::Bytes | Form::Duration | Form::Time => (is_scalar(is), "text"),
            Form::Bool => (is_scalar(is), "a boolean"),
            Form::Number => (is_scalar(is), "a number"),
            Form::Quantity { .. } | Form::NumberOrText => (is_scalar(is), "a number or text"),
        };
        if !fits && is != Kind::Null {
            return Some(Misshapen { value, wanted });
        }
        // In the order of the file.
        left[start..].reverse();
    }
    None
}

fn is_scalar(kind: Kind) -> bool {
    !matches!(kind, Kind::Mapping | Kind::Sequence)
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::misshapen;

    #[test]
    fn maps_and_lists_are_where_the_type_has_them() {
        for (kind, text, wanted) in [
            ("apps/v1 Deployment", "spec: []", Some(("spec", "a map"))),
            ("apps/v1 Deployment", "metadata: [a]", Some(("metadata", "a map"))),
            ("apps/v1 Deployment", "spec: {template: a}", Some(("template", "a map"))),
            (
                "apps/v1 Deployment",
                "spec: {replicas: [1], template: {spec: {containers: {}}}}",
                Some(("replicas", "a number")),
            ),
            (
                "batch/v1 CronJob",
                "spec: {jobTemplate: {spec: {template: {spec: {volumes: {a: b}}}}}}",
                Some(("volumes", "a list")),
            ),
            (
                "extensions/v1beta1 Deployment",
                "spec: {template: {spec: {containers: a}}}",
                Some(("containers", "a list")),
            ),
            (
                "apps.openshift.io/v1 DeploymentConfig",
                "spec: {triggers: [{a: b}], template: {spec: []}}",
                Some(("spec", "a map")),
            ),
            // Null is allowed, and types of scalars are not checked.
            ("v1 Pod", "spec: {containers: null, hostNetwork: 'true', nodeName: 3}", None),
            // Either type is allowed, any type is allowed, unknown field, not sent.
            ("v1 Service", "spec: {ports: [{targetPort: a}]}", None),
            ("apps/v1 ControllerRevision", "data: [a]", None),
            ("v1 Pod", "spec: {misspelt: []}\nstatus: []", None),
            ("example.org/v1 Deployment", "spec: []", None),
        ] {
            let (api_version, kind) = kind.split_once(' ').unwrap();
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            let doc = read(&Source::new("test.yaml", text)).docs.remove(0);
            let got = misshapen(doc.root(), group, kind, version);
            let got = got.map(|found| (found.value.key().unwrap_or(""), found.wanted));
            assert_eq!(got, wanted, "{text}");
        }
    }
}
