//! Generated pods and volumes, and what kubelets ask about them: compares the answers with those of
//! Kubernetes' own Node authorizer.

use anyhow::{Context as _, ensure};
use pavisade_model::KubernetesVersion;
use pavisade_rbac::{Ask, Authorizer, Decision, Identity, ResourceAsk};
use pavisade_snapshot::{View, WorldKind};
use serde_json::{Value, json};

use super::rbac::{once, plain, world};
use crate::random::Random;
use crate::tools::built;

/// The number of questions per generated cluster.
const ROUND: usize = 1_000;
const NODES: [&str; 3] = ["n1", "n2", "n3"];
const SPACES: [&str; 2] = ["a", "b"];
/// The same for objects of every kind, so that kinds are mixed up if they can be.
const NAMES: [&str; 8] = ["k", "l", "m", "n", "o", "p", "pod-1-v0", "default"];
/// Only ephemeral containers refer to it.
const LATE: &str = "late";

/// Asks `count` questions.
pub(super) fn run(count: u32, seed: u64) -> anyhow::Result<()> {
    let program = built("authorizer").context("the authorizer is not built")?;
    let mut random = Random(seed);
    let (mut asked, mut allowed, mut unknown, mut wrong) = (0, 0, 0, Vec::new());
    let count = usize::try_from(count)?;
    while asked < count {
        let objects = objects(&mut random);
        let some = ROUND.min(count - asked);
        let questions: Vec<_> = (0..some).map(|_| question(&mut random)).collect();
        let requests: Vec<_> = questions.iter().map(|(who, ask)| plain(who, ask)).collect();
        let said = once(&program, &json!({"objects": objects, "requests": requests}))?;
        let truth = said["allowed"].as_array().context("no answers")?;
        ensure!(truth.len() == questions.len(), "{} answers", truth.len());
        let cluster = world("cluster", WorldKind::Cluster, &objects);
        let view = View::new(&cluster, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
        let ours = Authorizer::of(&view);
        for ((who, ask), truth) in questions.iter().zip(truth) {
            asked += 1;
            let truth = truth == true;
            allowed += usize::from(truth);
            let answer = match ours.decide(who, ask) {
                Decision::Allowed(_) => Some(true),
                Decision::Refused => Some(false),
                Decision::Unknown(_) => None,
            };
            unknown += usize::from(answer.is_none());
            if answer != Some(truth) && !(answer.is_none() && may_be_unknown(ask)) {
                wrong
                    .push(format!("{who:?}\n  {ask:?}\n  the truth is {truth}, we say {answer:?}"));
            }
        }
    }
    wrong.iter().take(20).for_each(|one| println!("{one}"));
    println!("{allowed} of {asked} questions allowed, {unknown} unknown");
    ensure!(wrong.is_empty(), "{} answers differ", wrong.len());
    ensure!(
        allowed * 20 >= asked && unknown * 5 <= asked,
        "{allowed} of {asked} were allowed, {unknown} unknown: too few differ"
    );
    Ok(())
}

/// What depends on the status of pods, or on when the API server was started.
fn may_be_unknown(ask: &Ask) -> bool {
    let Ask::Resource(ask) = ask else { return false };
    ask.resource == "resourceclaims" || ask.name == LATE
}

fn objects(random: &mut Random) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..12 {
        let volumes: Vec<_> = (0..random.below(4)).map(|at| volume(random, at)).collect();
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": format!("pod-{number}"), "namespace": random.pick(&SPACES)},
            "spec": {
                "containers": [container(random)],
                "initContainers": [container(random)],
                "volumes": volumes,
            },
        });
        let spec = &mut pod["spec"];
        if !random.once_in(8) {
            spec["nodeName"] = json!(random.pick(&NODES[..2]));
        }
        if random.once_in(2) {
            spec["serviceAccountName"] = json!(random.pick(&NAMES));
        }
        if random.once_in(3) {
            spec["imagePullSecrets"] = json!([{"name": random.pick(&NAMES)}]);
        }
        if random.once_in(3) {
            spec["ephemeralContainers"] =
                json!([{"name": "e", "envFrom": [{"secretRef": {"name": LATE}}]}]);
        }
        match random.below(6) {
            0 => {
                spec["resourceClaims"] =
                    json!([{"name": "r", "resourceClaimName": random.pick(&NAMES)}])
            }
            1 => spec["resourceClaims"] = json!([{"name": "r", "resourceClaimTemplateName": "t"}]),
            _ => {}
        }
        if random.once_in(6) {
            pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        }
        all.push(pod);
    }
    for name in NAMES {
        let mut spec = of_volume(random);
        if !random.once_in(4) {
            spec["claimRef"] =
                json!({"namespace": random.pick(&SPACES), "name": random.pick(&NAMES)});
        }
        all.push(json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": spec,
        }));
    }
    all
}

fn container(random: &mut Random) -> Value {
    let name = *random.pick(&NAMES);
    let mut container = json!({"name": "c", "image": "x"});
    match random.below(6) {
        0 => container["envFrom"] = json!([{"secretRef": {"name": name}}]),
        1 => container["envFrom"] = json!([{"configMapRef": {"name": name}}]),
        2 => {
            container["env"] = json!([
                {"name": "A", "value": name},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}},
            ]);
        }
        3 => {
            container["env"] = json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": name, "key": "k"}}}]);
        }
        _ => {}
    }
    container
}

fn volume(random: &mut Random, at: usize) -> Value {
    let name = *random.pick(&NAMES);
    let reference = json!({"name": name});
    let mut volume = match random.below(14) {
        0 => json!({"secret": {"secretName": name}}),
        1 => json!({"configMap": reference}),
        2 => {
            json!({"projected": {"sources": [{"configMap": {"name": random.pick(&NAMES)}}, {"secret": reference}]}})
        }
        3 | 4 => json!({"persistentVolumeClaim": {"claimName": name}}),
        5 => json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}),
        6 => json!({"csi": {"driver": "d", "nodePublishSecretRef": reference}}),
        7 => json!({"azureFile": {"secretName": name, "shareName": "s"}}),
        8 => json!({"cephfs": {"monitors": ["m"], "secretRef": reference}}),
        9 => json!({"iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0, "secretRef": reference}}),
        10 => json!({"rbd": {"monitors": ["m"], "image": "i", "secretRef": reference}}),
        11 => json!({"flexVolume": {"driver": "d", "secretRef": reference}}),
        12 => json!({"scaleIO": {"gateway": "g", "system": "s", "secretRef": reference}}),
        _ => json!({"storageos": {"secretRef": reference}}),
    };
    volume["name"] = json!(format!("v{at}"));
    volume
}

fn of_volume(random: &mut Random) -> Value {
    let name = *random.pick(&NAMES);
    let mut reference = json!({"name": name});
    if !random.once_in(3) {
        reference["namespace"] = json!(random.pick(&SPACES));
    }
    let handle = json!({"driver": "d", "volumeHandle": "h"});
    let csi = |field: &str| {
        let mut csi = handle.clone();
        csi[field] = reference.clone();
        json!({"csi": csi})
    };
    match random.below(12) {
        0 => csi("nodeStageSecretRef"),
        1 => csi("nodePublishSecretRef"),
        2 => csi("nodeExpandSecretRef"),
        3 => csi("controllerPublishSecretRef"),
        4 => csi("controllerExpandSecretRef"),
        5 => {
            let mut azure = json!({"secretName": name, "shareName": "s"});
            if let Some(namespace) = reference.get("namespace") {
                azure["secretNamespace"] = namespace.clone();
            }
            json!({"azureFile": azure})
        }
        6 => json!({"cephfs": {"monitors": ["m"], "secretRef": reference}}),
        7 => json!({"rbd": {"monitors": ["m"], "image": "i", "secretRef": reference}}),
        8 => json!({"flexVolume": {"driver": "d", "secretRef": reference}}),
        9 => json!({"cinder": {"volumeID": "v", "secretRef": reference}}),
        10 => json!({"iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0, "secretRef": reference}}),
        _ => json!({"scaleIO": {"gateway": "g", "system": "s", "secretRef": reference}}),
    }
}

fn question(random: &mut Random) -> (Identity, Ask) {
    let node = random.pick(&NODES);
    let who = Identity::exactly(
        format!("system:node:{node}"),
        vec!["system:nodes".to_owned(), "system:authenticated".to_owned()],
    );
    let (group, resource, subresource, verb) = *random.pick(&[
        ("", "secrets", "", "get"),
        ("", "secrets", "", "list"),
        ("", "secrets", "", "watch"),
        ("", "secrets", "", "update"),
        ("", "configmaps", "", "get"),
        ("", "configmaps", "", "watch"),
        ("", "persistentvolumeclaims", "", "get"),
        ("", "persistentvolumeclaims", "status", "patch"),
        ("", "persistentvolumes", "", "get"),
        ("", "serviceaccounts", "token", "create"),
        ("", "serviceaccounts", "", "get"),
        ("resource.k8s.io", "resourceclaims", "", "get"),
        ("", "pods", "", "get"),
        ("", "pods", "", "list"),
        ("", "pods", "status", "patch"),
    ]);
    let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.extend([LATE.to_owned(), String::new()]);
    let name = match resource {
        "pods" => format!("pod-{}", random.below(13)),
        "persistentvolumeclaims" if random.once_in(3) => {
            format!("pod-{}-v{}", random.below(12), random.below(3))
        }
        _ => random.pick(&names).clone(),
    };
    let namespace = match (resource, random.once_in(12)) {
        ("persistentvolumes", false) | (_, true) => String::new(),
        _ => (*random.pick(&SPACES)).to_owned(),
    };
    let ask = ResourceAsk {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace,
        name,
    };
    (who, Ask::Resource(ask))
}
