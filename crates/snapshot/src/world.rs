//! Worlds, and the snapshot that contains them.

use std::any::{Any, TypeId};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pavisade_model::{Cause, Gap, GroupKind, KubernetesVersion, Note, kinds};

use crate::distribution;
use crate::kind::WorldKind;
use crate::written::{ids_of, twice};
use crate::{ClusterFacts, Coverage, Distribution, DistributionName, Facts, Object, ObjectId};

/// The parts of a world.
#[derive(Debug, Clone)]
pub struct WorldParts {
    /// The name shown to users: a path, a context.
    pub name: String,
    /// The kind of the world.
    pub kind: WorldKind,
    /// The objects. Of equal ids, the last wins.
    pub objects: Vec<Object>,
    /// The coverage of kinds that are not in `coverage`.
    pub default_coverage: Coverage,
    /// The coverage by API group and kind.
    pub coverage: HashMap<(String, String), Coverage>,
    /// The reason why a kind has the coverage [`Coverage::Unread`], by API group and kind.
    pub causes: HashMap<(String, String), Cause>,
    /// The default namespace for applying files to a cluster.
    pub namespace: String,
}

impl WorldParts {
    /// Creates a world of files. Its coverage is always partial.
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

    /// Returns a cluster of which nothing was read yet: kinds without `coverage` are unread.
    pub fn cluster(name: impl Into<String>) -> Self {
        Self {
            default_coverage: Coverage::Unread,
            ..Self::files(name, WorldKind::Cluster, Vec::new())
        }
    }
}

/// The objects of one group among those of a kind.
type OfGroup = (Arc<str>, Vec<Arc<Object>>);

/// Objects that are related to each other and to no others.
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

/// The coverage of kinds.
#[derive(Debug)]
struct Seen {
    default: Coverage,
    coverage: HashMap<(String, String), Coverage>,
    causes: HashMap<(String, String), Cause>,
    /// The default namespace for applying files.
    namespace: Arc<str>,
}

type Slot = Arc<OnceLock<Arc<dyn Any + Send + Sync>>>;

/// Computed values, by type and Kubernetes version.
#[derive(Default)]
struct Slots(Mutex<HashMap<(TypeId, KubernetesVersion), Slot>>);

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slots")
    }
}

impl World {
    /// Creates a world.
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

    /// Returns a value computed from this world alone, on first use and at most once.
    pub(crate) fn derive<T: Any + Send + Sync>(
        &self,
        version: KubernetesVersion,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let slot = {
            let mut slots = self.derived.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry((TypeId::of::<T>(), version)).or_default().clone()
        };
        // The map is not locked while the value is computed, since that may derive other values.
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

    /// Returns the parts of the world, without its objects.
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

    /// Returns the name shown to users.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the kind of the world.
    pub fn kind(&self) -> WorldKind {
        self.kind
    }

    /// Whether it is the state of an API server.
    pub fn is_live(&self) -> bool {
        self.kind.is_live()
    }

    /// Whether further objects may exist.
    pub fn may_be_incomplete(&self) -> bool {
        self.kind.may_be_incomplete()
    }

    /// Returns all objects, ordered by id.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.objects.values().map(|object| &**object)
    }

    /// Returns all objects, shared, ordered by id.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    fn list(&self, kind: GroupKind) -> &[Arc<Object>] {
        let groups = self.by_kind.get(kind.kind).map_or(&[][..], Vec::as_slice);
        let of_group = groups.iter().find(|(group, _)| **group == *kind.group);
        of_group.map_or(&[], |(_, objects)| objects)
    }

    /// Returns the objects of a kind, of any version, ordered by id.
    pub fn of_kind(&self, kind: GroupKind) -> impl Iterator<Item = &Object> {
        self.list(kind).iter().map(|object| &**object)
    }

    /// Objects are ordered by id, so those of a namespace are contiguous.
    fn run(&self, kind: GroupKind, namespace: &str) -> &[Arc<Object>] {
        let objects = self.list(kind);
        let start = objects.partition_point(|object| object.namespace() < namespace);
        let rest = &objects[start..];
        &rest[..rest.partition_point(|object| object.namespace() == namespace)]
    }

    /// Returns the objects of a kind in a namespace.
    pub fn in_namespace(&self, kind: GroupKind, namespace: &str) -> impl Iterator<Item = &Object> {
        self.run(kind, namespace).iter().map(|object| &**object)
    }

    /// Returns the object at an index of [`World::of_kind`].
    pub fn nth(&self, kind: GroupKind, place: usize) -> Option<&Object> {
        self.list(kind).get(place).map(|object| &**object)
    }

    /// Returns an object by id.
    pub fn find(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id).map(|object| &**object)
    }

    /// Returns an object by kind, namespace and name.
    pub fn get(&self, kind: GroupKind, namespace: &str, name: &str) -> Option<&Object> {
        let id = ObjectId {
            group: kind.group.into(),
            kind: kind.kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        self.objects.get(&id).map(|object| &**object)
    }

    /// Returns the object as written in a file, if files were given.
    pub fn written(&self, id: &ObjectId) -> Option<&Object> {
        self.written.get(id)
    }

    /// Returns all objects from files for this cluster, by the ids that they have or would have in
    /// it.
    pub fn all_written(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        self.written.iter()
    }

    /// Returns the coverage of a kind.
    pub fn coverage(&self, kind: GroupKind) -> Coverage {
        self.coverage_of(kind.group, kind.kind)
    }

    /// Returns the coverage of a kind, by group and name.
    pub fn coverage_of(&self, group: &str, kind: &str) -> Coverage {
        let Seen { default, coverage, .. } = &*self.seen;
        if coverage.is_empty() {
            return *default;
        }
        let key = (group.to_owned(), kind.to_owned());
        coverage.get(&key).copied().unwrap_or(*default)
    }

    /// Returns the reason why a kind has the coverage [`Coverage::Unread`].
    pub fn cause(&self, kind: GroupKind) -> &Cause {
        self.cause_of(kind.group, kind.kind)
    }

    /// Returns the reason why a kind was not read, by group and name.
    pub fn cause_of(&self, group: &str, kind: &str) -> &Cause {
        let of_kind = || self.seen.causes.get(&(group.to_owned(), kind.to_owned()));
        let cause = if self.seen.causes.is_empty() { None } else { of_kind() };
        cause.unwrap_or(&Cause::NotAsked)
    }

    /// Returns the version reported by a cluster's API server.
    pub fn server_version(&self) -> Option<KubernetesVersion> {
        ClusterFacts::of(self)?.kubernetes()
    }

    /// Returns the Kubernetes distribution.
    pub fn distribution(&self) -> Arc<Distribution> {
        // The distribution does not depend on the version whose semantics apply.
        self.derive(KubernetesVersion::LATEST, || Distribution::of(self))
    }

    /// Returns the gap for a kind of which not all objects were read.
    pub fn gap(&self, kind: GroupKind) -> Gap {
        Gap::Kind { kind, cause: self.cause(kind).clone() }
    }

    pub(crate) fn unread_nodes(&self) -> Option<&Cause> {
        (self.coverage(kinds::NODE) == Coverage::Unread).then(|| self.cause(kinds::NODE))
    }
}

/// Makes ids unique by location for objects without a name (several kubelet configurations,
/// Dockerfiles, objects with `generateName`).
fn unique(map: &BTreeMap<ObjectId, Arc<Object>>, object: &Object) -> ObjectId {
    let mut id = object.id().clone();
    if object.at(&["metadata", "name"]).is_none() && map.contains_key(&id) {
        let place = (object.doc().source().shown(), object.value().span().start);
        id.name = format!("{}{}:{}", id.name, place.0, place.1).into();
    }
    id
}

/// A change of a world, by its index in the snapshot.
#[derive(Debug, Clone)]
pub enum Change {
    /// An object was added or changed.
    Put(usize, Object),
    /// An object was deleted.
    Delete(usize, ObjectId),
}

impl Change {
    fn world(&self) -> usize {
        match self {
            Self::Put(world, _) | Self::Delete(world, _) => *world,
        }
    }
}

/// All worlds of a scan, and the notes from reading them.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    worlds: Vec<Arc<World>>,
    notes: Arc<Vec<Note>>,
    facts: Facts,
}

impl Snapshot {
    /// Creates a snapshot of worlds.
    pub fn new(worlds: Vec<WorldParts>, notes: Vec<Note>) -> Self {
        Self::of(worlds.into_iter().map(World::new), notes)
    }

    /// Creates a snapshot of existing worlds.
    pub fn of(worlds: impl IntoIterator<Item = World>, notes: Vec<Note>) -> Self {
        let worlds = worlds.into_iter().map(Arc::new).collect();
        Self { worlds, notes: Arc::new(notes), facts: Facts::default() }
    }

    /// Returns the snapshot after `changes`. Worlds that did not change are shared. Changes of
    /// worlds that do not exist are ignored.
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

    /// Returns the snapshot with these facts.
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    /// Returns the facts in addition to the objects.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the snapshot with more notes.
    pub fn with_notes(mut self, notes: Vec<Note>) -> Self {
        if !notes.is_empty() {
            let mut all = self.notes.to_vec();
            all.extend(notes);
            self.notes = Arc::new(all);
        }
        self
    }

    /// Adds the objects as written in files to the snapshot's clusters. Of objects with the same id
    /// the first is used; a note lists the others if they differ.
    pub fn with_written(self, written: &[Object]) -> Self {
        let mut notes = Vec::new();
        let worlds = self.worlds.iter().map(|world| {
            if !world.is_live() {
                return world.clone();
            }
            let (mut objects, seen) = (world.objects.clone(), world.seen.clone());
            // What was read from nodes, etcd and audit logs is a part of the cluster.
            for facts in written.iter().filter(|object| object.is_from_node()) {
                objects.insert(facts.id().clone(), Arc::new(facts.clone()));
            }
            let mut by_id = HashMap::new();
            for object in written.iter().filter(|object| !object.is_from_node()) {
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

    /// Returns the snapshot with the distribution of its clusters set by the user.
    pub fn with_distribution(&self, name: DistributionName) -> Self {
        let facts = self.worlds.iter().enumerate().filter_map(|(index, world)| {
            let facts = distribution::claimed(ClusterFacts::of(world)?, name)?;
            Some(Change::Put(index, facts))
        });
        self.with(&facts.collect::<Vec<_>>())
    }

    /// Returns the name of a cluster and the version reported by its API server.
    pub fn server_version(&self) -> Option<(&str, KubernetesVersion)> {
        self.worlds.iter().find_map(|world| Some((&**world.name(), world.server_version()?)))
    }

    /// Returns the worlds.
    pub fn worlds(&self) -> &[Arc<World>] {
        &self.worlds
    }

    /// Returns the notes from reading.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}
