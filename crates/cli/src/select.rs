//! Which checks a command line means.

use std::collections::{BTreeSet, HashMap};

use anyhow::{anyhow, bail};
use pavisade_checks::{Entry, registry, similar};
use pavisade_config::Config;
use pavisade_model::{Audience, Meta};
use serde_json::{Map, Value};

use crate::args::Select;
use crate::frameworks;
use crate::settings::Settings;

/// The check of that id or name.
pub(crate) fn find(word: &str) -> anyhow::Result<&'static Entry> {
    pavisade_checks::named(word).ok_or_else(|| match similar(word) {
        Some(name) => anyhow!("there is no check `{word}`; did you mean `{name}`?"),
        None => anyhow!("there is no check `{word}`; `pavisade checks list` shows all"),
    })
}

/// The ids of checks by id or name.
pub(crate) fn named(words: &[String]) -> anyhow::Result<BTreeSet<&'static str>> {
    words.iter().map(|word| Ok(find(word)?.meta.id)).collect()
}

/// The ids that are meant; what the command line says wins over the configuration.
pub(crate) fn ids(select: &Select, settings: &Settings) -> anyhow::Result<BTreeSet<&'static str>> {
    let config = &settings.config;
    let (only, skip) = (named(&select.only)?, named(&select.skip)?);
    let asked_for = match &select.framework {
        Some(word) => vec![frameworks::named(word)?],
        None if only.is_empty() => settings.frameworks.clone(),
        None => Vec::new(),
    };
    let served: Vec<_> = asked_for.iter().map(|framework| framework.checks()).collect();
    let listed = |list: &[&Meta], meta: &Meta| list.iter().any(|other| other.id == meta.id);
    let strict = select.strict || config.strict == Some(true);
    let wanted = |meta: &Meta| {
        let by_config =
            strict || meta.audience == Audience::Everyone || listed(&config.enable, meta);
        let chosen = match only.is_empty() {
            true => by_config && !listed(&config.disable, meta),
            false => only.contains(meta.id),
        };
        chosen
            && !skip.contains(meta.id)
            && (served.is_empty() || served.iter().any(|ids| ids.contains(meta.id)))
    };
    Ok(registry().iter().map(|e| e.meta).filter(|m| wanted(m)).map(|m| m.id).collect())
}

/// Parameters by check name: those of the configuration, and over them `CHECK.PARAMETER=VALUE`; a
/// value that is no JSON is a text.
pub(crate) fn parameters(
    settings: &[String],
    config: &Config,
) -> anyhow::Result<HashMap<String, Value>> {
    let mut parameters = config.parameters.clone();
    for setting in settings {
        let split = setting.split_once('=').and_then(|(left, value)| {
            let (check, parameter) = left.split_once('.')?;
            Some((check, parameter, value))
        });
        let Some((check, parameter, value)) = split else {
            bail!("`--set {setting}` must have the form CHECK.PARAMETER=VALUE");
        };
        let name = find(check)?.meta.name.to_owned();
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let of_check = parameters.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(map) = of_check {
            map.insert(parameter.to_owned(), value);
        }
    }
    Ok(parameters)
}
