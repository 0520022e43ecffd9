//! Determines the best version to upgrade a package to.
//!
//! The fixed version in an advisory is the nearest one, which may have other vulnerabilities. So
//! the latest fixed version is looked up again, until a later version fixes nothing more.

use std::collections::BTreeSet;

use pavisade_model::FixState;

use crate::format::DatabaseError;
use crate::matching::{Answer, Matcher, Target};
use crate::version::Version;

/// The largest number of lookups.
const ROUNDS: usize = 16;

/// A recommended upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The version: that of the source package if advisories name these.
    pub to: String,
    /// The IDs of known vulnerabilities in that version.
    pub ids: BTreeSet<String>,
}

impl Matcher<'_> {
    /// Returns the lowest version named in records that fixes everything that can be fixed. `fixes`
    /// are the fixed versions of the vulnerabilities to fix; those in `ignored` need no fix. `None`
    /// if no fix is a valid version.
    ///
    /// # Errors
    /// The database is damaged.
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

    /// Looks up the same package in another version.
    fn at(&mut self, target: Target<'_>, version: &str) -> Result<Answer, DatabaseError> {
        let source = target.source.map(|(name, _)| (name, version));
        self.find(Target { version, source, ..target })
    }
}
