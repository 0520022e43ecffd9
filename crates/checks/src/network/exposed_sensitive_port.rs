//! PV-N029.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exposed_load_balancer::behind;
use super::load_balancer::{Reach, reach};
use crate::field::{list, text};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Database or admin port is exposed
///
/// ## Why
/// Scanners find exposed databases, caches and remote shells within minutes: a weak or missing
/// password, or a single vulnerability in the protocol, exposes all data.
///
/// ## Fix
/// Use a `ClusterIP` Service and connect with `kubectl port-forward`, a bastion host or a VPN. If
/// it must be reachable from outside, set `loadBalancerSourceRanges` or use an internal load
/// balancer.
#[check(
    id = "PV-N029",
    severity = High,
    confidence = Medium,
    scope = Related,
    on = [SERVICE],
    reads = [..WORKLOADS, ..NETWORK_POLICIES, NAMESPACE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedSensitivePort {}

/// Well-known ports, their common names, and the servers.
const PORTS: [(i64, &[&str], &str); 26] = [
    (111, &["rpcbind"], "the portmapper of NFS"),
    (445, &["smb", "cifs"], "SMB"),
    (1433, &["mssql", "sqlserver"], "SQL Server"),
    (1521, &["oracle"], "Oracle"),
    (2049, &["nfs"], "NFS"),
    (2181, &["zookeeper"], "ZooKeeper"),
    (2375, &["docker", "dockerd"], "the Docker daemon without TLS"),
    (2379, &["etcd", "etcd-client"], "etcd"),
    (3306, &["mysql", "mariadb"], "MySQL"),
    (3389, &["rdp"], "RDP"),
    (5432, &["postgres", "postgresql"], "PostgreSQL"),
    (5900, &["vnc"], "VNC"),
    (5984, &["couchdb"], "CouchDB"),
    (6379, &["redis", "valkey"], "Redis"),
    (7687, &["bolt"], "Neo4j"),
    (9042, &["cql", "cassandra"], "Cassandra"),
    (9160, &["thrift"], "Cassandra"),
    (9200, &["elasticsearch", "opensearch"], "Elasticsearch"),
    (9300, &[], "the transport protocol of Elasticsearch"),
    (10250, &[], "the kubelet"),
    (11211, &["memcached", "memcache"], "memcached"),
    (26257, &["cockroachdb"], "CockroachDB"),
    (27017, &["mongodb", "mongo"], "MongoDB"),
    (28015, &["rethinkdb"], "RethinkDB"),
    (22, &["ssh"], SSH),
    (2222, &[], SSH),
];

/// Intentionally open on Git servers.
const SSH: &str = "SSH";

impl Check for ExposedSensitivePort {
    type On = OnObject;

    fn check<'a>(&self, service: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let kind = match text(service.value(), &["spec", "type"]) {
            Ok(Some((kind @ ("LoadBalancer" | "NodePort"), _))) => kind,
            Ok(_) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        };
        let found: Vec<_> = match list(service.value(), &["spec", "ports"]) {
            Ok(ports) => ports.filter_map(|port| Some((port, what(port)?))).collect(),
            Err(wrong) => return wrong.into(),
        };
        if found.is_empty() {
            return Verdict::Holds;
        }
        let reach = match (kind, reach(service)) {
            ("LoadBalancer", Reach::Limited) => return Verdict::Holds,
            ("LoadBalancer", Reach::Unknown(why)) => Reach::Unknown(why),
            _ => behind(service, cx),
        };
        let by = match kind {
            "NodePort" => "every node",
            _ => "the load balancer",
        };
        let claims = found.into_iter().filter_map(|(port, what)| {
            let place = port.get("port").unwrap_or(port);
            match &reach {
                Reach::Limited => None,
                Reach::Unknown(why) => Some(Claim::unknown(place, why.clone())),
                Reach::Open => {
                    let claim = Claim::fails(
                        place,
                        format!("{by} exposes {what} to anyone who can reach it"),
                    );
                    Some(match what {
                        SSH => claim.severity(Severity::Medium),
                        _ => claim,
                    })
                }
            }
        });
        Verdict::from_claims(claims)
    }
}

/// Returns the server at a port of a Service, by the numbers on both sides or by a name.
fn what(port: Value<'_>) -> Option<&'static str> {
    let target = port.get("targetPort").filter(|p| !p.is_null());
    let numbers = [port.get("port").and_then(Value::as_i64), target.and_then(Value::as_i64)];
    let names = [port.str("name"), target.and_then(Value::as_str)];
    // `tcp-mysql` and `mysql-primary` are MySQL, but `mysql-exporter` and `metrics` are not.
    let named = |wanted: &str| {
        let of = |name: &str| {
            let plain = name.strip_prefix("tcp-").unwrap_or(name);
            plain == wanted || plain.strip_suffix("-primary") == Some(wanted)
        };
        names.iter().flatten().any(|name| of(name))
    };
    let found = PORTS.iter().find(|(number, called, _)| {
        numbers.contains(&Some(*number)) || called.iter().any(|name| named(name))
    });
    found.map(|(.., what)| *what)
}
