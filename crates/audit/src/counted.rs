//! How much is kept, and the names of one use.

/// About what a text, a use and a day take beside their bytes.
pub(crate) const PER_TEXT: usize = 64;
pub(crate) const PER_USE: usize = 160;
pub(crate) const PER_DAY: usize = 16;

/// How much is kept. What exceeds it is counted, and said.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Different uses.
    pub uses: usize,
    /// Users.
    pub users: usize,
    /// Names of a use, before it counts without names.
    pub names: usize,
    /// Groups of a user.
    pub groups: usize,
    /// Bytes of a name, a path and others.
    pub text: usize,
    /// Bytes of everything, about.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let bytes = 256 << 20;
        Self { uses: 500_000, users: 100_000, names: 32, groups: 64, text: 1_024, bytes }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) span: Option<(i64, i64)>,
    /// Sorted.
    pub(crate) names: Vec<Box<str>>,
    pub(crate) many: bool,
}

impl Counted {
    /// Adds a name. Returns whether there was space for it.
    pub(crate) fn name(&mut self, name: &str, limits: &Limits, bytes: &mut usize) -> bool {
        if self.many {
            return true;
        }
        let Err(place) = self.names.binary_search_by(|own| (**own).cmp(name)) else { return true };
        if self.names.len() >= limits.names {
            self.fold(bytes);
            return true;
        }
        let fits = take_bytes(bytes, name.len() + PER_TEXT, limits);
        if fits {
            self.names.insert(place, name.into());
        }
        fits
    }

    fn fold(&mut self, bytes: &mut usize) {
        let names = std::mem::take(&mut self.names);
        *bytes = bytes.saturating_sub(names.iter().map(|name| name.len() + PER_TEXT).sum());
        self.many = true;
    }

    /// Adds what another counted. Returns whether there was space for it.
    pub(crate) fn merge(&mut self, other: Self, limits: &Limits, bytes: &mut usize) -> bool {
        self.count += other.count;
        self.span = both(self.span, other.span);
        if other.many {
            self.fold(bytes);
        }
        // Every name is added, also after one that does not fit.
        other.names.iter().filter(|name| !self.name(name, limits, bytes)).count() == 0
    }
}

/// Takes bytes of those that are left, if so.
pub(crate) fn take_bytes(bytes: &mut usize, count: usize, limits: &Limits) -> bool {
    let fits = bytes.saturating_add(count) <= limits.bytes;
    if fits {
        *bytes += count;
    }
    fits
}

pub(crate) fn both(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
