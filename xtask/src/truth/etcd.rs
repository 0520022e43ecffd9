//! `etcd-snapshot`: the keys of a database of etcd; `encryption-config`: EncryptionConfigurations of the
//! API server's own tests, with the first provider in the name of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_storage::{Expected, Options, Writer, prove};

use super::Outcome;
use crate::shared::files;

/// Compares the number of objects of each resource with the list of keys.
pub(super) fn snapshot(folder: &Path) -> anyhow::Result<Outcome> {
    let mut keys: BTreeMap<String, u64> = BTreeMap::new();
    for key in fs::read_to_string(folder.join("keys.txt"))?.lines() {
        let resource = key.strip_prefix("/registry/").and_then(|rest| rest.split('/').next());
        *keys.entry(resource.unwrap_or_default().to_owned()).or_default() += 1;
    }
    let bytes = fs::read(folder.join("db"))?;
    let proof = prove(&bytes.as_slice(), Options::default()).context("the database")?;
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (resource, tally) in &proof.resources {
        // The path of an object has no group.
        let name = resource.split('.').next().unwrap_or_default();
        *found.entry(name.to_owned()).or_default() += tally.total().values;
    }
    found.insert(String::new(), proof.other.values);
    let mut outcome = Outcome::default();
    outcome.count(proof.complete, || format!("not complete: {:?}", proof.damages));
    let names: BTreeSet<_> = keys.keys().chain(found.keys()).collect();
    for name in names {
        let (want, is) = (keys.get(name).unwrap_or(&0), found.get(name).unwrap_or(&0));
        outcome.count(want == is, || format!("{name:?}: {want} keys, {is} found"));
    }
    Ok(outcome)
}

pub(super) fn configurations(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files(folder, &["yaml", "json"])? {
        let text = fs::read_to_string(folder.join(&file))?;
        let writer = Expected::read(&file, &text).map(|expected| expected.writer("secrets"));
        if file.contains("invalid") {
            let is_definite =
                writer.as_ref().is_ok_and(|writer| !matches!(writer, Writer::Unclear(_)));
            outcome
                .count(!is_definite, || format!("{file}: refused by the API server: {writer:?}"));
            continue;
        }
        let label = writer.map_or_else(|why| why, |writer| writer.label());
        let name = file.rsplit('/').next().unwrap_or_default();
        let first = [
            ("aes-cbc-first", "aescbc "),
            ("aes-gcm-first", "aesgcm "),
            ("identity-first", "identity "),
            ("kms-first", "kms v1 "),
            ("kmsv2-first", "kms v2 "),
            ("secret-box-first", "secretbox "),
        ];
        let first = first.iter().find(|(start, _)| name.starts_with(start));
        let agreed = match first {
            Some((_, provider)) => label.starts_with(provider),
            None => !label.starts_with("unclear") && !label.contains("not "),
        };
        outcome.count(agreed, || format!("{file}: {label}"));
    }
    Ok(outcome)
}
