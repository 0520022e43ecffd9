//! `format.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;

use pavisade_rules::{Fields, Format};
use serde::Deserialize;
use serde_json::Value as Json;

use super::judge::Recorded;
use super::{Outcome, cases};

#[derive(Deserialize)]
struct Case {
    id: String,
    format: String,
    fields: BTreeMap<String, Json>,
    #[serde(default)]
    json: bool,
    error: Option<bool>,
    complete: Option<bool>,
    output: Option<String>,
    names: Option<Vec<String>>,
    values: Option<BTreeMap<String, String>>,
    /// Whether values of transformed fields are expected.
    resolve_transformed: Option<bool>,
}

pub(super) fn formatting(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let known = Fields::known();
    for case in cases::<Case>(file)? {
        let format = Format::compile(&case.format, known);
        let event = Recorded { fields: &case.fields, known };
        let mut wrong = Vec::new();
        if case.error.is_some_and(|error| error != format.is_err()) {
            wrong.push(format!("error: {:?}", format.as_ref().err()));
        }
        if case.error.is_none() && format.is_err() {
            wrong.push(format!("error: {:?}", format.as_ref().err()));
        }
        if let Ok(format) = &format {
            let got = format.output(&event);
            if case.complete.is_some_and(|complete| complete != got.is_some()) {
                wrong.push(format!("complete: {}", got.is_some()));
            }
            if let Some(names) = &case.names {
                let asked: Vec<_> = format.fields.iter().map(|field| &field.name).collect();
                if asked != names.iter().collect::<Vec<_>>() {
                    wrong.push(format!("fields: {asked:?}"));
                }
            }
            if let (Some(want), Some(got)) = (&case.output, &got) {
                let got = if case.json { json(&got.values) } else { got.text.clone() };
                if got != *want {
                    wrong.push(format!("output: {got}"));
                }
            }
            for (name, want) in case.values.iter().flatten() {
                let value = got.as_ref().and_then(|got| {
                    got.values.iter().find(|(other, _)| other == name).map(|(_, value)| {
                        value.clone().unwrap_or_else(|| pavisade_rules::NOT_AVAILABLE.to_owned())
                    })
                });
                if value.as_ref() != Some(want)
                    && (case.resolve_transformed != Some(false) || !name.contains('('))
                {
                    wrong.push(format!("{name}: want {want}, got {value:?}"));
                }
            }
        }
        outcome.count(wrong.is_empty(), || {
            format!(
                "{}: {}\n  want {:?}\n  {}",
                case.id,
                case.format,
                case.output,
                wrong.join("\n  ")
            )
        });
    }
    Ok(())
}

/// Returns only fields, by name: the content of Falco's JSON unless transformed fields are
/// requested.
fn json(values: &[(String, Option<String>)]) -> String {
    let fields: BTreeMap<&String, &Option<String>> = values
        .iter()
        .filter(|(name, _)| !name.contains('('))
        .map(|(name, value)| (name, value))
        .collect();
    serde_json::to_string(&fields).unwrap_or_default()
}
