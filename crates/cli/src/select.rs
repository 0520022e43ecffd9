//! Which checks a command line means.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use pavisade_checks::{Catalog, Entry};
use pavisade_model::{Audience, Rule};
use serde_json::{Map, Value};

use crate::args::Select;
use crate::frameworks;
use crate::settings::Settings;

/// The check of that id or name.
pub(crate) fn find<'c>(word: &str, catalog: &'c Catalog) -> anyhow::Result<&'c Entry> {
    catalog.named(word).ok_or_else(|| match catalog.similar(word) {
        Some(name) => anyhow!("unknown check `{word}`; did you mean `{name}`?"),
        None => anyhow!("unknown check `{word}`; `pavisade checks list` lists all checks"),
    })
}

/// The ids of checks by id or name.
pub(crate) fn named(words: &[String], catalog: &Catalog) -> anyhow::Result<BTreeSet<String>> {
    words.iter().map(|word| Ok(find(word, catalog)?.rule().id.to_string())).collect()
}

/// The ids that are meant; what the command line says wins over the configuration.
pub(crate) fn ids(select: &Select, settings: &Settings) -> anyhow::Result<BTreeSet<String>> {
    let Settings { config, catalog, .. } = settings;
    let (only, skip) = (named(&select.only, catalog)?, named(&select.skip, catalog)?);
    let asked_for = match &select.framework {
        Some(word) => vec![frameworks::named(word, catalog)?],
        None if only.is_empty() => settings.frameworks.clone(),
        None => Vec::new(),
    };
    let served: Vec<_> = asked_for.iter().map(|framework| framework.checks()).collect();
    let listed = |list: &[Arc<Rule>], rule: &Rule| list.iter().any(|other| other.id == rule.id);
    let strict = select.strict || config.strict == Some(true);
    let wanted = |rule: &Rule| {
        let by_config =
            strict || rule.audience == Audience::Everyone || listed(&config.enable, rule);
        let chosen = match only.is_empty() {
            true => by_config && !listed(&config.disable, rule),
            false => only.contains(&*rule.id),
        };
        chosen
            && !skip.contains(&*rule.id)
            && (served.is_empty() || served.iter().any(|ids| ids.contains(&*rule.id)))
    };
    let rules = catalog.entries().iter().map(Entry::rule).filter(|rule| wanted(rule));
    Ok(rules.map(|rule| rule.id.to_string()).collect())
}

/// Parameters by check name: those of the configuration, and over them `CHECK.PARAMETER=VALUE`; a
/// value that is no JSON is a text.
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
