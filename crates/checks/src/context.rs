//! The handle through which a check sees the picture.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use pavisade_model::{Cause, Gap, GroupKind, KubernetesVersion, Meta};
use pavisade_snapshot::{Coverage, Object, World, WorldKind};

use crate::Why;

/// What a check may look at: the kinds that it declares, in its subject's world.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    world: &'a World,
    meta: &'a Meta,
    kubernetes: KubernetesVersion,
    now: Timestamp,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        world: &'a World,
        meta: &'a Meta,
        kubernetes: KubernetesVersion,
        now: Timestamp,
    ) -> Self {
        Self { world, meta, kubernetes, now }
    }

    /// The version whose semantics count.
    pub fn kubernetes(&self) -> KubernetesVersion {
        self.kubernetes
    }

    /// The version that a cluster itself says it has, where that is newer than all whose semantics
    /// are known; else the same.
    pub fn own_version(&self) -> KubernetesVersion {
        let newer = self.world.server_version().filter(|own| *own > KubernetesVersion::LATEST);
        newer.unwrap_or(self.kubernetes)
    }

    /// The time for which the verdict is asked.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Where the world's objects come from.
    pub fn world_kind(&self) -> WorldKind {
        self.world.kind()
    }

    /// Whether there may be more of them, whatever was read.
    pub fn may_be_incomplete(&self) -> bool {
        self.world.may_be_incomplete()
    }

    /// Whether they are what an API server has.
    pub fn is_live(&self) -> bool {
        self.world.is_live()
    }

    /// All objects of a kind in this world.
    pub fn list(&self, kind: GroupKind) -> Listing<'a> {
        self.listing(kind, |world| world.of_kind(kind).collect())
    }

    /// The objects of a kind in one namespace.
    pub fn list_in(&self, kind: GroupKind, namespace: &'a str) -> Listing<'a> {
        self.listing(kind, |world| world.in_namespace(kind, namespace).collect())
    }

    /// One of [`Cx::list`] by its place, without a list of all.
    pub(crate) fn nth(&self, kind: GroupKind, place: usize) -> Option<&'a Object> {
        self.may_read(kind).then(|| self.world.nth(kind, place)).flatten()
    }

    /// What `make` gives for a key, computed once for the world. `I` names what is computed.
    pub(crate) fn memo<I: 'static, V: Clone + Send + Sync + 'static>(
        &self,
        key: String,
        make: impl FnOnce() -> V,
    ) -> V {
        let memo = self.derive(|_| Memo::<I, V>(Mutex::default(), PhantomData));
        let lock = || memo.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        // Not locked while it is made: two threads may make the same.
        let made = make();
        lock().insert(key, made.clone());
        made
    }

    /// The objects of a kind for which `keys` gives that text, in their order. `I` names the index,
    /// which is made once for the world.
    pub(crate) fn indexed<I: 'static>(
        &self,
        kind: GroupKind,
        keys: fn(&Object) -> Vec<String>,
        key: &str,
    ) -> Vec<&'a Object> {
        let index = self.derive(|cx| {
            let mut places: HashMap<String, Vec<usize>> = HashMap::new();
            for (place, object) in cx.list(kind).objects.into_iter().enumerate() {
                for key in keys(object) {
                    places.entry(key).or_default().push(place);
                }
            }
            Index::<I>(places, PhantomData)
        });
        let places = index.0.get(key).into_iter().flatten();
        places.filter_map(|place| self.nth(kind, *place)).collect()
    }

    /// One object by its names; `None` may also mean that it was not seen: ask
    /// [`Cx::coverage`].
    pub fn get(&self, kind: GroupKind, namespace: &str, name: &str) -> Option<&'a Object> {
        self.may_read(kind).then(|| self.world.get(kind, namespace, name)).flatten()
    }

    /// How much of a kind was seen.
    pub fn coverage(&self, kind: GroupKind) -> Coverage {
        if self.may_read(kind) { self.world.coverage(kind) } else { Coverage::Unread }
    }

    /// What was seen of a kind, without its objects.
    pub(crate) fn seen(&self, kind: GroupKind) -> Listing<'a> {
        self.listing(kind, |_| Vec::new())
    }

    /// Why nothing can be said from the absence of an object of a kind: not all were read.
    pub fn gap(&self, kind: GroupKind) -> Option<Why> {
        self.seen(kind).gap()
    }

    /// Why nothing can be said of a kind of which it is known that not all was read.
    pub(crate) fn unread(&self, kind: GroupKind) -> Why {
        Gap::Kind { kind, cause: self.world.cause(kind).clone() }.into()
    }

    /// `in this cluster` or `in these files`.
    pub fn here(&self) -> &'static str {
        if self.is_live() { "in this cluster" } else { "in these files" }
    }

    /// A value made from this world, shared by all checks that ask for its type: they declare the
    /// kinds that `make` reads.
    pub(crate) fn derive<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        self.world.derive(|| make(self))
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
        Listing { kind, objects, coverage, cause: self.world.cause(kind) }
    }

    fn may_read(&self, kind: GroupKind) -> bool {
        let declared = self.meta.reads().any(|k| k == kind) || self.meta.on.contains(&kind);
        debug_assert!(declared, "{} reads {kind} without declaring it", self.meta.rule.id);
        declared
    }
}

/// What was computed by a text.
struct Memo<I, V>(Mutex<HashMap<String, V>>, PhantomData<fn() -> I>);

/// Places of objects by a text.
struct Index<I>(HashMap<String, Vec<usize>>, PhantomData<fn() -> I>);

/// Objects of one kind, and whether they are all.
#[derive(Debug)]
pub struct Listing<'a> {
    kind: GroupKind,
    /// The objects, ordered by namespace and name.
    pub objects: Vec<&'a Object>,
    /// Whether they are all.
    pub coverage: Coverage,
    cause: &'a Cause,
}

impl Listing<'_> {
    /// Why nothing can be said from the absence of an object: not all of them were read.
    pub fn gap(&self) -> Option<Why> {
        let gap = || Gap::Kind { kind: self.kind, cause: self.cause.clone() };
        (self.coverage == Coverage::Unread).then(|| gap().into())
    }

    /// `in this cluster` or `in these files`, for a sentence that says that there is none.
    pub fn scope(&self) -> &'static str {
        match self.coverage {
            Coverage::Complete | Coverage::NotServed => "in this cluster",
            Coverage::Partial => "in these files",
            Coverage::Unread => "in what was read",
        }
    }
}
