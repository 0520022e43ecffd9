//! Kubernetes audit events (`audit.k8s.io/v1`, k8s.io/apiserver/pkg/apis/audit), with the fields of
//! Falco's plugins `k8saudit` and `json`.

use std::borrow::Cow;

use pavisade_yaml::{Kind, Value as Json};

use crate::field::FieldRef;
use crate::glob::Glob;
use crate::value::{Event, Value, Values};

/// One audit event.
#[derive(Clone, Copy)]
pub struct AuditEvent<'d> {
    root: Json<'d>,
}

impl<'d> AuditEvent<'d> {
    /// Returns the events of a document, which is one event, an `EventList` or a JSON list, and the
    /// number of elements that are not events.
    pub fn all(root: Json<'d>) -> (Vec<Self>, usize) {
        let events = match root.kind() {
            Kind::Sequence => root.items().collect(),
            _ if root.str("kind") == Some("EventList") => root.list("items").collect(),
            _ => vec![root],
        };
        let all = events.into_iter().map(|root| Self { root });
        let (events, others): (Vec<_>, Vec<_>) = all.partition(Self::is_one);
        (events, others.len())
    }

    fn is_one(&self) -> bool {
        self.root.str("auditID").is_some() && self.root.str("verb").is_some()
    }

    /// Returns the audit ID, which all stages of a request share.
    pub fn id(&self) -> &'d str {
        self.root.str("auditID").unwrap_or_default()
    }

    /// Returns the time as written in the event (RFC 3339); empty if not given.
    pub fn time(&self) -> &'d str {
        let time = |key| self.root.str(key).filter(|time| !time.is_empty());
        time("stageTimestamp").or_else(|| time("timestamp")).unwrap_or_default()
    }

    /// Returns whether the event changes something but was recorded without its content (level
    /// `Metadata`), so that rules about the content cannot match.
    pub fn lacks_content(&self) -> bool {
        let changes = matches!(self.root.str("verb"), Some("create" | "update" | "patch"));
        let on = self.root.at(&["objectRef", "subresource"]).and_then(|on| on.as_str());
        // Requests that open a connection have no content.
        let connects = matches!(on, Some("exec" | "attach" | "portforward" | "proxy"));
        changes && !connects && self.root.str("level") == Some("Metadata")
    }

    /// Returns what the stages of a request share, or nothing if the event does not say. Its id alone
    /// does not identify it, as clients can choose that (`Audit-ID`).
    pub fn request_key(&self) -> Option<[&'d str; 4]> {
        let received = self.root.str("requestReceivedTimestamp")?;
        let user = self.root.at(&["user", "username"])?.as_str()?;
        Some([self.id(), received, user, self.root.str("requestURI")?])
    }

    fn request(&self, path: &[&str]) -> Option<Json<'d>> {
        self.root.get("requestObject")?.at(path)
    }

    fn pod(&self) -> Option<Json<'d>> {
        let spec = self.request(&["spec"])?;
        // For a workload, the pod template.
        Some(spec.at(&["template", "spec"]).unwrap_or(spec))
    }

    /// Returns a value of each container, or of the one that the argument selects.
    fn containers(
        &self,
        kind: &str,
        argument: Option<&[u8]>,
        value: impl Fn(Json<'d>) -> Vec<Value<'d>>,
    ) -> Values<'d> {
        let Some(pod) = self.pod() else { return Values::Absent };
        let containers = pod.list(kind);
        let wanted = match argument.map(|text| std::str::from_utf8(text).map(str::parse)) {
            None => None,
            Some(Ok(Ok(index))) => Some(index),
            Some(_) => return Values::Absent,
        };
        let chosen = containers
            .enumerate()
            .filter(|(index, _)| wanted.is_none_or(|wanted: usize| wanted == *index));
        let all: Vec<_> = chosen.flat_map(|(_, container)| value(container)).collect();
        if all.is_empty() { Values::Absent } else { Values::Many(all) }
    }

    fn of_containers(&self, field: &str, kind: &str, argument: Option<&[u8]>) -> Values<'d> {
        let at = |path: &'static [&'static str]| {
            self.containers(kind, argument, move |container| {
                container.at(path).map(texts).unwrap_or_default()
            })
        };
        match field {
            "args" => at(&["args"]),
            "command" => at(&["command"]),
            "name" => at(&["name"]),
            "image" => at(&["image"]),
            "image.repository" => self.containers(kind, argument, |container| {
                let image = container.str("image").map(repository);
                image.map(Value::text).into_iter().collect()
            }),
            "host_port" => self.containers(kind, argument, |container| {
                container
                    .list("ports")
                    .filter_map(|port| port.get("hostPort"))
                    .flat_map(texts)
                    .collect()
            }),
            "privileged" => at(&["securityContext", "privileged"]),
            "allow_privilege_escalation" => at(&["securityContext", "allowPrivilegeEscalation"]),
            "read_only_fs" => at(&["securityContext", "readOnlyRootFilesystem"]),
            "run_as_user" => at(&["securityContext", "runAsUser"]),
            "run_as_group" => at(&["securityContext", "runAsGroup"]),
            "eff_run_as_user" => self.effective(kind, argument, "runAsUser"),
            "eff_run_as_group" => self.effective(kind, argument, "runAsGroup"),
            "proc_mount" => at(&["securityContext", "procMount"]),
            "add_capabilities" => at(&["securityContext", "capabilities", "add"]),
            _ => Values::Absent,
        }
    }

    /// Returns the setting of the container, or else of the pod, or else root.
    fn effective(&self, kind: &str, argument: Option<&[u8]>, key: &'static str) -> Values<'d> {
        let of_pod = self.pod().and_then(|pod| pod.at(&["securityContext", key]));
        self.containers(kind, argument, move |container| {
            let own = container.at(&["securityContext", key]).or(of_pod);
            own.map_or_else(|| vec![Value::text("0")], texts)
        })
    }

    /// Returns the names of a binding's subjects of one kind.
    fn subjects(&self, kind: &str, with_namespace: bool) -> Values<'d> {
        let Some(subjects) = self.request(&["subjects"]) else { return Values::Absent };
        let names = subjects.items().filter(|subject| subject.str("kind") == Some(kind));
        let name = |subject: Json<'d>| {
            let name = subject.str("name")?;
            Some(if with_namespace {
                let namespace = subject.str("namespace").unwrap_or_default();
                owned(format!("{namespace}:{name}"))
            } else {
                Value::text(name)
            })
        };
        many(names.filter_map(name))
    }

    fn volumes(&self, value: impl Fn(Json<'d>) -> Option<Value<'d>>) -> Values<'d> {
        self.pod().map_or(Values::Absent, |pod| many(pod.list("volumes").filter_map(value)))
    }

    fn host_paths(&self) -> Values<'d> {
        self.volumes(|volume| {
            volume.at(&["hostPath", "path"]).and_then(|path| path.as_str()).map(Value::text)
        })
    }

    fn rules(&self, argument: Option<&[u8]>, key: Option<&str>) -> Values<'d> {
        let Some(rules) = self.request(&["rules"]) else { return Values::Absent };
        let index = argument.and_then(|text| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
        let chosen = rules
            .items()
            .enumerate()
            .filter(|(number, _)| index.is_none_or(|index| index == *number))
            .map(|(_, rule)| rule);
        match key {
            None => many(chosen.map(json_text)),
            Some(key) => many(chosen.filter_map(|rule| rule.get(key)).flat_map(texts)),
        }
    }

    fn parameter(&self, name: &[u8]) -> Values<'d> {
        let query = self.root.str("requestURI").and_then(|uri| uri.split_once('?'));
        let Some((_, query)) = query else { return Values::Absent };
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut found = pairs.filter(|(key, _)| decoded_query(key) == name);
        found.next().map_or(Values::Absent, |(_, value)| {
            Values::One(Value::Bytes(Cow::Owned(decoded_query(value))))
        })
    }
}

impl Event for AuditEvent<'_> {
    fn values(&self, field: &FieldRef) -> Values<'_> {
        let argument = field.argument.as_deref();
        let at = |path: &[&str]| one(self.root.at(path));
        let request = |path: &[&str]| one(self.request(path));
        let pod = |path: &[&str]| one(self.pod().and_then(|pod| pod.at(path)));
        let name = field.name.as_str();
        for (prefix, kind) in [
            ("ka.req.pod.containers.", "containers"),
            ("ka.req.pod.initContainers.", "initContainers"),
            ("ka.req.pod.ephemeralContainers.", "ephemeralContainers"),
        ] {
            if let Some(field) = name.strip_prefix(prefix) {
                return self.of_containers(field, kind, argument);
            }
        }
        match name {
            "ka.auditid" => at(&["auditID"]),
            "ka.stage" => at(&["stage"]),
            "ka.auth.decision" => at(&["annotations", "authorization.k8s.io/decision"]),
            "ka.auth.reason" => at(&["annotations", "authorization.k8s.io/reason"]),
            "ka.auth.openshift.decision" => {
                at(&["annotations", "authentication.openshift.io/decision"])
            }
            "ka.auth.openshift.username" => {
                at(&["annotations", "authentication.openshift.io/username"])
            }
            "ka.validations.admission.policy.failure" => {
                at(&["annotations", "validation.policy.admission.k8s.io/validation_failure"])
            }
            "ka.security.pod.violations" => {
                at(&["annotations", "pod-security.kubernetes.io/audit-violations"])
            }
            "ka.user.name" => at(&["user", "username"]),
            "ka.user.groups" => list(self.root.at(&["user", "groups"])),
            "ka.impuser.name" => at(&["impersonatedUser", "username"]),
            "ka.verb" => at(&["verb"]),
            "ka.uri" => at(&["requestURI"]),
            "ka.uri.param" => self.parameter(argument.unwrap_or_default()),
            "ka.target.name" | "ka.req.configmap.name" => at(&["objectRef", "name"]),
            "ka.target.namespace" => at(&["objectRef", "namespace"]),
            "ka.target.resource" => at(&["objectRef", "resource"]),
            "ka.target.subresource" => at(&["objectRef", "subresource"]),
            "ka.target.pod.name" => match self.root.at(&["objectRef", "resource"]) {
                Some(resource) if resource.as_str() == Some("pods") => at(&["objectRef", "name"]),
                _ => Values::Absent,
            },
            "ka.req.binding.subjects" => self
                .request(&["subjects"])
                .map_or(Values::Absent, |all| many(all.items().map(json_text))),
            "ka.req.binding.subjects.user_names" => self.subjects("User", false),
            "ka.req.binding.subjects.serviceaccount_names" => {
                self.subjects("ServiceAccount", false)
            }
            "ka.req.binding.subjects.serviceaccount_ns_names" => {
                self.subjects("ServiceAccount", true)
            }
            "ka.req.binding.subjects.group_names" => self.subjects("Group", false),
            "ka.req.binding.role" => request(&["roleRef", "name"]),
            "ka.req.binding.subject.has_name" => {
                self.request(&["subjects"]).map_or(Values::Absent, |subjects| {
                    let wanted = argument.unwrap_or_default();
                    let has = subjects.items().any(|subject| {
                        subject.str("name").is_some_and(|name| name.as_bytes() == wanted)
                    });
                    truth(has)
                })
            }
            "ka.req.configmap.obj" => {
                self.request(&["data"]).map_or(Values::Absent, |data| Values::One(json_text(data)))
            }
            "ka.req.container.image" => first(self.of_containers("image", "containers", None)),
            "ka.req.container.image.repository" => {
                first(self.of_containers("image.repository", "containers", None))
            }
            "ka.req.container.privileged" => {
                let all = self.of_containers("privileged", "containers", None);
                match all {
                    Values::Absent => Values::Absent,
                    all => truth(all.as_slice().contains(&Value::text("true"))),
                }
            }
            "ka.req.pod.host_ipc" => pod(&["hostIPC"]),
            "ka.req.pod.host_network" | "ka.req.container.host_network" => pod(&["hostNetwork"]),
            "ka.req.pod.host_pid" => pod(&["hostPID"]),
            "ka.req.pod.run_as_user" => pod(&["securityContext", "runAsUser"]),
            "ka.req.pod.run_as_group" => pod(&["securityContext", "runAsGroup"]),
            "ka.req.pod.fs_group" => pod(&["securityContext", "fsGroup"]),
            "ka.req.pod.supplemental_groups" => {
                list(self.pod().and_then(|pod| pod.at(&["securityContext", "supplementalGroups"])))
            }
            "ka.req.pod.volumes.hostpath" => self.host_paths(),
            "ka.req.pod.volumes.flexvolume_driver" => self.volumes(|volume| {
                volume.at(&["flexVolume", "driver"]).and_then(|name| name.as_str()).map(Value::text)
            }),
            "ka.req.pod.volumes.volume_type" => self.volumes(|volume| {
                let mut kinds = volume.entries().filter(|(key, _)| *key != "name");
                kinds.next().map(|(key, _)| Value::text(key))
            }),
            "ka.req.volume.hostpath" => {
                let glob = Glob::new(argument.unwrap_or_default(), false);
                let paths = self.host_paths();
                truth(
                    paths
                        .as_slice()
                        .iter()
                        .any(|path| matches!(path, Value::Bytes(path) if glob.matches(path))),
                )
            }
            "ka.req.role.rules" => self.rules(argument, None),
            "ka.req.role.rules.apiGroups" => self.rules(argument, Some("apiGroups")),
            "ka.req.role.rules.nonResourceURLs" => self.rules(argument, Some("nonResourceURLs")),
            "ka.req.role.rules.verbs" => self.rules(argument, Some("verbs")),
            "ka.req.role.rules.resources" => self.rules(argument, Some("resources")),
            "ka.req.service.type" => request(&["spec", "type"]),
            "ka.req.service.ports" => self
                .request(&["spec", "ports"])
                .map_or(Values::Absent, |ports| many(ports.items().map(json_text))),
            "ka.resp.name" => at(&["responseObject", "metadata", "name"]),
            "ka.response.code" => at(&["responseStatus", "code"]),
            "ka.response.reason" => at(&["responseStatus", "reason"]),
            "ka.useragent" => at(&["userAgent"]),
            "ka.sourceips" => list(self.root.get("sourceIPs")),
            "jevt.value" | "json.value" => one(pointer(self.root, argument.unwrap_or_default())),
            "jevt.obj" | "json.obj" => Values::One(json_text(self.root)),
            "jevt.rawtime" | "json.rawtime" | "jevt.time" | "json.time" | "jevt.time.iso8601"
            | "json.time.iso8601" | "evt.time" | "evt.time.iso8601" | "evt.datetime" => {
                match self.time() {
                    "" => Values::Absent,
                    time => Values::One(Value::text(time)),
                }
            }
            "evt.source" => Values::One(Value::text("k8s_audit")),
            "evt.pluginname" => Values::One(Value::text("k8saudit")),
            _ => Values::Absent,
        }
    }
}

/// Returns the repository of an image without tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn owned(text: String) -> Value<'static> {
    Value::Bytes(Cow::Owned(text.into_bytes()))
}

fn truth(value: bool) -> Values<'static> {
    Values::One(Value::text(if value { "true" } else { "false" }))
}

fn scalar(value: Json<'_>) -> Option<Value<'_>> {
    Some(match value.scalar_text()? {
        Cow::Borrowed(text) => Value::text(text),
        Cow::Owned(text) => owned(text),
    })
}

fn json_text(value: Json<'_>) -> Value<'static> {
    owned(pavisade_yaml::to_json(value))
}

/// Returns a scalar, or each element of a list.
fn texts(value: Json<'_>) -> Vec<Value<'_>> {
    match value.kind() {
        Kind::Sequence => value.items().filter_map(scalar).collect(),
        _ => scalar(value).into_iter().collect(),
    }
}

/// Returns a scalar, or the JSON of any other value.
fn one(value: Option<Json<'_>>) -> Values<'_> {
    match value {
        None => Values::Absent,
        Some(value) if value.is_null() => Values::Absent,
        Some(value) => Values::One(scalar(value).unwrap_or_else(|| json_text(value))),
    }
}

fn list(value: Option<Json<'_>>) -> Values<'_> {
    value.map_or(Values::Absent, |value| many(texts(value).into_iter()))
}

fn many<'d>(values: impl Iterator<Item = Value<'d>>) -> Values<'d> {
    let values: Vec<_> = values.collect();
    if values.is_empty() { Values::Absent } else { Values::Many(values) }
}

fn first(values: Values<'_>) -> Values<'_> {
    match values {
        Values::Many(values) => values.into_iter().next().map_or(Values::Absent, Values::One),
        other => other,
    }
}

/// Resolves a JSON pointer (RFC 6901).
fn pointer<'d>(root: Json<'d>, text: &[u8]) -> Option<Json<'d>> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() {
        return Some(root);
    }
    let mut value = root;
    for part in text.strip_prefix('/')?.split('/') {
        let key = part.replace("~1", "/").replace("~0", "~");
        value = match value.kind() {
            Kind::Sequence => value.items().nth(key.parse().ok()?)?,
            _ => value.get(&key)?,
        };
    }
    Some(value)
}

/// Decodes a name or value of a query (WHATWG URL, application/x-www-form-urlencoded).
pub fn decoded_query(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(u8::MAX));
                rest = &after[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_no_tag() {
        for (image, want) in [
            ("nginx", "nginx"),
            ("nginx:1", "nginx"),
            ("a.b:5000/c/d", "a.b:5000/c/d"),
            ("a.b:5000/c:1@sha256:0", "a.b:5000/c"),
        ] {
            assert_eq!(repository(image), want, "{image}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        assert_eq!(decoded_query("a%2Fb+c%2"), b"a/b c%2");
    }
}
