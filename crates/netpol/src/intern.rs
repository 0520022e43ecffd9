//! Values that are kept once, known by their places.

use std::collections::HashMap;

use pavisade_snapshot::Selects;

/// [`Selects`], in one byte that can be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Selects2 {
    No,
    Maybe,
    Yes,
}

impl From<Selects> for Selects2 {
    fn from(selects: Selects) -> Self {
        match selects {
            Selects::No => Self::No,
            Selects::Maybe => Self::Maybe,
            Selects::Yes => Self::Yes,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Interned<T> {
    /// In the order in which they came.
    pub(crate) all: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    /// The place of a value, which joins where it is new.
    pub(crate) fn put(&mut self, value: T) -> usize {
        if let Some(place) = self.places.get(&value) {
            return *place;
        }
        self.places.insert(value.clone(), self.all.len());
        self.all.push(value);
        self.all.len() - 1
    }
}
