//! PV-D020.

use std::collections::HashMap;

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, Derived, OnObject, Place, Reads, Verdict, View, Why};

/// Storage is shared between namespaces
///
/// ## Why
/// Two PersistentVolumes for the same disk, share or export connect namespaces that should be
/// isolated: data that one writes, the other reads and runs, bypassing RBAC and NetworkPolicies.
///
/// ## Fix
/// Give each namespace its own storage (an export, a path, an EFS access point), or mount it
/// read-only everywhere except in one.
#[check(
    id = "PV-D020",
    severity = Medium,
    confidence = Medium,
    scope = Related,
    on = [PERSISTENT_VOLUME],
    reads = [PERSISTENT_VOLUME_CLAIM]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SharedVolume {}

impl Check for SharedVolume {
    type On = OnObject;

    fn check<'a>(&self, volume: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some((place, storage)) = storage(volume) else { return Verdict::NotApplicable };
        let mut unknown = None;
        // Of two, the second is reported.
        let shared = cx.derive::<ByStorage>();
        let key: Vec<String> = storage.into_iter().map(str::to_owned).collect();
        let others = shared.0.get(&key).into_iter().flatten();
        let others = others.take_while(|name| name.as_str() < volume.name());
        for other in others.filter_map(|name| cx.get(kinds::PERSISTENT_VOLUME, "", name)) {
            if is_read_only(volume) && is_read_only(other) {
                continue;
            }
            match (namespace(volume, cx), namespace(other, cx)) {
                (Some(own), Some(theirs)) if own == theirs => {}
                (Some(own), Some(theirs)) => {
                    return Verdict::fails(
                        place,
                        format!(
                            "namespace `{own}` accesses the same storage through this volume as \
                             `{theirs}` through `{}`",
                            other.name()
                        ),
                    );
                }
                _ => unknown = Some(other),
            }
        }
        match unknown {
            None => Verdict::Holds,
            Some(other) => {
                let why = cx.gap(kinds::PERSISTENT_VOLUME_CLAIM).unwrap_or_else(|| {
                    let why = format!(
                        "`{}` is the same storage, and the namespaces that claim the two are not \
                         {}",
                        other.name(),
                        cx.here()
                    );
                    Why::of(Gap::object("PersistentVolumeClaim", "", ""), why)
                });
                Verdict::unknown(place, why)
            }
        }
    }
}

/// The names of volumes in order, by the identity of their storage.
struct ByStorage(HashMap<Vec<String>, Vec<String>>);

impl Derived for ByStorage {
    const READS: Reads = &[&[kinds::PERSISTENT_VOLUME]];

    fn make(cx: &View<'_>) -> Self {
        let mut by = HashMap::<_, Vec<_>>::new();
        for volume in cx.list(kinds::PERSISTENT_VOLUME).objects {
            if let Some((_, storage)) = storage(volume) {
                let key: Vec<String> = storage.into_iter().map(str::to_owned).collect();
                by.entry(key).or_default().push(volume.name().to_owned());
            }
        }
        Self(by)
    }
}

/// Returns the identity of the storage, and its place.
fn storage(volume: &Object) -> Option<(Place<'_>, Vec<&str>)> {
    const SOURCES: [(&str, &[&str]); 6] = [
        ("csi", &["driver", "volumeHandle"]),
        ("nfs", &["server", "path"]),
        ("awsElasticBlockStore", &["volumeID"]),
        ("gcePersistentDisk", &["pdName"]),
        ("azureFile", &["secretName", "shareName"]),
        ("iscsi", &["targetPortal", "iqn"]),
    ];
    SOURCES.iter().find_map(|(field, names)| {
        let source = volume.at(&["spec", field]).filter(|source| !source.is_null())?;
        let mut parts = vec![*field];
        for name in *names {
            parts.push(source.str(name).filter(|text| !text.is_empty())?);
        }
        // Disks of a target differ by their number, which is not a string.
        if *field == "iscsi" && source.get("lun").and_then(Value::as_i64) != Some(0) {
            return None;
        }
        let last = names.last().copied().unwrap_or("");
        Some((Place::from(source.get(last)?), parts))
    })
}

fn is_read_only(volume: &Object) -> bool {
    let spec = volume.at(&["spec"]).unwrap_or(volume.value());
    let by_source = ["csi", "nfs", "iscsi", "azureFile"]
        .iter()
        .any(|source| spec.at(&[source, "readOnly"]).and_then(Value::as_bool) == Some(true));
    let mut modes = spec.list("accessModes").peekable();
    by_source || modes.peek().is_some() && modes.all(|mode| mode.as_str() == Some("ReadOnlyMany"))
}

/// Returns the namespace that has claimed the volume, or for which it is reserved.
fn namespace<'a>(volume: &'a Object, cx: &View<'a>) -> Option<&'a str> {
    let claimed = volume.at(&["spec", "claimRef", "namespace"]).and_then(Value::as_str);
    claimed.or_else(|| {
        let names = |claim: &Object| {
            let name = claim.at(&["spec", "volumeName"]).and_then(Value::as_str);
            name.map(str::to_owned).into_iter().collect()
        };
        let claims =
            cx.indexed::<SharedVolume>(kinds::PERSISTENT_VOLUME_CLAIM, names, volume.name());
        claims.first().map(|claim| claim.namespace()).filter(|n| !n.is_empty())
    })
}
