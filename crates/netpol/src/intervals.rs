//! Sets of numbers as sorted intervals: ports and addresses are never enumerated.

use std::fmt::Debug;
use std::hash::Hash;

/// A number of which intervals are made.
pub trait Point: Copy + Ord + Hash + Debug {
    /// The next number, unless it is the last.
    fn after(self) -> Option<Self>;
    /// The number before, unless it is the first.
    fn before(self) -> Option<Self>;
}

macro_rules! points {
    ($($number:ty),*) => {
        $(impl Point for $number {
            fn after(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
        })*
    };
}

points!(u8, u16, u32, u128);

/// A set of numbers: inclusive intervals, sorted, that neither overlap nor touch. So equal sets are
/// equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intervals<T>(Vec<(T, T)>);

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Point> Intervals<T> {
    /// The numbers from `first` to `last`, both included; none where `last` is below `first`.
    pub fn range(first: T, last: T) -> Self {
        if first <= last { Self(vec![(first, last)]) } else { Self::default() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals in their order.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    /// Whether a number is one of them.
    pub fn contains(&self, number: T) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Whether all of them are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.subtract(other).is_empty()
    }

    /// Numbers that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut all: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut joined: Vec<(T, T)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match joined.last_mut() {
                // They overlap or touch.
                Some(end) if end.1.after().is_none_or(|next| first <= next) => {
                    end.1 = end.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    /// Numbers that are in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(one), Some(two)) = (a.peek(), b.peek()) {
            let (first, last) = (one.0.max(two.0), one.1.min(two.1));
            if first <= last {
                both.push((first, last));
            }
            if one.1 < two.1 {
                a.next()
            } else {
                b.next()
            };
        }
        Self(both)
    }

    /// Numbers of this one that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut cuts = other.0.iter().peekable();
        for (first, last) in &self.0 {
            let mut next = Some(*first);
            while cuts.peek().is_some_and(|cut| cut.1 < *first) {
                cuts.next();
            }
            for cut in cuts.clone().take_while(|cut| cut.0 <= *last) {
                let Some(start) = next else { break };
                if let Some(end) = cut.0.before()
                    && start <= end
                {
                    left.push((start, end));
                }
                next = cut.1.after().map(|after| after.max(start));
            }
            if let Some(start) = next.filter(|start| start <= last) {
                left.push((start, *last));
            }
        }
        Self(left)
    }
}

impl<T: Point> FromIterator<(T, T)> for Intervals<T> {
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        let all = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        Self::default().union(&Self(all))
    }
}
