//! Recommends upgrades for an image.
//!
//! Each vulnerability belongs to one package, and packages from one source are upgraded together.
//! So upgrades fix disjoint sets of vulnerabilities, and starting with the largest gives the fewest
//! upgrades.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context as _;
use pavisade_judgement::{Judgement, Priority, Ranked};
use pavisade_model::{Finding, State, Subject};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::Found;
use pavisade_report::vulnerabilities::Upgrade;
use pavisade_vulndb::Matcher;

use crate::compare;

/// Packages that are upgraded together.
struct Together<'a> {
    found: &'a Found,
    packages: BTreeSet<&'a str>,
    findings: Vec<&'a Finding>,
}

/// The layer, ecosystem, name and version of the upgraded package.
type Key<'a> = (Option<u16>, &'a str, &'a str, &'a str);

/// Returns the upgrades for findings, those that fix the most urgent and the most findings first.
///
/// # Errors
/// The database is damaged.
pub(super) fn of(
    judgement: &Judgement,
    inventory: &Inventory,
    matcher: &mut Matcher<'_>,
) -> anyhow::Result<Vec<Upgrade>> {
    let mut packages: HashMap<(&str, &str, String), Vec<&Found>> = HashMap::new();
    for found in inventory.packages.iter().filter(|found| found.owner.is_none()) {
        let purl = found.purl.as_ref().map(ToString::to_string).unwrap_or_default();
        let key = (found.package.name.as_str(), found.package.version.as_str(), purl);
        packages.entry(key).or_default().push(found);
    }
    let mut all: BTreeMap<Key<'_>, Together<'_>> = BTreeMap::new();
    for finding in judgement.of_state(State::Fails) {
        let Subject::Package { name, version, purl, .. } = &finding.subject else { continue };
        let key = (&**name, &**version, purl.to_string());
        // Several locations of a package give the same row of each advisory; any of them will do.
        let Some(found) = packages.get(&key).and_then(|found| found.first()) else { continue };
        // If advisories name source packages, group by these.
        let of = compare::ecosystem(found, inventory.distribution.as_ref());
        let source =
            found.package.source.as_ref().filter(|_| of.is_some_and(|of| of.names_sources()));
        let built = source.map_or((&*found.package.name, &*found.package.version), |source| {
            (&*source.name, &*source.version)
        });
        let key = (found.layer(), found.ecosystem(), built.0, built.1);
        let together = all.entry(key).or_insert_with(|| Together {
            found,
            packages: BTreeSet::new(),
            findings: Vec::new(),
        });
        together.packages.insert(&found.package.name);
        together.findings.push(finding);
    }
    // Dismissed and excepted findings need no fix.
    let mut ignored: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
    let excepted = judgement.excepted.iter().map(|excepted| &excepted.finding);
    for finding in excepted.chain(&judgement.dismissed) {
        let Some(found) = finding.vulnerability.as_deref() else { continue };
        let Subject::Package { name, version, .. } = &finding.subject else { continue };
        ignored.entry((name, version)).or_default().insert(&found.advisory.id);
    }
    let none = BTreeSet::new();
    let mut upgrades = Vec::new();
    for ((layer, ecosystem, name, installed), together) in all {
        let of = compare::ecosystem(together.found, inventory.distribution.as_ref());
        let Some(of) = of else { continue };
        let fixes = together.findings.iter().filter_map(|finding| {
            finding.vulnerability.as_deref().and_then(|found| found.fix.version())
        });
        let fixes: Vec<_> = fixes.collect::<BTreeSet<_>>().into_iter().collect();
        let target = compare::target(&together.found.package, &of);
        let package = &together.found.package;
        let ignored = ignored.get(&(&*package.name, &*package.version)).unwrap_or(&none);
        let found = matcher.upgrade(target, &fixes, ignored).context("reading the database")?;
        let Some(found) = found else { continue };
        let mut upgrade = Upgrade {
            ecosystem: ecosystem.to_owned(),
            name: name.to_owned(),
            installed: installed.to_owned(),
            to: found.to,
            layer,
            left: found.ids.len(),
            ..Upgrade::default()
        };
        let packages = together.packages.into_iter().map(str::to_owned).collect::<Vec<_>>();
        if packages.iter().any(|package| package != name) {
            upgrade.packages = packages;
        }
        for finding in together.findings {
            let Some(vulnerability) = finding.vulnerability.as_deref() else { continue };
            if found.ids.contains(&vulnerability.advisory.id) {
                continue;
            }
            upgrade.lines += 1;
            if !upgrade.ids.insert(vulnerability.advisory.id.clone()) {
                continue;
            }
            *upgrade.severities.entry(finding.severity).or_default() += 1;
            let ranked = Ranked::of(finding).map(|ranked| ranked.priority);
            upgrade.now += usize::from(ranked == Some(Priority::Now));
        }
        if !upgrade.ids.is_empty() {
            upgrades.push(upgrade);
        }
    }
    upgrades.sort_by_key(|upgrade| {
        let worst: Vec<_> = upgrade.severities.iter().rev().map(|(s, n)| (*s, *n)).collect();
        (Reverse(upgrade.now), Reverse(upgrade.ids.len()), Reverse(worst), upgrade.name.clone())
    });
    Ok(upgrades)
}
