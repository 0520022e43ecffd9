//! To which version a package is best upgraded.
//!
//! The version that an advisory names is the nearest one without it, which may have what others are
//! about. So the latest of these versions is looked up as well, until none of what it has can be
//! fixed by a later one.

use std::collections::BTreeSet;

use pavisade_model::FixState;

use crate::format::DatabaseError;
use crate::matching::{Answer, Matcher, Target};
use crate::version::Version;

/// How often a later version is tried.
const ROUNDS: usize = 16;

/// A version that is worth an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The version: that of the source, where advisories name sources.
    pub to: String,
    /// Ids of what it has, of what the database knows.
    pub ids: BTreeSet<String>,
}

impl Matcher<'_> {
    /// The least version in which all is fixed that can be, of the versions that records name.
    /// `fixes` are those of what is to be closed, and nothing has to be closed that `ignored` names;
    /// nothing where none of the fixes is a version.
    ///
    /// # Errors
    /// Where the database is damaged.
    pub fn upgrade(
        &mut self,
        target: Target<'_>,
        fixes: &[&str],
        ignored: &BTreeSet<&str>,
    ) -> Result<Option<Upgrade>, DatabaseError> {
        let Some(order) = target.ecosystem.order() else { return Ok(None) };
        let is_later = |one: &str, two: &str| {
            let (Ok(one), Ok(two)) = (Version::read(order, one), Version::read(order, two)) else {
                return false;
            };
            one.compare(&two).is_some_and(std::cmp::Ordering::is_gt)
        };
        let latest = |versions: &mut dyn Iterator<Item = String>| {
            let read = versions.filter(|version| Version::read(order, version).is_ok());
            read.reduce(|best, next| if is_later(&next, &best) { next } else { best })
        };
        let mut versions = fixes.iter().map(|fix| (*fix).to_owned());
        let Some(mut to) = latest(&mut versions) else { return Ok(None) };
        let mut answer = self.at(target, &to)?;
        for _ in 0..ROUNDS {
            let open = answer.hits.iter().filter(|hit| !ignored.contains(&*hit.advisory.id));
            let fixes = open.filter_map(|hit| match &hit.fix {
                FixState::Fixed(version) => Some(version.to_string()),
                _ => None,
            });
            match latest(&mut fixes.filter(|version| is_later(version, &to))) {
                Some(later) => to = later,
                None => break,
            }
            answer = self.at(target, &to)?;
        }
        let ids = answer.hits.into_iter().map(|hit| hit.advisory.id.clone()).collect();
        Ok(Some(Upgrade { to, ids }))
    }

    /// The same package at another version.
    fn at(&mut self, target: Target<'_>, version: &str) -> Result<Answer, DatabaseError> {
        let source = target.source.map(|(name, _)| (name, version));
        self.find(Target { version, source, ..target })
    }
}
