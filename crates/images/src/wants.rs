//! The images to fetch: those that objects refer to.
//!
//! The references of a world are computed once and cached with the world, so that fetching images
//! and matching them with workloads use the same list.

use std::collections::BTreeMap;
use std::sync::Arc;

use pavisade_model::{GroupKind, KubernetesVersion, Subject, kinds};
use pavisade_snapshot::{Derived, Object, Reads, Snapshot, View, World};
use pavisade_yaml::{NodeId, Value};

use crate::reference::Image;
use crate::{FIELDS, images};

/// The kinds of custom resources with images in their fields. May contain duplicates.
static CUSTOM: [GroupKind; FIELDS.len()] = {
    let mut kinds = [FIELDS[0].0; FIELDS.len()];
    let mut at = 0;
    while at < FIELDS.len() {
        kinds[at] = FIELDS[at].0;
        at += 1;
    }
    kinds
};

/// The kinds whose objects refer to images.
pub const READS: Reads = &[kinds::WORKLOADS, &[kinds::POD_TEMPLATE], &CUSTOM];

/// An image that the objects of a world refer to.
#[derive(Debug)]
pub struct Want {
    /// The image.
    pub image: Wanted,
    /// The references to it, in the order of the objects.
    pub named_by: Vec<Naming>,
}

/// The image of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// By its canonical reference: `docker.io/library/nginx:1.29`.
    Reference(Arc<str>),
    /// Not yet determined, such as a template. Contains the reason.
    Unclear(String),
}

/// A reference to an image in an object.
#[derive(Debug)]
pub struct Naming {
    /// The object.
    pub object: Arc<Object>,
    /// The container that runs the image or refers to it.
    pub container: Option<Arc<str>>,
    node: NodeId,
}

impl Naming {
    /// Returns the value with the reference.
    pub fn value(&self) -> Value<'_> {
        // The node is from this document.
        self.object.doc().value(self.node).unwrap_or_else(|| self.object.value())
    }

    /// Returns the object and container as the subject of a finding.
    pub fn subject(&self) -> Subject {
        self.object.subject(self.container.as_deref())
    }
}

/// Returns the images that the objects of a world refer to: valid references without duplicates in
/// order, then unclear ones.
pub fn wants(view: &View<'_>) -> Vec<Want> {
    let mut wanted = BTreeMap::<String, Vec<Naming>>::new();
    let mut unclear = Vec::new();
    for object in view.pod_makers(&CUSTOM) {
        for named in images(object, |_| false) {
            let naming = Naming {
                object: object.clone(),
                container: named.subject_container().map(Into::into),
                node: named.place().id(),
            };
            match named.image() {
                Image::Reference(reference) => {
                    wanted.entry(reference.canonical()).or_default().push(naming);
                }
                Image::Unclear(why) => {
                    unclear.push(Want { image: Wanted::Unclear(why), named_by: vec![naming] });
                }
                Image::Absent => {}
            }
        }
    }
    let image = |(reference, named_by): (String, _)| Want {
        image: Wanted::Reference(reference.into()),
        named_by,
    };
    wanted.into_iter().map(image).chain(unclear).collect()
}

/// The result of [`wants`] for a world.
struct Made(Vec<Want>);

impl Derived for Made {
    const READS: Reads = READS;

    fn make(view: &View<'_>) -> Self {
        Self(wants(view))
    }
}

/// The images that the objects of a snapshot refer to, computed once per world.
pub struct Wants<'a>(Vec<(&'a Arc<World>, Arc<Made>)>);

impl<'a> Wants<'a> {
    /// Computes them for all worlds of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let of = |world: &'a Arc<World>| {
            // The result does not depend on the version. A fixed version makes it cacheable.
            let view = View::new(world, "images", READS, KubernetesVersion::LATEST);
            (world, view.derive::<Made>())
        };
        Self(snapshot.worlds().iter().map(of).collect())
    }

    fn all(&self) -> impl Iterator<Item = (&'a Arc<World>, &Want)> {
        self.0.iter().flat_map(|(world, made)| made.0.iter().map(move |want| (*world, want)))
    }

    /// Returns the references to each image, in the order of worlds and objects.
    pub fn images(&self) -> BTreeMap<&str, Vec<(&'a Arc<World>, &Naming)>> {
        let mut images = BTreeMap::<_, Vec<_>>::new();
        for (world, want) in self.all() {
            if let Wanted::Reference(reference) = &want.image {
                let named_by = want.named_by.iter().map(|naming| (world, naming));
                images.entry(&**reference).or_default().extend(named_by);
            }
        }
        images
    }

    /// Returns unclear references: their worlds and the reasons.
    pub fn unclear(&self) -> impl Iterator<Item = (&'a Arc<World>, &str)> {
        self.all().filter_map(|(world, want)| match &want.image {
            Wanted::Unclear(why) => Some((world, why.as_str())),
            Wanted::Reference(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use pavisade_snapshot::{WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::*;

    const OBJECTS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: b}
spec:
  containers: [{name: web, image: 'nginx:1.29'}, {name: side, image: '{{ .Values.image }}'}]
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: web, image: docker.io/library/nginx:1.29}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec: {template: {spec: {containers: [{name: c, image: 'r.example/roll:1'}]}}}
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: p}
spec: {image: 'quay.io/prometheus/prometheus:v3'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {image: 'nginx:1'}
";

    fn snapshot() -> Snapshot {
        let documents = read(&Source::new("t", OBJECTS)).docs;
        let found = documents.iter().flat_map(|doc| objects(doc.root()).sent);
        let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect::<Vec<_>>();
        let world = |name: &str| WorldParts::files(name, WorldKind::Files, found.clone());
        Snapshot::new(vec![world("x"), world("y")], Vec::new())
    }

    #[test]
    fn each_image_is_wanted_once_with_all_who_name_it() {
        let snapshot = snapshot();
        let wants = Wants::of(&snapshot);
        let told: Vec<_> = wants
            .images()
            .into_iter()
            .map(|(reference, by)| {
                let by = by.iter().map(|(world, naming)| {
                    assert_eq!(
                        naming.value().as_str().map(|text| text.ends_with(":1.29")),
                        Some(reference.ends_with(":1.29"))
                    );
                    format!("{} {}", world.name(), naming.subject().label())
                });
                format!("{reference}: {}", by.collect::<Vec<_>>().join(", "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "docker.io/library/nginx:1.29: x Pod a, x Pod b, y Pod a, y Pod b",
                "quay.io/prometheus/prometheus:v3: x Prometheus p, y Prometheus p",
                "r.example/roll:1: x Rollout r, y Rollout r",
            ]
        );
        let unclear: Vec<_> = wants.unclear().map(|(world, _)| world.name().to_string()).collect();
        assert_eq!(unclear, ["x", "y"]);
    }

    #[test]
    fn what_a_world_names_is_found_once() {
        let snapshot = snapshot();
        let (first, second) = (Wants::of(&snapshot), Wants::of(&snapshot));
        let pairs = first.0.iter().zip(&second.0);
        assert!(pairs.into_iter().all(|((_, a), (_, b))| Arc::ptr_eq(a, b)));
        // Adding facts changes no world.
        let later = snapshot.clone().with_facts(pavisade_snapshot::Facts::default());
        assert!(Arc::ptr_eq(&first.0[0].1, &Wants::of(&later).0[0].1));
    }

    #[test]
    #[should_panic(expected = "without declaring it")]
    fn wants_see_no_more_than_their_reader_declares() {
        let snapshot = snapshot();
        let view =
            View::new(&snapshot.worlds()[0], "pods", &[&[kinds::POD]], KubernetesVersion::LATEST);
        wants(&view);
    }
}
