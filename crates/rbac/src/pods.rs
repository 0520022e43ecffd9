//! What the pods on a node refer to: the graph of the Node authorizer (k8s.io/kubernetes
//! `plugin/pkg/auth/authorizer/node/graph.go`), read from the pods and volumes of a world.
//!
//! An edge exists from an object to each pod that refers to it, and from a volume, and the Secrets in
//! it, to the pods that use its claim. Mirror pods refer to nothing: a node creates them itself.

use pavisade_model::{GroupKind, Why, kinds};
use pavisade_snapshot::{Coverage, Object, View};
use pavisade_yaml::Value;

use crate::request::ResourceAsk;

/// Whether a pod on the node refers to an object.
pub(crate) enum Reach<'a> {
    /// This one does.
    Through(&'a Object),
    /// None does.
    No,
    /// That is not known.
    Unknown(Why),
}

/// Whether a pod on `node` refers to the object of a request, or is it.
pub(crate) fn reach<'a>(view: &View<'a>, node: &str, ask: &ResourceAsk) -> Reach<'a> {
    let all = view.indexed::<ByNode>(kinds::POD, |pod| text(pod, &["spec", "nodeName"]), node);
    let place = (&*ask.namespace, &*ask.name);
    if (&*ask.group, &*ask.resource) == ("", "pods") {
        let own = all.into_iter().find(|pod| (pod.namespace(), pod.name()) == place);
        return own.map_or_else(|| nothing(view, node, &[kinds::POD]), Reach::Through);
    }
    let pods: Vec<_> = all.into_iter().filter(|pod| pod.annotation(MIRROR).is_none()).collect();
    let local = || pods.iter().copied().filter(|pod| pod.namespace() == ask.namespace);
    // Without a claim on the node, no volume matters.
    let has_claims = pods.iter().any(|pod| !claims(pod).is_empty());
    let with_volumes: &[GroupKind] = match has_claims {
        true => &[kinds::POD, kinds::PERSISTENT_VOLUME],
        false => &[kinds::POD],
    };
    let through = |found: Option<&'a Object>, reads: &[GroupKind]| {
        found.map_or_else(|| nothing(view, node, reads), Reach::Through)
    };
    match &*ask.resource {
        "serviceaccounts" => {
            // An API server writes the name into every pod, unless its admission plugin is off.
            let runs_as = |pod: &&Object| match view.is_live() {
                true => text(pod, &["spec", "serviceAccountName"]).contains(&ask.name),
                false => pod.pods().any(|spec| spec.service_account() == ask.name),
            };
            through(local().find(runs_as), &[kinds::POD])
        }
        "configmaps" => match local().find(|pod| refers(pod, CONFIG_MAPS, &ask.name)) {
            Some(pod) => Reach::Through(pod),
            None => late(local(), CONFIG_MAPS, &ask.name)
                .unwrap_or_else(|| nothing(view, node, &[kinds::POD])),
        },
        "secrets" => {
            let direct = || local().find(|pod| refers(pod, SECRETS, &ask.name));
            let by_volume = || {
                pods.iter().copied().find(|pod| {
                    claims(pod).into_iter().any(|claim| {
                        let key = format!("{}/{claim}", pod.namespace());
                        let volumes =
                            view.indexed::<ByClaim>(kinds::PERSISTENT_VOLUME, claim_of, &key);
                        volumes.into_iter().any(|volume| has_secret(volume, place))
                    })
                })
            };
            match direct().or_else(by_volume) {
                Some(pod) => Reach::Through(pod),
                None => late(local(), SECRETS, &ask.name)
                    .unwrap_or_else(|| nothing(view, node, with_volumes)),
            }
        }
        "persistentvolumeclaims" => {
            through(local().find(|pod| claims(pod).contains(&ask.name)), &[kinds::POD])
        }
        "persistentvolumes" => {
            let volume = view.get(kinds::PERSISTENT_VOLUME, "", &ask.name);
            let claim = volume.and_then(|volume| claim_of(volume).pop());
            let uses = |pod: &&Object| {
                let claim = claim.as_deref().and_then(|claim| claim.split_once('/'));
                claim.is_some_and(|(namespace, name)| {
                    pod.namespace() == namespace && claims(pod).iter().any(|own| own == name)
                })
            };
            through(pods.iter().copied().find(uses), with_volumes)
        }
        _ => {
            let named = |pod: &&Object| refers(pod, RESOURCE_CLAIMS, &ask.name);
            match (local().find(named), local().next()) {
                (Some(pod), _) => Reach::Through(pod),
                (None, None) => nothing(view, node, &[kinds::POD]),
                // A claim that is made for a pod is named in its status, which is not kept.
                (None, Some(_)) => Reach::Unknown(
                    format!("claims that were made for the pods on node `{node}` are not known")
                        .into(),
                ),
            }
        }
    }
}

struct ByNode;
struct ByClaim;

const MIRROR: &str = "kubernetes.io/config.mirror";

/// Paths to names in the spec of a pod; `*` stands for every item of a list.
type Paths = &'static [&'static [&'static str]];

const SECRETS: Paths = &[
    &["imagePullSecrets", "*", "name"],
    &["initContainers", "*", "env", "*", "valueFrom", "secretKeyRef", "name"],
    &["initContainers", "*", "envFrom", "*", "secretRef", "name"],
    &["containers", "*", "env", "*", "valueFrom", "secretKeyRef", "name"],
    &["containers", "*", "envFrom", "*", "secretRef", "name"],
    &["volumes", "*", "secret", "secretName"],
    &["volumes", "*", "projected", "sources", "*", "secret", "name"],
    &["volumes", "*", "csi", "nodePublishSecretRef", "name"],
    &["volumes", "*", "azureFile", "secretName"],
    &["volumes", "*", "cephfs", "secretRef", "name"],
    &["volumes", "*", "cinder", "secretRef", "name"],
    &["volumes", "*", "flexVolume", "secretRef", "name"],
    &["volumes", "*", "rbd", "secretRef", "name"],
    &["volumes", "*", "scaleIO", "secretRef", "name"],
    &["volumes", "*", "iscsi", "secretRef", "name"],
    &["volumes", "*", "storageos", "secretRef", "name"],
];
const CONFIG_MAPS: Paths = &[
    &["initContainers", "*", "env", "*", "valueFrom", "configMapKeyRef", "name"],
    &["initContainers", "*", "envFrom", "*", "configMapRef", "name"],
    &["containers", "*", "env", "*", "valueFrom", "configMapKeyRef", "name"],
    &["containers", "*", "envFrom", "*", "configMapRef", "name"],
    &["volumes", "*", "configMap", "name"],
    &["volumes", "*", "projected", "sources", "*", "configMap", "name"],
];
const RESOURCE_CLAIMS: Paths = &[&["resourceClaims", "*", "resourceClaimName"]];

/// The Secrets of volumes that a kubelet needs: the kind of volume, and whether the namespace of the
/// claim counts where the volume names none.
const OF_VOLUMES: [(&[&str], bool); 10] = [
    (&["cephfs", "secretRef"], true),
    (&["flexVolume", "secretRef"], true),
    (&["rbd", "secretRef"], true),
    (&["scaleIO", "secretRef"], true),
    (&["iscsi", "secretRef"], true),
    (&["cinder", "secretRef"], false),
    (&["storageos", "secretRef"], false),
    (&["csi", "nodePublishSecretRef"], false),
    (&["csi", "nodeStageSecretRef"], false),
    (&["csi", "nodeExpandSecretRef"], false),
];

fn text(object: &Object, path: &[&str]) -> Vec<String> {
    object.at(path).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
}

fn refers(pod: &Object, paths: Paths, name: &str) -> bool {
    let Some(spec) = pod.at(&["spec"]) else { return false };
    paths.iter().any(|path| names(spec, path, name))
}

fn names(value: Value<'_>, path: &[&str], name: &str) -> bool {
    match path {
        [] => value.as_str() == Some(name),
        ["*", rest @ ..] => value.items().any(|item| names(item, rest, name)),
        [key, rest @ ..] => value.get(key).is_some_and(|value| names(value, rest, name)),
    }
}

/// Unknown if only an ephemeral container refers to an object: the graph has it only if the API
/// server was started after the container was added.
fn late<'a>(pods: impl Iterator<Item = &'a Object>, paths: Paths, name: &str) -> Option<Reach<'a>> {
    let of_containers = paths.iter().filter_map(|path| path.strip_prefix(&["containers"]));
    let of_containers: Vec<_> = of_containers.collect();
    let mut pods = pods.filter_map(|pod| Some((pod, pod.at(&["spec", "ephemeralContainers"])?)));
    let (pod, _) =
        pods.find(|(_, list)| of_containers.iter().any(|path| names(*list, path, name)))?;
    let (namespace, pod) = (pod.namespace(), pod.name());
    Some(Reach::Unknown(
        format!(
            "only an ephemeral container of pod `{namespace}/{pod}` refers to it, which the API \
             server notices when it is started"
        )
        .into(),
    ))
}

/// The claims of a pod, also those that are made for it.
fn claims(pod: &Object) -> Vec<String> {
    let volumes = pod.at(&["spec", "volumes"]).into_iter().flat_map(Value::items);
    let claim = |volume: Value<'_>| {
        let named = volume.at(&["persistentVolumeClaim", "claimName"]).and_then(Value::as_str);
        let made = || {
            let ephemeral = volume.get("ephemeral").filter(|value| !value.is_null());
            ephemeral.and_then(|_| Some(format!("{}-{}", pod.name(), volume.str("name")?)))
        };
        named.map(str::to_owned).or_else(made)
    };
    volumes.filter_map(claim).collect()
}

/// The claim of a volume: its namespace and name.
fn claim_of(volume: &Object) -> Vec<String> {
    let claim = volume.at(&["spec", "claimRef"]);
    let claim = claim.and_then(|claim| {
        Some(format!("{}/{}", claim.str("namespace").unwrap_or_default(), claim.str("name")?))
    });
    claim.into_iter().collect()
}

fn has_secret(volume: &Object, (namespace, name): (&str, &str)) -> bool {
    let Some(spec) = volume.at(&["spec"]) else { return false };
    let home = spec.at(&["claimRef", "namespace"]).and_then(Value::as_str).unwrap_or_default();
    let is = |secret: Value<'_>, fields: [&str; 2], home: &str| {
        let own = secret.str(fields[0]).filter(|own| !own.is_empty());
        secret.str(fields[1]) == Some(name) && own.unwrap_or(home) == namespace
    };
    let azure = spec.get("azureFile");
    azure.is_some_and(|azure| is(azure, ["secretNamespace", "secretName"], home))
        || OF_VOLUMES.iter().any(|(path, of_claim)| {
            let home = if *of_claim { home } else { "" };
            spec.at(path).is_some_and(|secret| is(secret, ["namespace", "name"], home))
        })
}

/// That no pod refers to an object, if all of these kinds were read.
fn nothing<'a>(view: &View<'_>, node: &str, reads: &[GroupKind]) -> Reach<'a> {
    let complete =
        |kind: &GroupKind| matches!(view.coverage(*kind), Coverage::Complete | Coverage::NotServed);
    let Some(unread) = reads.iter().find(|kind| !complete(kind)) else { return Reach::No };
    let why = match unread.kind {
        "Pod" => format!("the Node authorizer allows it if a pod on node `{node}` refers to it"),
        _ => format!(
            "the Node authorizer allows it if a volume of a pod on node `{node}` refers to it"
        ),
    };
    Reach::Unknown(match view.gap(*unread) {
        Some(gap) => gap.told(|cause| format!("{why}; {cause}")),
        None => format!("{why}; not all are {}", view.here()).into(),
    })
}
