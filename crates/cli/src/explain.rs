//! `--explain`: why a vulnerability is or is not reported for an image.

use std::collections::{BTreeSet, HashMap};

use anyhow::Context as _;
use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Subject};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::Found;
use pavisade_report::explained::{Case, Explanation, Outcome};
use pavisade_report::instruction;
use pavisade_vulndb::{Ecosystem, Explained, Known, Matcher, Verdict};

use crate::compare;

/// Normalizes an ID, so that letter case does not matter.
pub(crate) fn id(text: &str) -> String {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    match upper.split('-').next() {
        Some("GHSA") => format!("GHSA{}", text.get(4..).unwrap_or("").to_ascii_lowercase()),
        Some("CVE" | "DSA" | "DLA" | "PYSEC" | "RUSTSEC" | "GO") => upper,
        _ => text.to_owned(),
    }
}

/// Explains an ID for the packages and findings of an image.
///
/// # Errors
/// The database is damaged.
pub(crate) fn of<'a>(
    id: &'a str,
    known: &'a Known,
    inventory: &'a Inventory,
    judgement: &'a Judgement,
    matcher: &Matcher<'_>,
    database: &'a str,
) -> anyhow::Result<Explanation<'a>> {
    let told = Told::new(known, id, inventory, judgement);
    let mut cases = Vec::new();
    for found in &inventory.packages {
        cases.extend(case(found, id, inventory, &told, matcher).context("reading the database")?);
    }
    let notes = &judgement.notes;
    Ok(Explanation { id, image: &inventory.name, database, known, cases, notes })
}

/// The findings of the vulnerability, and the package names in its records.
struct Told<'a> {
    found: HashMap<(&'a str, &'a str), &'a Finding>,
    dismissed: HashMap<(&'a str, &'a str), &'a Finding>,
    excepted: HashMap<(&'a str, &'a str), &'a pavisade_judgement::Excepted>,
    /// The ecosystems by package name.
    names: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Told<'a> {
    fn new(
        known: &'a Known,
        id: &'a str,
        inventory: &'a Inventory,
        judgement: &'a Judgement,
    ) -> Self {
        let mut ids: BTreeSet<&str> = BTreeSet::from([id]);
        for record in &known.records {
            // A vendor's advisory covers further CVEs.
            if record.id == id || record.aliases.iter().any(|alias| alias == id) {
                ids.insert(&record.id);
                ids.extend(record.aliases.iter().map(String::as_str));
            }
        }
        let key = |finding: &'a Finding| {
            let found = finding.vulnerability.as_deref()?;
            let Subject::Package { name, version, holder, .. } = &finding.subject else {
                return None;
            };
            let here = match &**holder {
                Subject::Image { name: image, digest } => {
                    **image == inventory.name || !digest.is_empty() && **digest == inventory.digest
                }
                Subject::Artifact { name } => **name == inventory.name,
                _ => return None,
            };
            let all = [&found.advisory.id].into_iter().chain(&found.advisory.aliases);
            let is_meant = all.into_iter().any(|one| ids.contains(one.as_str()));
            (here && is_meant).then_some((&**name, &**version))
        };
        let by = |findings: &'a [Finding]| {
            findings.iter().filter_map(|finding| Some((key(finding)?, finding))).collect()
        };
        let excepted = judgement.excepted.iter();
        let mut names = HashMap::<_, BTreeSet<_>>::new();
        for (ecosystem, name) in &known.packages {
            names.entry(name.as_str()).or_default().insert(ecosystem.as_str());
        }
        Self {
            found: by(&judgement.findings),
            dismissed: by(&judgement.dismissed),
            excepted: excepted.filter_map(|one| Some((key(&one.finding)?, one))).collect(),
            names,
        }
    }

    fn outcome(&self, key: (&str, &str), records: &[Explained]) -> Outcome<'a> {
        if let Some(finding) = self.found.get(&key) {
            return Outcome::Reported(finding);
        }
        if let Some(finding) = self.dismissed.get(&key) {
            return Outcome::Dismissed(finding);
        }
        if let Some(excepted) = self.excepted.get(&key) {
            return Outcome::Excepted(excepted);
        }
        // An affected package without a finding was not matched, for example because its version is
        // unknown.
        let undecided =
            |one: &Explained| matches!(one.verdict, Verdict::Undecided(_) | Verdict::Affected(..));
        match records.iter().any(undecided) {
            true => Outcome::Undecided,
            false => Outcome::NotAffected,
        }
    }
}

fn case<'a>(
    found: &'a Found,
    id: &str,
    inventory: &'a Inventory,
    told: &Told<'a>,
    matcher: &Matcher<'_>,
) -> Result<Option<Case<'a>>, pavisade_vulndb::DatabaseError> {
    let package = &found.package;
    let ecosystem = compare::ecosystem(found, inventory.distribution.as_ref());
    let records = match &ecosystem {
        Some(ecosystem) => matcher.explain(compare::target(package, ecosystem), id)?,
        None => Vec::new(),
    };
    let owner = found.owner.and_then(|owner| inventory.packages.get(owner));
    let outcome = if !records.is_empty() {
        match owner {
            Some(owner) => Outcome::Owned(format!(
                "the {} package {} {}",
                owner.ecosystem(),
                owner.package.name,
                owner.package.version
            )),
            None => told.outcome((&package.name, &package.version), &records),
        }
    } else {
        let names = [Some(&package.name), package.source.as_ref().map(|source| &source.name)];
        let filed = |name: &String| match &ecosystem {
            Some(ecosystem) => ecosystem.package(name),
            None => name.clone(),
        };
        let near = names.into_iter().flatten().find_map(|name| told.names.get(&*filed(name)));
        let Some(near) = near else { return Ok(None) };
        match &ecosystem {
            Some(ecosystem) if matcher.covers(ecosystem)? => {
                // The same name in another language is another package.
                let alike: Vec<_> = near.iter().filter(|other| is_near(ecosystem, other)).collect();
                if alike.is_empty() {
                    return Ok(None);
                }
                Outcome::Elsewhere(alike.into_iter().map(|other| (*other).to_owned()).collect())
            }
            _ => Outcome::NoAdvisories,
        }
    };
    let mut place = found.places.first().map_or_else(String::new, |place| place.path.clone());
    if let (Some(number), Some(layer)) = (found.layer(), inventory.layer(found.layer())) {
        place = format!("{place}, layer {number}: {}", instruction(layer));
    }
    let ecosystem = ecosystem.map(|ecosystem| ecosystem.as_str().to_owned());
    Ok(Some(Case {
        ecosystem: ecosystem.unwrap_or_else(|| found.ecosystem().to_owned()),
        name: &package.name,
        version: &package.version,
        place,
        outcome,
        records,
    }))
}

/// Returns whether an ecosystem is another release of the same distribution.
fn is_near(ecosystem: &Ecosystem, other: &str) -> bool {
    let name = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    name(ecosystem.as_str()) == name(other)
}
