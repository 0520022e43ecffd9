//! Selects the checks of a command line.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use pavisade_checks::{Catalog, Entry};
use pavisade_model::{Audience, Meta, Rule};
use serde_json::{Map, Value};

use crate::args::Select;
use crate::settings::Settings;
use crate::{frameworks, runtime};

/// Returns a check by its ID or name.
pub(crate) fn find<'c>(word: &str, catalog: &'c Catalog) -> anyhow::Result<&'c Entry> {
    let runtime = || runtime::catalog::rules().iter().any(|rule| rule.is_called(word));
    catalog.named(word).ok_or_else(|| match catalog.similar(word) {
        _ if runtime() => anyhow!(
            "`{word}` is a runtime rule, not a check: `pavisade runtime` and `pavisade-agent` evaluate it"
        ),
        Some(name) => anyhow!("unknown check `{word}`; did you mean `{name}`?"),
        None => anyhow!("unknown check `{word}`; `pavisade checks list` lists all checks"),
    })
}

/// Returns the IDs of checks by ID, name, area, severity or pattern.
pub(crate) fn named(words: &[String], catalog: &Catalog) -> anyhow::Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for word in words {
        let found = catalog.matching(word);
        if found.is_empty() && word.contains(['*', '?']) {
            bail!("no check matches `{word}`; `pavisade checks list` lists all checks");
        }
        match &found[..] {
            [] => drop(find(word, catalog)?),
            found => ids.extend(found.iter().map(|entry| entry.rule().id.to_string())),
        }
    }
    Ok(ids)
}

/// Returns the IDs of checks that are named individually, not by area, severity or pattern.
pub(crate) fn exactly(words: &[String], catalog: &Catalog) -> BTreeSet<String> {
    let meant = words.iter().flat_map(|word| catalog.meant(word));
    meant.map(|entry| entry.rule().id.to_string()).collect()
}

/// Returns the IDs of the selected checks; the command line overrides the configuration.
pub(crate) fn ids(
    select: &Select,
    settings: &Settings,
    of_cluster: bool,
) -> anyhow::Result<BTreeSet<String>> {
    let Settings { config, catalog, .. } = settings;
    let (only, skip) = (named(&select.only, catalog)?, named(&select.skip, catalog)?);
    let exact = exactly(&select.only, catalog);
    let asked_for = match &select.framework {
        Some(word) => vec![frameworks::named(word, catalog)?],
        None if only.is_empty() => settings.frameworks.clone(),
        None => Vec::new(),
    };
    let listed = |list: &[Arc<Rule>], rule: &Rule| list.iter().any(|other| other.id == rule.id);
    let strict = select.strict || config.strict == Some(true);
    let named_by = |rule: &Rule| {
        let mut controls = asked_for.iter().flat_map(|framework| &framework.controls);
        controls.any(|control| control.named.contains(&*rule.id))
    };
    let wanted = |meta: &Meta| {
        let rule = &meta.rule;
        let for_everyone =
            rule.audience == Audience::Everyone && (of_cluster || !meta.strict_in_files);
        let by_config = strict || for_everyone || named_by(rule) || listed(&config.enable, rule);
        let chosen = match only.is_empty() {
            true => by_config && !listed(&config.disable, rule),
            // An area or a pattern selects only checks that would run; a name always selects its
            // check.
            false => exact.contains(&*rule.id) || by_config && only.contains(&*rule.id),
        };
        chosen
            && !skip.contains(&*rule.id)
            && (asked_for.is_empty() || asked_for.iter().any(|framework| framework.serves(rule)))
    };
    let metas = catalog.entries().iter().map(Entry::meta).filter(|meta| wanted(meta));
    Ok(metas.map(|meta| meta.rule.id.to_string()).collect())
}

/// Returns parameters by check name: those of the configuration, overridden by
/// `CHECK.PARAMETER=VALUE`. A value that is not JSON is a string.
pub(crate) fn parameters(
    set: &[String],
    settings: &Settings,
) -> anyhow::Result<HashMap<String, Value>> {
    let mut parameters = settings.config.parameters.clone();
    for setting in set {
        let split = setting.split_once('=').and_then(|(left, value)| {
            let (check, parameter) = left.split_once('.')?;
            Some((check, parameter, value))
        });
        let Some((check, parameter, value)) = split else {
            bail!("`--set {setting}` must have the form CHECK.PARAMETER=VALUE");
        };
        let name = find(check, &settings.catalog)?.rule().name.to_string();
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let of_check = parameters.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(map) = of_check {
            map.insert(parameter.to_owned(), value);
        }
    }
    Ok(parameters)
}
