//! The vulnerabilities of one image.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use pavisade_checks::CheckSet;
use pavisade_judgement::Judgement;
use pavisade_model::{Fact, FixState, KubernetesVersion, Note, NoteKind};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::Options;
use pavisade_report::vulnerabilities::{By, Data, LeftOut, Vulnerable};
use pavisade_scan::{Terms, Timestamp, day, judge_on};
use pavisade_snapshot::{Facts, Images, Snapshot};
use pavisade_vulndb::{Database, Matcher};

use super::{Sought, read, target, upgrades};
use crate::args::{self, ConfigArgs, ConfigFile, ImageArgs, ImageFormat};
use crate::compare::Comparing;
use crate::output::{named, place};
use crate::registry::Remotes;
use crate::settings::Settings;
use crate::{Outcome, database, explain, scan, terminal, vex};

/// Returns the database to use; `None` if packages are listed.
///
/// # Errors
/// A database is required but missing, or options contradict each other.
pub(super) fn database(args: &ImageArgs) -> anyhow::Result<Option<PathBuf>> {
    let asked = args.vulnerable.asked();
    match args.format {
        // Suggested upgrades have their own JSON document.
        ImageFormat::Json if args.vulnerable.suggest => {}
        ImageFormat::Tree | ImageFormat::Json if asked => {
            bail!(
                "this format lists packages: remove options for vulnerabilities, or use -f json-v2"
            )
        }
        ImageFormat::Tree | ImageFormat::Json => return Ok(None),
        _ => {}
    }
    let needs = asked || args.format.of_scan().is_some() || args.format == ImageFormat::Openvex;
    if args.vulnerable.packages {
        if needs {
            bail!("--packages lists packages: remove it, or remove options for vulnerabilities");
        }
        return Ok(None);
    }
    let found = database::find(args.vulnerable.db.as_deref());
    if found.is_none() && needs {
        bail!(database::MISSING);
    }
    Ok(found)
}

/// Prints the vulnerabilities of an image.
pub(super) fn run(args: &ImageArgs, image: &Path, db: &Path) -> anyhow::Result<Outcome> {
    let file = named(args.output.as_deref());
    let about = super::about()?;
    let out = target(file, image)?;
    let config =
        ConfigArgs { exceptions: args.vulnerable.exceptions.clone(), ..ConfigArgs::default() };
    let none = ConfigFile { no_config: true, ..ConfigFile::default() };
    let settings = Settings::find(&none, &config.exceptions, config.allow_from, &[])?;
    let Some(settings) = settings else { return Ok(Outcome::Usage) };
    let vex = vex::documents(&args.vulnerable.vex)?;
    let terms = Terms { vex, ..settings.terms(&config, None) };
    let bytes = database::read(db)?;
    let database = database::open(db, &bytes)?;
    let options = Options { files: args.files };
    let sought = Sought { choose: &args.choose, remotes: &Remotes::new(&args.registry)? };
    let Some(found) = read(image, sought, options, args.quiet)? else {
        return Ok(Outcome::Incomplete);
    };
    let mut matcher = Matcher::new(database);
    let mut judged = judge(&found, &mut matcher, (db, &database), &terms)?;
    // An explanation covers all findings.
    let is_shorter = args.vulnerable.only_fixed && args.vulnerable.explain.is_none();
    let left_out = match is_shorter {
        true => only_fixed(&mut judged.judgement),
        false => LeftOut::default(),
    };
    // The table contains this message.
    if args.format != ImageFormat::Table
        && let Some(message) = left_out.sentence()
    {
        let (place, remedy) = (found.name.clone(), String::new());
        let note = Note { kind: NoteKind::Info, place, span: None, message, remedy };
        judged.judgement.notes.push(note);
    }
    let outcome = scan::outcome(&judged.judgement, settings.fail_on(args.vulnerable.fail_on));
    let mut options = pavisade_report::Options {
        color: terminal::color(args.color, file.is_some()),
        width: terminal::width(args.width),
        full: args.full,
        show_excepted: args.vulnerable.show_excepted,
        ..pavisade_report::Options::default()
    };
    let now = Timestamp::now();
    options.made = Some(now.strftime("%-d %B %Y, %H:%M UTC").to_string());
    let Judged { judgement, data } = &judged;
    if let Some(asked) = &args.vulnerable.explain {
        let id = explain::id(asked);
        let known = matcher.known(&id)?;
        let told = explain::of(&id, &known, &found, judgement, &matcher, &data.place)?;
        out.put(&place(file), |out| pavisade_report::explained::explained(&told, &options, out))?;
        return Ok(if scan::is_incomplete(judgement) {
            Outcome::Incomplete
        } else {
            Outcome::Clean
        });
    }
    let upgrades = match args.format {
        ImageFormat::Table | ImageFormat::Json => upgrades::of(judgement, &found, &mut matcher)?,
        _ => Vec::new(),
    };
    out.put(&place(file), |out| {
        if let Some(format) = args.format.of_scan() {
            return pavisade_report::write(format.of_report(), judgement, &options, out);
        }
        if args.format == ImageFormat::Cyclonedx {
            return pavisade_report::sbom_with(&found, judgement, &about, out);
        }
        if args.format == ImageFormat::Openvex {
            let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let made = about.made.as_deref().unwrap_or(&now);
            return pavisade_report::openvex(&found, judgement, made, out);
        }
        let told = Vulnerable {
            inventory: &found,
            judgement,
            data,
            upgrades: &upgrades,
            today: day(now),
            by: by(args.vulnerable.by),
            suggest: args.vulnerable.suggest,
            left_out,
        };
        match args.format {
            ImageFormat::Json => pavisade_report::vulnerabilities::json::upgrades(&told, out),
            _ => pavisade_report::vulnerabilities(&told, &options, out),
        }
    })?;
    if matches!(args.format, ImageFormat::Cyclonedx | ImageFormat::Openvex) && !args.quiet {
        super::tell(&judged.judgement.notes);
    }
    // The process exit frees memory faster.
    std::mem::forget((found, judged));
    Ok(outcome)
}

/// Judges two inventories without exceptions.
pub(super) fn judge_both(file: &Path, both: [&Inventory; 2]) -> anyhow::Result<[Judgement; 2]> {
    let bytes = database::read(file)?;
    let database = database::open(file, &bytes)?;
    let mut matcher = Matcher::new(database);
    let mut one = |found| {
        let judged = judge(found, &mut matcher, (file, &database), &Terms::default())?;
        anyhow::Ok(judged.judgement)
    };
    Ok([one(both[0])?, one(both[1])?])
}

/// The findings in an image, and the data they are based on.
pub(super) struct Judged {
    pub judgement: Judgement,
    pub data: Data,
}

/// Runs the vulnerability checks on an inventory.
pub(super) fn judge(
    found: &Inventory,
    matcher: &mut Matcher<'_>,
    (file, database): (&Path, &Database<'_>),
    terms: &Terms,
) -> anyhow::Result<Judged> {
    let catalog = Settings::default().catalog;
    let checks = CheckSet::new(
        &catalog,
        KubernetesVersion::default(),
        |meta| meta.facts.contains(&Fact::Vulnerabilities),
        &HashMap::new(),
    );
    let checks = checks.map_err(|error| anyhow!("check `{}`: {}", error.check, error.message))?;
    let mut comparing = Comparing::new(Some(matcher));
    let image = comparing.compare(found, None, None);
    let (notes, used) = (comparing.notes, comparing.used);
    let images = Some(Arc::new(Images::new(vec![image], Vec::new())));
    let facts = Facts { images };
    let snapshot = Snapshot::default().with_facts(facts).with_notes(notes);
    let now = Timestamp::now();
    let judgement = judge_on(&snapshot, &checks, terms, now);
    let data = database::data(file, database, day(now), |feed| used.contains(feed))?;
    Ok(Judged { judgement, data })
}

/// Removes findings without a known fix and returns their number.
fn only_fixed(judgement: &mut Judgement) -> LeftOut {
    let mut left_out = LeftOut::default();
    judgement.findings.retain(|finding| {
        let Some(found) = finding.vulnerability.as_deref() else { return true };
        match found.fix {
            FixState::Fixed(_) => return true,
            FixState::NotFixed | FixState::WontFix => left_out.without_fix += 1,
            FixState::Unknown => left_out.fix_unknown += 1,
        }
        false
    });
    left_out
}

fn by(by: Option<args::By>) -> By {
    match by {
        None => By::Priority,
        Some(args::By::Layer) => By::Layer,
        Some(args::By::Package) => By::Package,
    }
}
