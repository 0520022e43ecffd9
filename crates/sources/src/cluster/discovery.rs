//! The kinds that an API server serves (KEP-3352 aggregated discovery, or legacy discovery).

use pavisade_model::GroupKind;
use pavisade_yaml::{Source, Value, read};

use super::http::{Failure, Server};

/// Aggregated discovery if the server supports it, otherwise that of Kubernetes before 1.26.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";

/// The resources that can be listed, with the preferred version of each group first.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub resources: Vec<Resource>,
    /// Registered group versions whose server does not respond, with the reason.
    pub silent: Vec<(String, String)>,
}

/// A resource in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub group: String,
    pub version: String,
    pub kind: String,
    /// The plural name in URLs.
    pub resource: String,
    pub namespaced: bool,
}

impl Resource {
    /// Returns the `apiVersion`: `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        match &*self.group {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Returns the path for listing all objects.
    pub(crate) fn path(&self) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        format!("{root}/{}/{}", self.api_version(), self.resource)
    }
}

impl Served {
    /// Returns the resource of a kind in its preferred version.
    pub(crate) fn find(&self, kind: GroupKind) -> Option<&Resource> {
        let is = |r: &&Resource| r.kind == kind.kind && r.group == kind.group;
        self.resources.iter().find(is)
    }

    /// Returns the reason why the server of a registered group does not respond.
    pub(crate) fn silence(&self, group: &str) -> Option<&str> {
        let of = |(name, _): &&(String, String)| {
            name.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.silent.iter().find(of).map(|(_, why)| why.as_str())
    }
}

/// Requests the resources from the server.
pub(crate) async fn discover(server: &Server) -> Result<Served, Failure> {
    let mut served = Served::default();
    for root in ["/api", "/apis"] {
        let text = server.get(root, ACCEPT).await?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let documents = read(&Source::new("discovery", text));
        let Some(doc) = documents.docs.first() else {
            return Err(Failure::Refused(format!(
                "the response to {root} is not from a Kubernetes API server"
            )));
        };
        let value = doc.root();
        match value.str("kind") {
            Some("APIGroupDiscoveryList") => aggregated(value, &mut served),
            Some("APIVersions") => {
                for version in value.list("versions").filter_map(Value::as_str) {
                    group_version(server, "", version, &mut served).await;
                }
            }
            Some("APIGroupList") => {
                for group in value.list("groups") {
                    let preferred =
                        group.at(&["preferredVersion", "version"]).and_then(Value::as_str);
                    let name = group.str("name").unwrap_or_default();
                    let mut versions: Vec<_> =
                        group.list("versions").filter_map(|v| v.str("version")).collect();
                    versions.sort_by_key(|version| Some(*version) != preferred);
                    for version in versions {
                        group_version(server, name, version, &mut served).await;
                    }
                }
            }
            _ => {
                return Err(Failure::Refused(format!(
                    "the response to {root} is not from a Kubernetes API server"
                )));
            }
        }
    }
    Ok(served)
}

fn aggregated(list: Value<'_>, served: &mut Served) {
    for group in list.list("items") {
        let name = group.at(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
        for version in group.list("versions") {
            let number = version.str("version").unwrap_or_default();
            // The server behind an APIService is unavailable. Its last known resources are listed.
            if version.str("freshness") == Some("Stale") {
                let why = "its API server does not respond to the cluster".to_owned();
                served.silent.push((format!("{name}/{number}"), why));
            }
            for resource in version.list("resources") {
                let kind = resource.at(&["responseKind", "kind"]).and_then(Value::as_str);
                served.add((name, number), resource, "resource", kind);
            }
        }
    }
}

async fn group_version(server: &Server, group: &str, version: &str, served: &mut Served) {
    let path = match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    match server.get(&path, "application/json").await {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            for doc in read(&Source::new("discovery", text)).docs {
                for resource in doc.root().list("resources") {
                    served.add((group, version), resource, "name", resource.str("kind"));
                }
            }
        }
        Err(failure) => served.silent.push((format!("{group}/{version}"), failure.to_string())),
    }
}

impl Served {
    /// Adds a resource if it can be listed. Its plural name is in `name`.
    fn add(
        &mut self,
        (group, version): (&str, &str),
        resource: Value<'_>,
        name: &str,
        kind: Option<&str>,
    ) {
        let (Some(plural), Some(kind)) = (resource.str(name), kind) else { return };
        let lists = resource.list("verbs").any(|verb| verb.as_str() == Some("list"));
        if plural.contains('/') || !lists {
            return;
        }
        self.resources.push(Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            resource: plural.to_owned(),
            namespaced: resource.str("scope") == Some("Namespaced")
                || resource.bool("namespaced") == Some(true),
        });
    }
}
