//! Verdicts for a whole cluster on programs whose settings are not visible in its API.
//!
//! Flags are visible if a component runs as a static pod, through mirror pods: those are checked
//! directly. For all others there must be an explicit result, because no result would be read as
//! "passed".

mod containers;

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
    let pods = pods.filter(|pod| pod.is_mirror_pod() && is_running(pod));
    let mirrored = pods.filter(|pod| component::configures(pod)).flat_map(component::components);
    // Facts from all nodes show the programs that run there. With facts from some, the others may
    // have other settings.
    let all = nodes_without_facts(world).or_else(|| unread_processes(world)).is_none();
    let nodes = world.of_kind(kinds::NODE_FACTS).filter(|_| all).flat_map(component::components);
    mirrored.chain(nodes).collect()
}

/// Whether a pod runs.
fn is_running(pod: &Object) -> bool {
    pod.at(&["status", "phase"]).and_then(Value::as_str) == Some("Running")
}

/// Returns the reason why the kubelets of some nodes are not known. `None` if facts from all nodes
/// were read.
fn unread_kubelets(world: &World) -> Option<String> {
    let has_facts = world.of_kind(kinds::NODE_FACTS).next().is_some();
    if !has_facts || world.coverage(kinds::NODE) != Coverage::Complete {
        return Some(KUBELET.to_owned());
    }
    nodes_without_facts(world).or_else(|| unread_processes(world))
}

/// Whether not all processes of a node were read.
fn is_partial(node: &Object) -> bool {
    node.at(&["processesRead"]).and_then(Value::as_bool) != Some(true)
}

/// Returns the reason why programs on nodes with facts may be missing.
fn unread_processes(world: &World) -> Option<String> {
    let node = world.of_kind(kinds::NODE_FACTS).find(|node| is_partial(node))?;
    Some(format!("the processes of the node `{}` were not all read", node.name()))
}

/// Returns the verdict on programs that were not found on nodes in files, whose processes were not
/// all read. Others of a node do not run there.
fn in_files<'a>(meta: &Meta, world: &World) -> Option<(Verdict<'a>, Vec<Program>)> {
    let says_so =
        |node: &&Object| node.at(&["processesRead"]).and_then(Value::as_bool) == Some(false);
    let nodes = world.of_kind(kinds::NODE_FACTS).filter(says_so);
    let (mut claims, mut programs) = (Vec::new(), Vec::new());
    for node in nodes {
        let found: BTreeSet<_> =
            component::components(node).iter().map(|component| component.name()).collect();
        let hidden: Vec<_> =
            meta.programs.iter().copied().filter(|one| !found.contains(one.name())).collect();
        if hidden.is_empty() {
            continue;
        }
        let named = hidden.iter().map(|program| program.name()).collect::<Vec<_>>().join(", ");
        let name = node.name();
        let why = format!(
            "the processes of the node `{name}` were not all read, so it is not known whether \
             {named} runs there"
        );
        claims.push(unknown(&hidden, why).instance(format!("programs of {name}")));
        programs
            .extend(hidden.into_iter().filter(|one| !programs.contains(one)).collect::<Vec<_>>());
    }
    (!claims.is_empty()).then_some((Verdict::Unknown(claims), programs))
}

/// The kinds of facts that each node has.
const OF_NODES: [GroupKind; 2] = [kinds::NODE_FACTS, kinds::INTEGRITY_FACTS];

/// Returns the reason why results about nodes may be missing. `None` if facts from all nodes were
/// read.
fn nodes_without_facts(world: &World) -> Option<String> {
    nodes_without(kinds::NODE_FACTS, world)
}

fn nodes_without(kind: GroupKind, world: &World) -> Option<String> {
    if world.coverage(kinds::NODE) != Coverage::Complete {
        return Some("the nodes were not listed, so facts from some may be missing".to_owned());
    }
    let facts: BTreeSet<_> = world.of_kind(kind).map(Object::name).collect();
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
    let said = proven(meta, dispatch, world, seen);
    let (unread, of) = unread_files(meta, world);
    match said {
        _ if unread.is_empty() => said,
        Some((Verdict::Unknown(mut claims), mut programs)) => {
            claims.extend(unread);
            programs.extend(of);
            programs.sort_unstable();
            programs.dedup();
            Some((Verdict::Unknown(claims), programs))
        }
        None | Some((Verdict::NotApplicable, _)) => Some((Verdict::Unknown(unread), of)),
        Some((Verdict::Holds | Verdict::Fails(_), _)) => said,
    }
}

/// Returns what facts about nodes say was not read of the files that a check is about, and the programs
/// whose files they are.
fn unread_files<'a>(meta: &Meta, world: &World) -> (Vec<Claim<'a>>, Vec<Program>) {
    let (mut claims, mut of) = (Vec::new(), Vec::new());
    for node in world.of_kind(kinds::NODE_FACTS) {
        let notes = node.at(&["notes"]).into_iter().flat_map(Value::items);
        for note in notes.filter(|note| note.str("kind") == Some("unread")) {
            let names: Vec<_> = note.list("of").filter_map(|name| name.as_str()).collect();
            let is_kind = meta.on.iter().any(|kind| names.contains(&kind.kind));
            // That of a kubelet says nothing about other programs of the same check.
            let is_kubelet =
                names == ["KubeletConfiguration"] && meta.programs.contains(&Program::Kubelet);
            let is_of = |program: &Program| match is_kubelet {
                true => *program == Program::Kubelet,
                false => is_kind || names.contains(&program.name()),
            };
            let programs: Vec<_> = meta.programs.iter().copied().filter(is_of).collect();
            if !is_kind && programs.is_empty() {
                continue;
            }
            let what = note.str("message").unwrap_or("a file was not read");
            let why = format!("on the node `{}`, {what}", node.name());
            let instance = format!("{} {what}", node.name());
            claims.push(unknown(&programs, why).instance(instance));
            of.extend(programs);
        }
    }
    of.sort_unstable();
    of.dedup();
    (claims, of)
}

fn proven<'a>(
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
        return in_files(meta, world);
    }
    // Facts from some nodes prove nothing about the others.
    let has = |kind: &GroupKind| meta.on.contains(kind) && world.of_kind(*kind).next().is_some();
    if let Some(kind) = OF_NODES.into_iter().find(has) {
        let why = nodes_without(kind, world)?;
        return Some((Verdict::unknown(Place::Nowhere, why), Vec::new()));
    }
    if has(&kinds::CONTAINER_FACTS) {
        let why = containers::without_facts(world)?;
        return Some((Verdict::unknown(Place::Nowhere, why), Vec::new()));
    }
    if meta.programs.is_empty() {
        return None;
    }
    let from_node = |kind: &GroupKind| world.of_kind(*kind).any(Object::is_from_node);
    if dispatch == Dispatch::Kinds && !meta.programs.contains(&Program::Kubelet) {
        // A file that was read from a node is checked itself.
        if meta.on.iter().any(from_node) && has_all_files(meta, world, seen) {
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

/// Whether a file was read from the node of each API server.
fn has_all_files(meta: &Meta, world: &World, seen: &[Component<'_>]) -> bool {
    let files = meta.on.iter().flat_map(|kind| world.of_kind(*kind));
    let nodes: BTreeSet<_> = files.filter_map(Object::from_node).collect();
    let mut servers = seen.iter().filter(|c| c.name() == Program::ApiServer.name()).peekable();
    servers.peek().is_some()
        && servers.all(|server| server.node().is_some_and(|node| nodes.contains(node)))
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
mod tests;
