//! Facts about a cluster other than its objects: its version, the kinds it serves, the certificates
//! of its servers, and its responses to unauthenticated requests.
//!
//! The snapshot of a cluster stores these facts as one object of kind `Cluster`, so that findings
//! can point into it. Code reads them through the types of this module and excludes this object
//! from counts.

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_yaml::Value;

use crate::{Object, World};

/// Facts about a cluster.
#[derive(Debug, Clone, Copy)]
pub struct ClusterFacts<'a>(&'a Object);

/// A version of a kind that the API server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served<'a> {
    /// The API group. Empty for the core group.
    pub group: &'a str,
    /// The API version without the group.
    pub version: &'a str,
    /// The kind.
    pub kind: &'a str,
}

/// The certificates that a server presented, or those of the user.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The value that contains them.
    pub value: Value<'a>,
    /// The owner: `API server`, `kubelet NODE`, `kubeconfig user NAME`.
    pub of: Option<&'a str>,
    /// The address of the server.
    pub address: Option<&'a str>,
    /// The error if no certificate was received.
    pub error: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// Returns the certificates in base64, leaf first. `None` for one that is not a string.
    pub fn chain(self) -> impl Iterator<Item = Option<&'a str>> {
        self.value.list("chain").map(Value::as_str)
    }
}

impl<'a> ClusterFacts<'a> {
    /// The path of the API server's version.
    pub const VERSION: [&'static str; 2] = ["version", "gitVersion"];

    /// Returns the facts in an object, if it is one of facts.
    pub fn read(object: &'a Object) -> Option<Self> {
        object.is(kinds::CLUSTER).then_some(Self(object))
    }

    /// Returns the facts of a world.
    pub fn of(world: &'a World) -> Option<Self> {
        world.of_kind(kinds::CLUSTER).next().map(Self)
    }

    /// Returns the object that stores the facts.
    pub fn object(self) -> &'a Object {
        self.0
    }

    fn text(self, path: &[&str]) -> Option<&'a str> {
        self.0.at(path)?.as_str()
    }

    /// Returns the version reported by the API server: `v1.30.4-eks-a737599`.
    pub fn version(self) -> Option<&'a str> {
        self.text(&Self::VERSION)
    }

    /// Returns the Kubernetes version, without vendor suffixes.
    pub fn kubernetes(self) -> Option<KubernetesVersion> {
        self.version()?.parse().ok()
    }

    /// Returns the time at which the cluster was read.
    pub fn read_at(self) -> Option<&'a str> {
        self.text(&["readAt"])
    }

    /// Returns the name of the distribution as set by the user.
    pub fn said_distribution(self) -> Option<&'a str> {
        self.text(&["distribution"])
    }

    /// Whether the kinds served by the API server are known.
    pub fn knows_served(self) -> bool {
        self.0.at(&["served"]).is_some()
    }

    /// Returns the kinds served by the API server.
    pub fn served(self) -> impl Iterator<Item = Served<'a>> {
        self.0.value().list("served").map(|one| {
            let text = |field: &str| one.str(field).unwrap_or_default();
            Served { group: text("group"), version: text("version"), kind: text("kind") }
        })
    }

    /// Whether the API server serves a group.
    pub fn serves_group(self, group: &str) -> bool {
        self.served().any(|served| served.group == group)
    }

    /// Returns the value that lists the certificates, and the certificates. `None` if they were not
    /// requested.
    pub fn certificates(self) -> Option<(Value<'a>, impl Iterator<Item = Presented<'a>>)> {
        let all = self.0.at(&["certificates"])?;
        let presented = all.items().map(|value| Presented {
            value,
            of: value.str("of"),
            address: value.str("address"),
            error: value.str("error"),
        });
        Some((all, presented))
    }

    /// Returns the unauthenticated requests that were sent. `None` if none were sent.
    pub fn anonymous(self) -> Option<impl Iterator<Item = Value<'a>>> {
        self.0.at(&["anonymous"]).map(Value::items)
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    #[test]
    fn facts_are_read_by_their_types() {
        let text = "\
readAt: 2026-01-02T03:04:05Z
version: {gitVersion: v1.30.4-eks-a737599}
served:
- {group: apps, version: v1, kind: Deployment}
- {version: v1, kind: Pod}
certificates:
- {of: API server, address: 'a:443', chain: [QQ==, 1]}
- {of: kubelet n, error: refused}
";
        let doc = read(&Source::new("t", text)).docs.remove(0);
        let object = Object::new(doc.root(), "pavisade.dev/v1", "Cluster");
        let facts = ClusterFacts::read(&object).unwrap();
        assert_eq!(facts.version(), Some("v1.30.4-eks-a737599"));
        assert_eq!(facts.kubernetes(), Some(KubernetesVersion::minor(30)));
        assert_eq!(facts.read_at(), Some("2026-01-02T03:04:05Z"));
        let pod = Served { group: "", version: "v1", kind: "Pod" };
        assert_eq!(facts.served().nth(1), Some(pod));
        assert!(
            facts.knows_served() && facts.serves_group("apps") && !facts.serves_group("policy")
        );
        let (_, presented) = facts.certificates().unwrap();
        let presented: Vec<_> =
            presented.map(|p| (p.address, p.error, p.chain().count())).collect();
        assert_eq!(presented, [(Some("a:443"), None, 2), (None, Some("refused"), 0)]);
        assert!(facts.anonymous().is_none());
        let other = Object::new(doc.root(), "example.com/v1", "Cluster");
        assert!(ClusterFacts::read(&other).is_none());
    }
}
