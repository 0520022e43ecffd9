//! Determines whether a version is in a range of an advisory.

use std::cmp::Ordering;

use crate::version::{Order, Version};

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Introduced,
    Fixed,
    LastAffected,
}

impl Kind {
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Introduced, Self::Fixed, Self::LastAffected].get(usize::from(byte)).copied()
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Introduced => 0,
            Self::Fixed => 1,
            Self::LastAffected => 2,
        }
    }
}

/// Why a record applies to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The version is between two events of a range.
    Range {
        /// The first affected version; `0` is before all versions.
        introduced: String,
        /// The end of the range.
        until: Until,
    },
    /// The record lists the version.
    Listed,
}

/// The end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// Fixed in this version.
    Fixed(String),
    /// The last affected version.
    Last(String),
    /// No end yet.
    Open,
}

/// The position of a version relative to a range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Inside(Because),
    Outside,
    /// An event is not a valid version.
    Unreadable(String),
}

/// An event and its version; `None` stands for before all versions.
type Event<'a> = (Kind, &'a str, Option<Version<'a>>);

/// Sorts events. Returns the event that is not a valid version as an error. Events at the same
/// version keep the order of the record: `introduced 0, fixed 0` is an empty range.
pub(crate) fn sort<'a, T: AsRef<str>>(
    order: Order,
    events: &'a [(Kind, T)],
) -> Result<Vec<Event<'a>>, &'a str> {
    let mut read: Vec<Event<'a>> = Vec::with_capacity(events.len());
    for (kind, text) in events {
        let text = text.as_ref();
        // Before everything, in any order.
        let version = match (kind, text) {
            (Kind::Introduced | Kind::Fixed, "0") => None,
            // A version that precedes all others cannot be the end of a range.
            _ => Some(Version::read(order, text).ok().filter(|v| !v.is_legacy()).ok_or(text)?),
        };
        let event = (*kind, text, version);
        // Maven's order is not total, on which the sort functions of `std` may panic.
        let at = read.partition_point(|before| compare(before, &event).is_le());
        read.insert(at, event);
    }
    Ok(read)
}

fn compare((one, _, a): &Event<'_>, (two, _, b): &Event<'_>) -> Ordering {
    let versions = match (a, b) {
        (Some(a), Some(b)) => a.compare(b).unwrap_or(Ordering::Equal),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let last = |kind: &Kind| *kind == Kind::LastAffected;
    versions.then(last(one).cmp(&last(two)))
}

/// Returns the position of a version relative to a range.
pub(crate) fn place<T: AsRef<str>>(
    order: Order,
    events: &[(Kind, T)],
    version: &Version<'_>,
) -> Place {
    let sorted = match sort(order, events) {
        Ok(sorted) => sorted,
        Err(text) => return Place::Unreadable(text.to_owned()),
    };
    let mut introduced = None;
    for (kind, text, event) in &sorted {
        let beside = event.as_ref().map_or(Some(Ordering::Greater), |event| version.compare(event));
        match (kind, beside, introduced) {
            (Kind::Introduced, Some(order), None) if order.is_ge() => introduced = Some(*text),
            (Kind::Fixed, Some(order), Some(_)) if order.is_ge() => introduced = None,
            (Kind::LastAffected, Some(order), Some(_)) if order.is_gt() => introduced = None,
            (Kind::Fixed, Some(_), Some(from)) => {
                return inside(from, Until::Fixed((*text).into()));
            }
            (Kind::LastAffected, Some(_), Some(from)) => {
                return inside(from, Until::Last((*text).into()));
            }
            _ => {}
        }
    }
    introduced.map_or(Place::Outside, |from| inside(from, Until::Open))
}

fn inside(introduced: &str, until: Until) -> Place {
    Place::Inside(Because::Range { introduced: introduced.to_owned(), until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(events: &[(Kind, &str)], version: &str) -> Place {
        let version = Version::read(Order::Semver, version).unwrap();
        place(Order::Semver, events, &version)
    }

    #[test]
    fn a_range_is_read_in_the_order_of_versions() {
        use Kind::{Fixed, Introduced, LastAffected};
        // Unsorted, and as text `1.10.0` would precede `1.9.0`.
        let events = [
            (Fixed, "1.10.0"),
            (Introduced, "2.0.0"),
            (Introduced, "1.9.0"),
            (LastAffected, "2.1.0"),
        ];
        let fixed =
            |introduced: &str, version: &str| inside(introduced, Until::Fixed(version.into()));
        for (version, place) in [
            ("1.8.9", Place::Outside),
            ("1.9.0", fixed("1.9.0", "1.10.0")),
            ("1.9.5", fixed("1.9.0", "1.10.0")),
            ("1.10.0", Place::Outside),
            ("2.1.0", inside("2.0.0", Until::Last("2.1.0".into()))),
            ("2.1.1", Place::Outside),
        ] {
            assert_eq!(says(&events, version), place, "{version}");
        }
        assert_eq!(says(&[(Introduced, "0")], "0.0.0-a"), inside("0", Until::Open));
        // A prerelease of the first version precedes it.
        assert_eq!(says(&[(Introduced, "1.0.0")], "1.0.0-rc.1"), Place::Outside);
        // Alpine: fixed in `0` means never affected.
        assert_eq!(says(&[(Introduced, "0"), (Fixed, "0")], "1.0.0"), Place::Outside);
        // Fixed and reintroduced in the same version.
        let again = [(Introduced, "0"), (Fixed, "1.0.0"), (Introduced, "1.0.0")];
        assert_eq!(says(&again, "1.0.0"), inside("1.0.0", Until::Open));
        assert_eq!(
            says(&[(Introduced, "0"), (Fixed, "soon")], "1.0.0"),
            Place::Unreadable("soon".into())
        );
    }
}
