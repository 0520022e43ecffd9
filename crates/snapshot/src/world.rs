//! Worlds, and the snapshot that holds them.

use std::any::{Any, TypeId};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pavisade_model::{Cause, Gap, GroupKind, KubernetesVersion, Note, NoteKind, kinds};

use crate::distribution;
use crate::kind::WorldKind;
use crate::{ClusterFacts, Coverage, Distribution, DistributionName, Facts, Object, ObjectId};

/// What a world is made from.
#[derive(Debug, Clone)]
pub struct WorldParts {
    /// The name that users know it by: a path, a context.
    pub name: String,
    /// What it is.
    pub kind: WorldKind,
    /// Its objects; of equal ids the last wins.
    pub objects: Vec<Object>,
    /// Coverage of every kind that `coverage` does not name.
    pub default_coverage: Coverage,
    /// Coverage by API group and kind.
    pub coverage: HashMap<(String, String), Coverage>,
    /// Why kinds of coverage [`Coverage::Unread`] were not read, by API group and kind.
    pub causes: HashMap<(String, String), Cause>,
    /// The namespace in which files that name none are applied to a cluster.
    pub namespace: String,
}

impl WorldParts {
    /// Objects from files: they say what is meant, never all that is there.
    pub fn files(name: impl Into<String>, kind: WorldKind, objects: Vec<Object>) -> Self {
        let default_coverage = Coverage::Partial;
        Self {
            name: name.into(),
            kind,
            objects,
            default_coverage,
            coverage: HashMap::new(),
            causes: HashMap::new(),
            namespace: "default".to_owned(),
        }
    }

    /// A cluster, in which nothing was read yet: kinds that `coverage` does not name are unread.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self {
            default_coverage: Coverage::Unread,
            ..Self::files(name, WorldKind::Cluster, Vec::new())
        }
    }
}

/// The ids that an object of a file has in a cluster. One that names no namespace means the
/// `namespace` that its user applies it in, unless its kind has none.
fn ids_of(
    object: &Object,
    namespace: &Arc<str>,
    cluster: &BTreeMap<ObjectId, Arc<Object>>,
) -> Vec<ObjectId> {
    let mirrors = mirrors(object, cluster);
    if !mirrors.is_empty() {
        return mirrors;
    }
    let id = object.id().clone();
    if id.namespace.is_empty() && !cluster.contains_key(&id) {
        let inside = ObjectId { namespace: namespace.clone(), ..id.clone() };
        if cluster.contains_key(&inside) {
            return vec![inside];
        }
    }
    vec![id]
}

fn twice(first: &Object, other: &Object) -> Note {
    let (source, span) = (other.doc().source(), other.value().span());
    Note {
        kind: NoteKind::Info,
        place: source.shown().into_owned(),
        span: Some((source.clone(), span.start, span.start + 1)),
        message: format!(
            "{} is also defined in {} with different content: that one is compared with the \
             cluster",
            other.subject(None).label(),
            first.doc().source().shown()
        ),
        remedy: String::new(),
    }
}

/// The pods by which kubelets show a static pod: its name with each node's behind it.
fn mirrors(object: &Object, cluster: &BTreeMap<ObjectId, Arc<Object>>) -> Vec<ObjectId> {
    if !object.is(kinds::POD) || cluster.contains_key(object.id()) {
        return Vec::new();
    }
    let start = format!("{}-", object.name());
    let from = ObjectId { name: start.as_str().into(), ..object.id().clone() };
    let near = cluster.range(from..).take_while(|(id, _)| {
        id.kind == object.id().kind
            && id.namespace == object.id().namespace
            && id.name.starts_with(&start)
    });
    let mirror = near.filter(|(_, pod)| {
        let node = pod.at(&["spec", "nodeName"]).and_then(|name| name.as_str());
        pod.annotation("kubernetes.io/config.mirror").is_some()
            && node == pod.name().get(start.len()..)
    });
    mirror.map(|(id, _)| id.clone()).collect()
}

/// The objects of one group among those of a kind.
type OfGroup = (Arc<str>, Vec<Arc<Object>>);

/// Objects that are joined with each other and with nothing else.
#[derive(Debug)]
pub struct World {
    name: Arc<str>,
    kind: WorldKind,
    objects: BTreeMap<ObjectId, Arc<Object>>,
    by_kind: HashMap<Arc<str>, Vec<OfGroup>>,
    seen: Arc<Seen>,
    written: Arc<HashMap<ObjectId, Object>>,
    derived: Slots,
}

/// How much of each kind was seen.
#[derive(Debug)]
struct Seen {
    default: Coverage,
    coverage: HashMap<(String, String), Coverage>,
    causes: HashMap<(String, String), Cause>,
    /// The namespace in which files that name none are applied.
    namespace: Arc<str>,
}

type Slot = Arc<OnceLock<Arc<dyn Any + Send + Sync>>>;

/// What was computed from a world, by type and the version whose semantics count.
#[derive(Default)]
struct Slots(Mutex<HashMap<(TypeId, KubernetesVersion), Slot>>);

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slots")
    }
}

impl World {
    /// A world of these parts.
    pub fn new(parts: WorldParts) -> Self {
        let WorldParts { name, kind, objects, default_coverage, coverage, causes, namespace } =
            parts;
        let seen =
            Seen { default: default_coverage, coverage, causes, namespace: namespace.into() };
        let mut map = BTreeMap::new();
        for object in objects {
            map.insert(unique(&map, &object), Arc::new(object));
        }
        Self::build(name.into(), kind, map, Arc::new(seen), Arc::default())
    }

    fn build(
        name: Arc<str>,
        kind: WorldKind,
        objects: BTreeMap<ObjectId, Arc<Object>>,
        seen: Arc<Seen>,
        written: Arc<HashMap<ObjectId, Object>>,
    ) -> Self {
        let mut by_kind: HashMap<Arc<str>, Vec<OfGroup>> = HashMap::new();
        for (id, object) in &objects {
            let groups = by_kind.entry(id.kind.clone()).or_default();
            match groups.iter_mut().find(|(group, _)| *group == id.group) {
                Some((_, objects)) => objects.push(object.clone()),
                None => groups.push((id.group.clone(), vec![object.clone()])),
            }
        }
        let derived = Slots::default();
        Self { name, kind, objects, by_kind, seen, written, derived }
    }

    /// A value made from this world alone: made on first use, at most once, then shared.
    pub(crate) fn derive<T: Any + Send + Sync>(
        &self,
        version: KubernetesVersion,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let slot = {
            let mut slots = self.derived.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry((TypeId::of::<T>(), version)).or_default().clone()
        };
        // The map is not locked while the value is made: it may derive others.
        let value = slot.get_or_init(|| Arc::new(make()));
        match value.clone().downcast() {
            Ok(value) => value,
            Err(_) => unreachable!("slots are kept by type"),
        }
    }

    fn with(&self, changes: &[Change]) -> Self {
        let mut objects = self.objects.clone();
        for change in changes {
            match change {
                Change::Put(_, object) => {
                    objects.insert(object.id().clone(), Arc::new(object.clone()));
                }
                Change::Delete(_, id) => {
                    objects.remove(id);
                }
            }
        }
        let (seen, written) = (self.seen.clone(), self.written.clone());
        Self::build(self.name.clone(), self.kind, objects, seen, written)
    }

    /// What it was made from, less its objects.
    pub fn parts(&self) -> WorldParts {
        let Seen { default, coverage, causes, namespace } = &*self.seen;
        WorldParts {
            name: self.name.to_string(),
            kind: self.kind,
            objects: Vec::new(),
            default_coverage: *default,
            coverage: coverage.clone(),
            causes: causes.clone(),
            namespace: namespace.to_string(),
        }
    }

    /// The name that users know it by.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> WorldKind {
        self.kind
    }

    /// Whether it is what an API server has.
    pub fn is_live(&self) -> bool {
        self.kind.is_live()
    }

    /// Whether there may be more than it holds.
    pub fn may_be_incomplete(&self) -> bool {
        self.kind.may_be_incomplete()
    }

    /// All objects, ordered by their ids.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.objects.values().map(|object| &**object)
    }

    /// All objects, shared, ordered by their ids.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    fn list(&self, kind: GroupKind) -> &[Arc<Object>] {
        let groups = self.by_kind.get(kind.kind).map_or(&[][..], Vec::as_slice);
        let of_group = groups.iter().find(|(group, _)| **group == *kind.group);
        of_group.map_or(&[], |(_, objects)| objects)
    }

    /// The objects of one kind, of any version, ordered by their ids.
    pub fn of_kind(&self, kind: GroupKind) -> impl Iterator<Item = &Object> {
        self.list(kind).iter().map(|object| &**object)
    }

    /// Objects stand in the order of their ids, so those of a namespace are one run.
    fn run(&self, kind: GroupKind, namespace: &str) -> &[Arc<Object>] {
        let objects = self.list(kind);
        let start = objects.partition_point(|object| object.namespace() < namespace);
        let rest = &objects[start..];
        &rest[..rest.partition_point(|object| object.namespace() == namespace)]
    }

    /// The objects of one kind in one namespace.
    pub fn in_namespace(&self, kind: GroupKind, namespace: &str) -> impl Iterator<Item = &Object> {
        self.run(kind, namespace).iter().map(|object| &**object)
    }

    /// One of [`World::of_kind`] by its place.
    pub fn nth(&self, kind: GroupKind, place: usize) -> Option<&Object> {
        self.list(kind).get(place).map(|object| &**object)
    }

    /// One object by its id.
    pub fn find(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id).map(|object| &**object)
    }

    /// One object by its names.
    pub fn get(&self, kind: GroupKind, namespace: &str, name: &str) -> Option<&Object> {
        let id = ObjectId {
            group: kind.group.into(),
            kind: kind.kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        self.objects.get(&id).map(|object| &**object)
    }

    /// An object as a file writes it, where the files were given.
    pub fn written(&self, id: &ObjectId) -> Option<&Object> {
        self.written.get(id)
    }

    /// All objects that files write for this cluster, by the ids that they have or would have in it.
    pub fn all_written(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        self.written.iter()
    }

    /// How much of a kind was seen.
    pub fn coverage(&self, kind: GroupKind) -> Coverage {
        self.coverage_of(kind.group, kind.kind)
    }

    /// How much of a kind was seen, by its group and name.
    pub fn coverage_of(&self, group: &str, kind: &str) -> Coverage {
        let Seen { default, coverage, .. } = &*self.seen;
        if coverage.is_empty() {
            return *default;
        }
        let key = (group.to_owned(), kind.to_owned());
        coverage.get(&key).copied().unwrap_or(*default)
    }

    /// Why a kind of coverage [`Coverage::Unread`] was not read.
    pub fn cause(&self, kind: GroupKind) -> &Cause {
        self.cause_of(kind.group, kind.kind)
    }

    /// Why a kind was not read, by its group and name.
    pub fn cause_of(&self, group: &str, kind: &str) -> &Cause {
        let of_kind = || self.seen.causes.get(&(group.to_owned(), kind.to_owned()));
        let cause = if self.seen.causes.is_empty() { None } else { of_kind() };
        cause.unwrap_or(&Cause::NotAsked)
    }

    /// The version that a cluster's API server says it has.
    pub fn server_version(&self) -> Option<KubernetesVersion> {
        ClusterFacts::of(self)?.kubernetes()
    }

    /// Which distribution of Kubernetes it is.
    pub fn distribution(&self) -> Arc<Distribution> {
        // What it is does not depend on whose semantics count.
        self.derive(KubernetesVersion::LATEST, || Distribution::of(self))
    }

    /// That not all objects of a kind were read, and why.
    pub fn gap(&self, kind: GroupKind) -> Gap {
        Gap::Kind { kind, cause: self.cause(kind).clone() }
    }

    pub(crate) fn unread_nodes(&self) -> Option<&Cause> {
        (self.coverage(kinds::NODE) == Coverage::Unread).then(|| self.cause(kinds::NODE))
    }
}

/// What has no name of its own (several kubelet configurations, Dockerfiles, objects with
/// `generateName`) is told apart by its place.
fn unique(map: &BTreeMap<ObjectId, Arc<Object>>, object: &Object) -> ObjectId {
    let mut id = object.id().clone();
    if object.at(&["metadata", "name"]).is_none() && map.contains_key(&id) {
        let place = (object.doc().source().shown(), object.value().span().start);
        id.name = format!("{}{}:{}", id.name, place.0, place.1).into();
    }
    id
}

/// A change of one world, by its index in the snapshot.
#[derive(Debug, Clone)]
pub enum Change {
    /// An object is new or different.
    Put(usize, Object),
    /// An object is gone.
    Delete(usize, ObjectId),
}

impl Change {
    fn world(&self) -> usize {
        match self {
            Self::Put(world, _) | Self::Delete(world, _) => *world,
        }
    }
}

/// All worlds of a scan, and what was noticed while reading them.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    worlds: Vec<Arc<World>>,
    notes: Arc<Vec<Note>>,
    facts: Facts,
}

impl Snapshot {
    /// A picture of these worlds.
    pub fn new(worlds: Vec<WorldParts>, notes: Vec<Note>) -> Self {
        Self::of(worlds.into_iter().map(World::new), notes)
    }

    /// A picture of worlds that were made already.
    pub fn of(worlds: impl IntoIterator<Item = World>, notes: Vec<Note>) -> Self {
        let worlds = worlds.into_iter().map(Arc::new).collect();
        Self { worlds, notes: Arc::new(notes), facts: Facts::default() }
    }

    /// The picture after `changes`; worlds that they do not touch are shared. A change of a world
    /// that does not exist is none.
    pub fn with(&self, changes: &[Change]) -> Self {
        let mut next = self.clone();
        for (index, world) in next.worlds.iter_mut().enumerate() {
            let own: Vec<_> = changes.iter().filter(|c| c.world() == index).cloned().collect();
            if !own.is_empty() {
                *world = Arc::new(world.with(&own));
            }
        }
        next
    }

    /// The same with these facts beside the objects.
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// What is known beside the objects.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same with more notes.
    pub fn with_notes(mut self, notes: Vec<Note>) -> Self {
        if !notes.is_empty() {
            let mut all = self.notes.to_vec();
            all.extend(notes);
            self.notes = Arc::new(all);
        }
        self
    }

    /// The picture with what files write beside its clusters. Of objects with one id the first
    /// counts, and a note names the others that differ.
    pub fn with_written(self, written: &[Object]) -> Self {
        let mut notes = Vec::new();
        let worlds = self.worlds.iter().map(|world| {
            if !world.is_live() {
                return world.clone();
            }
            let (objects, seen) = (world.objects.clone(), world.seen.clone());
            let mut by_id = HashMap::new();
            for object in written {
                for id in ids_of(object, &seen.namespace, &objects) {
                    match by_id.entry(id) {
                        Entry::Vacant(place) => {
                            place.insert(object.clone());
                        }
                        Entry::Occupied(first) if !first.get().same_content(object) => {
                            notes.push(twice(first.get(), object));
                        }
                        Entry::Occupied(_) => {}
                    }
                }
            }
            let by_id = Arc::new(by_id);
            Arc::new(World::build(world.name.clone(), world.kind, objects, seen, by_id))
        });
        let worlds = worlds.collect();
        Self { worlds, ..self }.with_notes(notes)
    }

    /// The picture of clusters that their user says to be of a distribution.
    pub fn with_distribution(&self, name: DistributionName) -> Self {
        let facts = self.worlds.iter().enumerate().filter_map(|(index, world)| {
            let facts = distribution::claimed(ClusterFacts::of(world)?, name)?;
            Some(Change::Put(index, facts))
        });
        self.with(&facts.collect::<Vec<_>>())
    }

    /// A cluster's name, and the version that its API server says it has.
    pub fn server_version(&self) -> Option<(&str, KubernetesVersion)> {
        self.worlds.iter().find_map(|world| Some((&**world.name(), world.server_version()?)))
    }

    /// The worlds.
    pub fn worlds(&self) -> &[Arc<World>] {
        &self.worlds
    }

    /// What was noticed while reading.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}
