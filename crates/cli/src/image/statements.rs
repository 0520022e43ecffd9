//! Creates statements about an image to sign: its packages and its vulnerabilities.

use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_oci::Remote;
use pavisade_packages::inventory::Options;
use pavisade_scan::{Terms, Timestamp};
use pavisade_signing::{predicate_type, vulnerability_predicate};
use pavisade_vulndb::Matcher;
use serde_json::Value;

use super::vulnerable::judge;
use super::{Sought, about, read};
use crate::args::{AttestArgs, Choose};
use crate::registry::{self, Remotes};
use crate::{database, scan};

/// Returns the types and contents of the statements; `None` if the image cannot be read completely,
/// since an incomplete statement must not be signed.
///
/// # Errors
/// The database is missing or cannot be read.
pub(crate) fn made(
    args: &AttestArgs,
    image: &Remote,
    remotes: &Remotes,
) -> anyhow::Result<Option<Vec<(String, Value)>>> {
    let choose = Choose::default();
    let sought = Sought { choose: &choose, remotes };
    let path = registry::path(&image.to_string());
    let Some(found) = read(&path, sought, Options::default(), true)? else { return Ok(None) };
    if !found.notes.is_empty() {
        super::tell(&found.notes);
        return Ok(None);
    }
    let mut all = Vec::new();
    let kind = |name: &str| predicate_type(name).context("a known type");
    if args.sbom {
        let mut text = Vec::new();
        let format = pavisade_report::SbomFormat::CycloneDx;
        pavisade_report::sbom(&found, format, &about()?, &mut text)?;
        all.push((kind("cyclonedx")?, serde_json::from_slice(&text)?));
    }
    if args.vulnerabilities {
        let Some(file) = database::find(args.db.as_deref()) else { bail!(database::MISSING) };
        let bytes = database::read(&file)?;
        let database = database::open(&file, &bytes)?;
        let mut matcher = Matcher::new(database);
        let known: (&Path, _) = (&file, &database);
        let judged = judge(&found, &mut matcher, known, &Terms::default())?;
        if scan::is_incomplete(&judged.judgement) {
            super::tell(&judged.judgement.notes);
            return Ok(None);
        }
        let mut text = Vec::new();
        let options = pavisade_report::Options::default();
        let format = pavisade_report::Format::Json;
        pavisade_report::write(format, &judged.judgement, &options, &mut text)?;
        let result = serde_json::from_slice(&text)?;
        let predicate = vulnerability_predicate(&result, None, Timestamp::now());
        all.push((kind("vuln")?, predicate));
    }
    Ok(Some(all))
}
