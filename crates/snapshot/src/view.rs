//! A view of a world for checks and engines, limited to the kinds that they declare.
//!
//! The declarations determine which kinds are read from a live cluster, which permissions that
//! takes, and what becomes unknown if a kind could not be read. So code must not read undeclared
//! kinds. A cached value ([`View::derive`], [`View::memo`], [`View::indexed`]) is computed from the
//! kinds that it declares itself, independent of its first caller. With debug assertions (as in
//! tests), reading an undeclared kind panics; otherwise it counts as unread.
//!
//! Out of scope: facts in addition to the objects, which are passed to checks separately.

use std::any::{Any, type_name};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use pavisade_model::{GroupKind, KubernetesVersion, Meta, Why, kinds};

use crate::{ClusterFacts, Coverage, Object, World, WorldKind};

/// Groups of declared kinds.
pub type Reads = &'static [&'static [GroupKind]];

/// A world, limited to declared kinds.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    world: &'a World,
    declared: Declared<'a>,
    kubernetes: KubernetesVersion,
}

/// The reader and its declared kinds.
#[derive(Debug, Clone, Copy)]
enum Declared<'a> {
    /// A check: its subjects and the kinds that it reads in addition.
    Check(&'a Meta),
    /// A cached value, or an engine.
    Value(&'a str, Reads),
    /// An index of one kind.
    Index(&'a str, GroupKind),
}

impl Declared<'_> {
    fn has(self, kind: GroupKind) -> bool {
        match self {
            Self::Check(meta) => meta.reads().any(|k| k == kind) || meta.on.contains(&kind),
            Self::Value(_, reads) => reads.iter().any(|group| group.contains(&kind)),
            Self::Index(_, of) => of == kind,
        }
    }

    fn kinds(self) -> impl Iterator<Item = GroupKind> {
        let (groups, one) = match self {
            Self::Check(_) => (&[][..], None),
            Self::Value(_, groups) => (groups, None),
            Self::Index(_, kind) => (&[][..], Some(kind)),
        };
        groups.iter().copied().flatten().copied().chain(one)
    }

    fn name(&self) -> &str {
        match self {
            Self::Check(meta) => &meta.rule.id,
            Self::Value(name, _) | Self::Index(name, _) => name,
        }
    }
}

/// A value that is computed once per world and shared.
pub trait Derived: Any + Send + Sync {
    /// The kinds that it is computed from. Callers must declare them too.
    const READS: Reads;

    /// Computes the value. The view is limited to [`Derived::READS`].
    fn make(view: &View<'_>) -> Self;
}

impl<'a> View<'a> {
    /// Creates the view of a world for a check.
    pub fn of_check(world: &'a World, meta: &'a Meta, kubernetes: KubernetesVersion) -> Self {
        Self { world, declared: Declared::Check(meta), kubernetes }
    }

    /// Creates the view of a world for an engine with that name.
    pub fn new(
        world: &'a World,
        name: &'a str,
        reads: Reads,
        kubernetes: KubernetesVersion,
    ) -> Self {
        Self { world, declared: Declared::Value(name, reads), kubernetes }
    }

    /// Returns the version whose semantics apply.
    pub fn kubernetes(&self) -> KubernetesVersion {
        self.kubernetes
    }

    /// Returns the version reported by the cluster if it is newer than all supported versions,
    /// otherwise the same as [`View::kubernetes`].
    pub fn own_version(&self) -> KubernetesVersion {
        let newer = self.world.server_version().filter(|own| *own > KubernetesVersion::LATEST);
        newer.unwrap_or(self.kubernetes)
    }

    /// Returns the kind of the world.
    pub fn world_kind(&self) -> WorldKind {
        self.world.kind()
    }

    /// Whether further objects may exist, even if everything was read.
    pub fn may_be_incomplete(&self) -> bool {
        self.world.may_be_incomplete()
    }

    /// Whether the objects are from an API server.
    pub fn is_live(&self) -> bool {
        self.world.is_live()
    }

    /// Returns all objects of a kind in this world.
    pub fn list(&self, kind: GroupKind) -> Listing<'a> {
        self.listing(kind, |world| world.of_kind(kind).collect())
    }

    /// Returns the objects of a kind in one namespace.
    pub fn list_in(&self, kind: GroupKind, namespace: &'a str) -> Listing<'a> {
        self.listing(kind, |world| world.in_namespace(kind, namespace).collect())
    }

    /// Returns the object at an index of [`View::list`], without creating a list.
    pub fn nth(&self, kind: GroupKind, place: usize) -> Option<&'a Object> {
        self.may_read(kind).then(|| self.world.nth(kind, place)).flatten()
    }

    /// Returns an object by name. `None` may also mean that it was not read: see
    /// [`View::coverage`].
    pub fn get(&self, kind: GroupKind, namespace: &str, name: &str) -> Option<&'a Object> {
        self.may_read(kind).then(|| self.world.get(kind, namespace, name)).flatten()
    }

    /// Returns the objects that create pods and those of the kinds in `also`, shared, in the order
    /// of the world. Custom resources create pods by their structure, independent of their kind, so
    /// [`kinds::WORKLOADS`] includes them.
    pub fn pod_makers(&self, also: &'static [GroupKind]) -> impl Iterator<Item = &'a Arc<Object>> {
        let declared = [kinds::WORKLOADS, also].concat();
        let all = declared.iter().filter(|kind| !self.may_read(**kind)).count() == 0;
        let is_meant = move |object: &&Arc<Object>| {
            object.has_pods() || also.iter().any(|kind| object.is(*kind))
        };
        all.then(|| self.world.shared()).into_iter().flatten().filter(is_meant)
    }

    /// Returns the facts about the cluster. Requires declaring their kind.
    pub fn cluster(&self) -> Option<ClusterFacts<'a>> {
        self.nth(kinds::CLUSTER, 0).and_then(ClusterFacts::read)
    }

    /// Returns the coverage of a kind.
    pub fn coverage(&self, kind: GroupKind) -> Coverage {
        if self.may_read(kind) { self.world.coverage(kind) } else { Coverage::Unread }
    }

    /// Returns the coverage of a kind as a listing without objects.
    pub fn seen(&self, kind: GroupKind) -> Listing<'a> {
        self.listing(kind, |_| Vec::new())
    }

    /// Returns the reason why the absence of an object of a kind proves nothing: not all were read.
    pub fn gap(&self, kind: GroupKind) -> Option<Why> {
        self.seen(kind).gap()
    }

    /// Returns the reason for an unknown result, for a kind of which not all objects were read.
    pub fn unread(&self, kind: GroupKind) -> Why {
        self.world.gap(kind).into()
    }

    /// Returns `in this cluster` or `in these files`.
    pub fn here(&self) -> &'static str {
        if self.is_live() { "in this cluster" } else { "in these files" }
    }

    /// Returns a value computed from this world, at most once per version, and shared.
    pub fn derive<T: Derived>(&self) -> Arc<T> {
        let view = self.limited(Declared::Value(type_name::<T>(), T::READS));
        self.world.derive(self.kubernetes, || T::make(&view))
    }

    /// Returns the result of `make` for `of`, computed once per world. `key` identifies `of` and
    /// `I` identifies the function. `make` is a function and not a closure, so it can only read its
    /// view, which shows `reads`.
    pub fn memo<I: 'static, A, V: Clone + Send + Sync + 'static>(
        &self,
        reads: Reads,
        key: String,
        of: A,
        make: fn(&View<'a>, A) -> V,
    ) -> V {
        let view = self.limited(Declared::Value(type_name::<I>(), reads));
        let none = || Memo::<I, V>(Mutex::default(), PhantomData);
        let memo = self.world.derive(self.kubernetes, none);
        let lock = || memo.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        // The lock is not held meanwhile: two threads may compute the same value.
        let made = make(&view, of);
        lock().insert(key, made.clone());
        made
    }

    /// Returns the objects of a kind for which `keys` contains the text, in order. `I` identifies
    /// the index, which is computed once per world from that kind alone.
    pub fn indexed<I: 'static>(
        &self,
        kind: GroupKind,
        keys: fn(&Object) -> Vec<String>,
        key: &str,
    ) -> Vec<&'a Object> {
        let view = self.limited(Declared::Index(type_name::<I>(), kind));
        let index = self.world.derive(self.kubernetes, || {
            let mut places: HashMap<String, Vec<usize>> = HashMap::new();
            for (place, object) in view.list(kind).objects.into_iter().enumerate() {
                for key in keys(object) {
                    places.entry(key).or_default().push(place);
                }
            }
            Index::<I>(kind, places, PhantomData)
        });
        debug_assert_eq!(index.0, kind, "an index is of one kind");
        let places = index.1.get(key).into_iter().flatten();
        places.filter_map(|place| self.nth(kind, *place)).collect()
    }

    /// Returns the view for a value that is requested through this view.
    fn limited(&self, declared: Declared<'static>) -> View<'a> {
        if cfg!(debug_assertions) {
            declared.kinds().for_each(|kind| _ = self.may_read(kind));
        }
        View { world: self.world, declared, kubernetes: self.kubernetes }
    }

    fn listing(
        &self,
        kind: GroupKind,
        objects: impl FnOnce(&'a World) -> Vec<&'a Object>,
    ) -> Listing<'a> {
        let (coverage, objects) = match self.may_read(kind) {
            true => (self.world.coverage(kind), objects(self.world)),
            false => (Coverage::Unread, Vec::new()),
        };
        Listing { kind, objects, coverage, world: self.world }
    }

    fn may_read(&self, kind: GroupKind) -> bool {
        let declared = self.declared.has(kind);
        debug_assert!(declared, "{} reads {kind} without declaring it", self.declared.name());
        declared
    }
}

/// Results by key.
struct Memo<I, V>(Mutex<HashMap<String, V>>, PhantomData<fn() -> I>);

/// Indexes of objects of a kind, by key.
struct Index<I>(GroupKind, HashMap<String, Vec<usize>>, PhantomData<fn() -> I>);

/// Objects of one kind, and their coverage.
#[derive(Debug)]
pub struct Listing<'a> {
    kind: GroupKind,
    /// The objects, ordered by namespace and name.
    pub objects: Vec<&'a Object>,
    /// The coverage of the kind.
    pub coverage: Coverage,
    world: &'a World,
}

impl Listing<'_> {
    /// Returns the reason why the absence of an object proves nothing: not all were read.
    pub fn gap(&self) -> Option<Why> {
        (self.coverage == Coverage::Unread).then(|| self.world.gap(self.kind).into())
    }

    /// Returns `in this cluster` or `in these files`, for a sentence about a missing object.
    pub fn scope(&self) -> &'static str {
        match self.coverage {
            Coverage::Complete | Coverage::NotServed => "in this cluster",
            Coverage::Partial => "in these files",
            Coverage::Unread => "in the input",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pavisade_yaml::{Source, read};

    use super::*;
    use crate::WorldParts;

    const PODS: Reads = &[&[kinds::POD]];
    const BOTH: Reads = &[&[kinds::POD], &[kinds::SERVICE]];

    /// Returns a world with two pods and a Service, without namespaces.
    fn world() -> World {
        let objects = ["Pod: a", "Pod: b", "Service: a"].map(|text| {
            let (kind, name) = text.split_once(": ").unwrap();
            let text = format!("{{metadata: {{name: {name}, labels: {{l: x}}}}}}");
            let documents = read(&Source::new("t", text));
            Object::new(documents.docs[0].root(), "v1", kind)
        });
        World::new(WorldParts::files("w", WorldKind::Files, objects.to_vec()))
    }

    fn view(world: &World, reads: Reads) -> View<'_> {
        View::new(world, "test", reads, KubernetesVersion::LATEST)
    }

    /// Counts the objects of all declared kinds.
    struct Count(usize);

    impl Derived for Count {
        const READS: Reads = BOTH;

        fn make(view: &View<'_>) -> Self {
            let all = Self::READS.iter().copied().flatten();
            Self(all.map(|kind| view.list(*kind).objects.len()).sum())
        }
    }

    /// Declares pods but reads Services.
    struct Curious;

    impl Derived for Curious {
        const READS: Reads = PODS;

        fn make(view: &View<'_>) -> Self {
            view.list(kinds::SERVICE);
            Self
        }
    }

    #[test]
    fn a_value_is_made_once_for_a_world_and_a_version() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let world = world();
        let made = |version| {
            let view = View::new(&world, "test", BOTH, version);
            assert_eq!(view.derive::<Count>().0, 3);
            view.memo::<Curious, _, _>(PODS, "key".to_owned(), "a", |view, name| {
                MADE.fetch_add(1, Ordering::Relaxed);
                view.get(kinds::POD, "", name).is_some()
            })
        };
        let versions = [36, 37, 37, 36].map(KubernetesVersion::minor);
        assert_eq!(versions.map(made), [true; 4]);
        assert_eq!(MADE.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_index_gives_objects_in_their_order() {
        let world = world();
        let view = view(&world, BOTH);
        let labels = |o: &Object| o.label("l").map(str::to_owned).into_iter().collect();
        let found = view.indexed::<Count>(kinds::POD, labels, "x");
        assert_eq!(found.iter().map(|pod| pod.name()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(view.indexed::<Count>(kinds::POD, labels, "y").is_empty());
    }

    #[test]
    #[should_panic(expected = "test reads Service without declaring it")]
    fn a_kind_that_was_not_declared_is_not_seen() {
        view(&world(), PODS).get(kinds::SERVICE, "", "a");
    }

    #[test]
    fn makers_of_pods_stand_in_the_order_of_the_world() {
        let texts = [
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
            "apiVersion: e.io/v1\nkind: Roll\nspec: {template: {spec: {containers: [{image: i}]}}}\n",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ];
        let objects = texts.map(|text| {
            let documents = read(&Source::new("t", text));
            let root = documents.docs[0].root();
            let of = |field: &str| root.str(field).unwrap_or_default().to_owned();
            Object::new(root, &of("apiVersion"), &of("kind"))
        });
        let world = World::new(WorldParts::files("w", WorldKind::Files, objects.to_vec()));
        let view = view(&world, &[kinds::WORKLOADS, &[kinds::SERVICE]]);
        let makers = |also| view.pod_makers(also).map(|one| one.kind().to_owned());
        assert_eq!(makers(&[kinds::SERVICE]).collect::<Vec<_>>(), ["Pod", "Service", "Roll"]);
        assert_eq!(makers(&[]).collect::<Vec<_>>(), ["Pod", "Roll"]);
    }

    #[test]
    #[should_panic(expected = "test reads apps/Deployment without declaring it")]
    fn who_asks_for_makers_of_pods_declares_all_workloads() {
        view(&world(), PODS).pod_makers(&[]).for_each(drop);
    }

    #[test]
    #[should_panic(expected = "Curious reads Service without declaring it")]
    fn a_value_sees_no_more_than_it_declares_whoever_asks() {
        view(&world(), BOTH).derive::<Curious>();
    }

    #[test]
    #[should_panic(expected = "Count reads Service without declaring it")]
    fn what_is_made_for_a_key_sees_no_more_than_it_declares() {
        view(&world(), BOTH)
            .memo::<Count, _, _>(PODS, String::new(), (), |view, ()| view.gap(kinds::SERVICE));
    }

    #[test]
    #[should_panic(expected = "test reads Service without declaring it")]
    fn who_asks_for_a_value_declares_what_it_is_made_from() {
        let world = world();
        // The value exists already.
        view(&world, BOTH).derive::<Count>();
        view(&world, PODS).derive::<Count>();
    }

    #[test]
    #[should_panic(expected = "test reads Service without declaring it")]
    fn who_asks_for_an_index_declares_its_kind() {
        view(&world(), PODS).indexed::<Count>(kinds::SERVICE, |_| Vec::new(), "x");
    }
}
