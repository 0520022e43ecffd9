//! Verdicts for a whole cluster on programs whose settings are not visible in its API.
//!
//! Flags are visible if a component runs as a static pod, through mirror pods: those are checked
//! directly. For all others there must be an explicit result, because no result would be read as
//! "passed".

use std::collections::BTreeSet;

use pavisade_model::{Gap, GroupKind, Meta, Program, kinds};
use pavisade_snapshot::{Coverage, DistributionName, Object, World};
use pavisade_yaml::Value;

use crate::component::{self, Component};
use crate::storage::etcd_facts;
use crate::{Claim, Dispatch, Place, Verdict, Why};

/// Namespaces in which distributions run their control plane as static pods.
const NAMESPACES: [&str; 5] = [
    "kube-system",
    "openshift-etcd",
    "openshift-kube-apiserver",
    "openshift-kube-controller-manager",
    "openshift-kube-scheduler",
];

/// Files of the API server, and the flag for each.
const FILES: [(GroupKind, &str); 7] = [
    (kinds::ADMISSION_CONFIGURATION, "admission-control-config-file"),
    (kinds::POD_SECURITY_CONFIGURATION, "admission-control-config-file"),
    (kinds::AUDIT_POLICY, "audit-policy-file"),
    (kinds::AUTHENTICATION_CONFIGURATION, "authentication-config"),
    (kinds::AUTHORIZATION_CONFIGURATION, "authorization-config"),
    (kinds::ENCRYPTION_CONFIGURATION, "encryption-provider-config"),
    (kinds::ENCRYPTION_CONFIG, "encryption-provider-config"),
];

/// Returns the control plane components with running mirror pods in a cluster.
pub(crate) fn seen(world: &World) -> Vec<Component<'_>> {
    if !world.is_live() {
        return Vec::new();
    }
    let pods = NAMESPACES.into_iter().flat_map(|namespace| {
        // The namespace has the static lifetime.
        world.in_namespace(kinds::POD, namespace)
    });
    let runs =
        |pod: &Object| pod.at(&["status", "phase"]).and_then(Value::as_str) == Some("Running");
    let pods = pods.filter(|pod| pod.is_mirror_pod() && runs(pod));
    let mirrored = pods.filter(|pod| component::configures(pod)).flat_map(component::components);
    // Facts from all nodes show the programs that run there. With facts from some, the others may
    // have other settings.
    let all = nodes_without_facts(world).is_none();
    let nodes = world.of_kind(kinds::NODE_FACTS).filter(|_| all).flat_map(component::components);
    mirrored.chain(nodes).collect()
}

/// Returns the reason why the kubelets of some nodes are not known. `None` if facts from all nodes
/// were read.
fn unread_kubelets(world: &World) -> Option<String> {
    let has_facts = world.of_kind(kinds::NODE_FACTS).next().is_some();
    if !has_facts || world.coverage(kinds::NODE) != Coverage::Complete {
        return Some(KUBELET.to_owned());
    }
    nodes_without_facts(world)
}

/// Returns the reason why results about nodes may be missing. `None` if facts from all nodes were
/// read.
fn nodes_without_facts(world: &World) -> Option<String> {
    if world.coverage(kinds::NODE) != Coverage::Complete {
        return Some("the nodes were not listed, so facts from some may be missing".to_owned());
    }
    let facts: BTreeSet<_> = world.of_kind(kinds::NODE_FACTS).map(Object::name).collect();
    let missing: Vec<_> =
        world.of_kind(kinds::NODE).map(Object::name).filter(|node| !facts.contains(node)).collect();
    let first = missing.first()?;
    Some(match missing.len() {
        1 => format!("no facts were read from the node `{first}`"),
        count => format!("no facts were read from {count} nodes, such as `{first}`"),
    })
}

/// Returns the verdict of a check of program settings for a whole cluster, and the programs. `None`
/// if visible components are checked directly.
pub(crate) fn verdict<'a>(
    meta: &Meta,
    dispatch: Dispatch,
    world: &World,
    seen: &[Component<'_>],
) -> Option<(Verdict<'a>, Vec<Program>)> {
    let (verdict, programs) = by_settings(meta, dispatch, world, seen)?;
    let is_unknown = matches!(verdict, Verdict::Unknown(_));
    if is_unknown && matches!(&*meta.rule.id, "PV-D001" | "PV-D003") {
        // What is stored proves what a hidden configuration does.
        let verdict = match etcd_facts::proven(world.of_kind(kinds::ETCD_FACTS)) {
            Some(etcd_facts::Proof::Encrypted) => Verdict::Holds,
            Some(etcd_facts::Proof::Plain(count)) => {
                let message = format!("{count} Secrets are stored in plain text in etcd");
                Verdict::fails(Place::Nowhere, message)
            }
            Some(etcd_facts::Proof::Nothing) | None => verdict,
        };
        return Some((verdict, programs));
    }
    Some((verdict, programs))
}

fn by_settings<'a>(
    meta: &Meta,
    dispatch: Dispatch,
    world: &World,
    seen: &[Component<'_>],
) -> Option<(Verdict<'a>, Vec<Program>)> {
    if !world.is_live() {
        return None;
    }
    // Facts from some nodes prove nothing about the others.
    if meta.on.contains(&kinds::NODE_FACTS) && world.of_kind(kinds::NODE_FACTS).next().is_some() {
        let why = nodes_without_facts(world)?;
        return Some((Verdict::unknown(Place::Nowhere, why), Vec::new()));
    }
    if meta.programs.is_empty() {
        return None;
    }
    let from_node = |kind: &GroupKind| world.of_kind(*kind).any(Object::is_from_node);
    if dispatch == Dispatch::Kinds && !meta.programs.contains(&Program::Kubelet) {
        // A file that was read from a node is checked itself.
        if meta.on.iter().any(from_node) {
            return None;
        }
        return Some((of_file(meta, world, seen), meta.programs.to_vec()));
    }
    let names: BTreeSet<_> = seen.iter().map(|component| component.name()).collect();
    // The kubelet is not a pod, and each node has its own.
    let kubelets = unread_kubelets(world);
    let hidden = |program: &Program| match program {
        Program::Kubelet => kubelets.is_some(),
        other => !names.contains(other.name()),
    };
    let hidden: Vec<_> = meta.programs.iter().copied().filter(hidden).collect();
    let control_plane: Vec<_> =
        hidden.iter().copied().filter(|program| *program != Program::Kubelet).collect();
    let (mut reasons, mut unknown_of) = (Vec::new(), Vec::new());
    if !control_plane.is_empty() && !world.distribution().managed() {
        reasons.push(unknown(&control_plane, why_hidden(&control_plane, world)));
        unknown_of.extend(&control_plane);
    }
    if let Some(why) = kubelets.filter(|_| hidden.contains(&Program::Kubelet)) {
        reasons.push(unknown(&[Program::Kubelet], why).instance("kubelet"));
        unknown_of.push(Program::Kubelet);
    }
    match (hidden.is_empty(), reasons.is_empty()) {
        (true, _) => None,
        (false, true) => Some((Verdict::NotApplicable, hidden)),
        (false, false) => Some((Verdict::Unknown(reasons), unknown_of)),
    }
}

fn unknown<'a>(programs: &[Program], why: impl Into<Why>) -> Claim<'a> {
    let claim = Claim::unknown(Place::Nowhere, why).instance("programs");
    let claim = claim.programs(programs.to_vec());
    programs.iter().fold(claim, |claim, program| claim.gap(Gap::Settings(*program)))
}

const KUBELET: &str = "the kubelet configuration was not read: the API exposes it only through \
                       `nodes/proxy`, which also allows running commands in every pod";

fn why_hidden(programs: &[Program], world: &World) -> Why {
    let named = programs.iter().map(|program| program.name()).collect::<Vec<_>>().join(", ");
    if let Some(why) = unread_pods(world) {
        let tell = |why: &str| format!("the flags of {named} are in static pods, and {why}");
        return why.told(tell);
    }
    let distribution = world.distribution();
    if distribution.embedded() {
        let title = distribution.name.title();
        let why = format!(
            "there is no static pod of {named} in `kube-system`: {title} runs it in its own \
             process, and the API does not expose its flags"
        );
        return why.into();
    }
    let more = match distribution.name {
        DistributionName::Talos if programs == [Program::Etcd] => {
            ": Talos runs it as a separate service"
        }
        _ => ", so the API does not expose its flags",
    };
    format!("there is no static pod of {named} in `kube-system`{more}").into()
}

fn unread_pods(world: &World) -> Option<Why> {
    let gap = || world.gap(kinds::POD);
    (world.coverage(kinds::POD) == Coverage::Unread).then(|| gap().into())
}

/// Returns the verdict for a file of the API server, which the API does not expose: whether there
/// is one.
fn of_file<'a>(meta: &Meta, world: &World, seen: &[Component<'_>]) -> Verdict<'a> {
    if world.distribution().managed() {
        return Verdict::NotApplicable;
    }
    let servers: Vec<_> =
        seen.iter().filter(|c| c.name() == Program::ApiServer.name()).copied().collect();
    let what = meta.on.first().map_or("", |kind| kind.kind);
    let flag = FILES.iter().find(|(kind, _)| meta.on.contains(kind)).map_or("", |(_, flag)| flag);
    let server = &[Program::ApiServer];
    if servers.is_empty() {
        let tell = |why: &str| format!("`{what}` is a file on the control plane: {why}");
        return unknown(server, why_hidden(server, world).told(tell)).into();
    }
    let named: Vec<_> = servers.iter().map(|server| server.known(flag)).collect();
    if named.iter().all(|known| matches!(known, Ok(None))) && unread_pods(world).is_none() {
        // Checks of the flag report that.
        return Verdict::NotApplicable;
    }
    let file = named.into_iter().find_map(|known| known.ok().flatten());
    let why = match file {
        Some(file) => format!(
            "`--{flag}` refers to `{}`, a file on the node, which the API does not expose",
            file.value
        ),
        None => format!("it is not known whether `--{flag}` refers to a file"),
    };
    unknown(server, why).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Snapshot, WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::*;
    use crate::{CheckSet, Timestamp};

    const SERVER: &str = "---
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver-cp
  namespace: kube-system
  annotations: {kubernetes.io/config.mirror: x}
  ownerReferences: [{apiVersion: v1, kind: Node, name: cp, uid: u, controller: true}]
status: {phase: Running}
spec:
  hostNetwork: true
  containers:
    - name: kube-apiserver
      command: [kube-apiserver, --profiling=false, FLAG]
";

    /// Returns the messages of a check for the world as a whole.
    fn said(check: &str, text: &str, coverage: Coverage) -> Vec<String> {
        let mut parts = WorldParts::cluster("c");
        for doc in &read(&Source::new("cluster", text)).docs {
            let list = objects(doc.root()).sent;
            parts.objects.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
        parts.coverage.insert((String::new(), "Pod".to_owned()), coverage);
        parts.coverage.insert((String::new(), "Node".to_owned()), Coverage::Complete);
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        let set = CheckSet::new(
            &crate::Catalog::builtin(),
            KubernetesVersion::LATEST,
            |m| m.rule.name == check,
            &HashMap::new(),
        );
        let set = set.map_err(|e| e.message).unwrap();
        let mut said = Vec::new();
        set.judge_world(&snapshot.worlds()[0], Timestamp::UNIX_EPOCH, &mut |report| match report
            .verdict
        {
            Verdict::Unknown(claims) => said.extend(claims.into_iter().map(|c| c.message)),
            Verdict::NotApplicable => said.push("not applicable".to_owned()),
            Verdict::Holds | Verdict::Fails(_) => said.push("wrong".to_owned()),
        });
        said
    }

    fn facts(version: &str) -> String {
        format!(
            "---\napiVersion: pavisade.dev/v1\nkind: Cluster\nmetadata: {{name: c}}\nversion: \
             {{gitVersion: {version}}}\n"
        )
    }

    #[test]
    fn what_is_hidden_is_said_once() {
        let server = SERVER.replace("FLAG", "--audit-policy-file=/etc/audit.yaml");
        let plain = SERVER.replace("FLAG", "--v=2");
        let read = Coverage::Complete;
        let cases: [(&str, String, Coverage, &[&str]); 11] = [
            ("always-admit", server.clone(), read, &[]),
            (
                "always-admit",
                facts("v1.37.2"),
                read,
                &[
                    "there is no static pod of kube-apiserver in `kube-system`, so the API does not expose its flags",
                ],
            ),
            (
                "always-admit",
                facts("v1.37.2+k3s1"),
                read,
                &[
                    "there is no static pod of kube-apiserver in `kube-system`: k3s runs it in its own process, and the API does not expose its flags",
                ],
            ),
            ("always-admit", facts("v1.37.2-eks-a737599"), read, &["not applicable"]),
            (
                "always-admit",
                String::new(),
                Coverage::Unread,
                &[
                    "the flags of kube-apiserver are in static pods, and pods were not read: it was not requested",
                ],
            ),
            (
                "profiling-endpoint",
                server.clone(),
                read,
                &[
                    "there is no static pod of kube-controller-manager, kube-scheduler in `kube-system`, so the API does not expose its flags",
                ],
            ),
            ("kubelet-anonymous-access", facts("v1.37.2-eks-a737599"), read, &[KUBELET]),
            ("kubelet-read-only-port", server.clone(), read, &[KUBELET]),
            (
                "useless-audit-policy",
                server,
                read,
                &[
                    "`--audit-policy-file` refers to `/etc/audit.yaml`, a file on the node, which the API does not expose",
                ],
            ),
            ("useless-audit-policy", plain, read, &["not applicable"]),
            (
                "plaintext-etcd",
                facts("v1.37.2"),
                read,
                &[
                    "`EncryptionConfiguration` is a file on the control plane: there is no static pod of kube-apiserver in `kube-system`, so the API does not expose its flags",
                ],
            ),
        ];
        for (check, text, coverage, expected) in cases {
            assert_eq!(said(check, &text, coverage), expected, "{check}\n{text}");
        }
    }

    #[test]
    fn a_pod_of_another_namespace_is_not_this_clusters_server() {
        let tenant = SERVER.replace("namespace: kube-system", "namespace: tenant");
        assert_eq!(said("always-admit", &tenant, Coverage::Complete).len(), 1);
    }

    #[test]
    fn a_pod_that_no_kubelet_made_or_that_does_not_run_is_no_control_plane() {
        for (from, to) in [
            ("  annotations: {kubernetes.io/config.mirror: x}\n", ""),
            ("kind: Node", "kind: ReplicaSet"),
            ("phase: Running", "phase: Failed"),
            ("status: {phase: Running}\n", ""),
        ] {
            assert_eq!(SERVER.matches(from).count(), 1, "{from}");
            let text = SERVER.replace(from, to);
            assert_eq!(said("always-admit", &text, Coverage::Complete).len(), 1, "{to}");
        }
    }

    #[test]
    fn no_pod_answers_for_kubelets() {
        let kubelet = SERVER.replace("kube-apiserver, ", "kubelet, ");
        for check in ["kubelet-anonymous-access", "kubelet-always-allow", "weak-tls-version"] {
            let said = said(check, &kubelet, Coverage::Complete);
            assert!(said.iter().any(|why| why == KUBELET), "{check} {said:?}");
        }
    }

    #[test]
    fn files_are_judged_without_it() {
        let parts = WorldParts::files("f", WorldKind::Files, Vec::new());
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        let set = CheckSet::all(KubernetesVersion::LATEST);
        let world = &snapshot.worlds()[0];
        for meta in set.metas() {
            assert!(verdict(meta, Dispatch::Components, world, &[]).is_none());
        }
    }

    #[test]
    fn checks_of_components_name_their_programs() {
        let set = CheckSet::all(KubernetesVersion::LATEST);
        for crate::set::Registered { check, .. } in &set.checks {
            let meta = check.meta();
            let of_components = check.dispatch() == Dispatch::Components;
            assert!(!of_components || !meta.programs.is_empty(), "{}", meta.rule.name);
            let of_files = FILES.iter().any(|(kind, _)| meta.on.contains(kind));
            assert!(!of_files || meta.programs == [Program::ApiServer], "{}", meta.rule.name);
        }
    }
}
