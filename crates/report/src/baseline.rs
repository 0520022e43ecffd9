//! Reads an earlier result as a baseline: JSON or SARIF.

use pavisade_judgement::{Baseline, Known};
use pavisade_model::{Severity, State};
use serde_json::{Value, json};

use crate::json::{SCHEMA, v2};
use crate::sarif::{FINGERPRINT, FIRST_FINGERPRINT};

/// Reads a result of `pavisade scan` in JSON or SARIF. `place` is its file.
///
/// # Errors
/// The text is not such a result. The message says why.
pub fn baseline(place: &str, text: &str) -> Result<Baseline, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
    let entries = if value["runs"].is_array() {
        of_sarif(&value)?
    } else if value["schema"] == SCHEMA {
        of_json(&value, "check")?
    } else if value["schema"] == v2::SCHEMA {
        of_json(&value, "rule")?
    } else {
        return Err("neither a result of `pavisade scan -f json` nor a SARIF log".into());
    };
    Ok(Baseline { place: place.to_owned(), entries })
}

/// Version 1 has `check` where version 2 has `rule`.
fn of_json(document: &Value, rule: &str) -> Result<Vec<Known>, String> {
    let images = &document["images"];
    let new = document["findings"].as_array().ok_or("it has no `findings`")?;
    // Findings with exceptions are left out, so that they are reported when the exception ends.
    let known = document["baseline"]["known"].as_array();
    // The members of a group are compared individually.
    let each = |finding: &Value| match finding["members"].as_array() {
        Some(members) if !members.is_empty() => members.clone(),
        _ => vec![finding.clone()],
    };
    let finding = |finding: &Value| {
        let (subject, location) = (&finding["subject"], &finding["location"]);
        Some(Known {
            fingerprint: text(&finding["fingerprint"])?,
            check: text(&finding[rule])?,
            state: match finding["state"].as_str()? {
                "fails" => State::Fails,
                "unknown" => State::Unknown,
                _ => return None,
            },
            severity: finding["severity"].as_str()?.parse().ok()?,
            world: text(&finding["world"]).unwrap_or_default(),
            subject: label(subject, images),
            message: text(&finding["message"])?,
            file: text(&location["file"]).unwrap_or_default(),
            line: number(&location["line"]),
        })
    };
    let each: Vec<_> = new.iter().chain(known.into_iter().flatten()).flat_map(each).collect();
    all(each.iter(), finding)
}

fn of_sarif(log: &Value) -> Result<Vec<Known>, String> {
    let runs = log["runs"].as_array().into_iter().flatten();
    let ours: Vec<_> = runs.filter(|run| run["tool"]["driver"]["name"] == "Pavisade").collect();
    if ours.is_empty() {
        return Err("a SARIF log that is not from Pavisade".into());
    }
    let counts = |result: &&Value| {
        let suppressed = result["suppressions"].as_array().is_some_and(|all| !all.is_empty());
        result["baselineState"] != "absent" && !suppressed
    };
    let results = ours.iter().filter_map(|run| run["results"].as_array()).flatten();
    let each = |result: &Value| match result["properties"]["members"].as_array() {
        Some(members) if !members.is_empty() => {
            members.iter().map(|one| member(one, result)).collect()
        }
        _ => vec![result.clone()],
    };
    let result = |result: &Value| {
        let place = &result["locations"][0];
        let physical = &place["physicalLocation"];
        Some(Known {
            fingerprint: {
                let prints = &result["partialFingerprints"];
                text(&prints[FINGERPRINT]).or_else(|| text(&prints[FIRST_FINGERPRINT]))?
            },
            check: text(&result["ruleId"])?,
            state: if result["kind"] == "review" { State::Unknown } else { State::Fails },
            severity: result["properties"]["severity"].as_str()?.parse::<Severity>().ok()?,
            world: text(&result["properties"]["world"])?,
            subject: text(&place["logicalLocations"][0]["name"]).unwrap_or_default(),
            message: text(&result["message"]["text"])?,
            file: text(&physical["artifactLocation"]["uri"]).unwrap_or_default(),
            line: number(&physical["region"]["startLine"]),
        })
    };
    let each: Vec<_> = results.filter(counts).flat_map(each).collect();
    all(each.iter(), result)
}

/// Converts a member of a result to a result at the same location.
fn member(member: &Value, result: &Value) -> Value {
    let mut own = result.clone();
    own["partialFingerprints"] = json!({ FINGERPRINT: member["fingerprint"] });
    own["ruleId"] = member["rule"].clone();
    own["message"]["text"] = member["message"].clone();
    own["properties"]["severity"] = member["severity"].clone();
    own["properties"]["world"] = member["world"].clone();
    own
}

/// Reads all values, or returns the first error.
fn all<'a>(
    values: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Value) -> Option<Known>,
) -> Result<Vec<Known>, String> {
    let read = |(index, value)| {
        let known = read(value).ok_or_else(|| format!("finding {} is incomplete", index + 1))?;
        match known.fingerprint.starts_with("v1:") || known.fingerprint.starts_with("v2:") {
            true => Ok(known),
            false => {
                Err(format!("finding {} has a fingerprint of an unsupported version", index + 1))
            }
        }
    };
    values.enumerate().map(read).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| number.try_into().ok()).unwrap_or(0)
}

/// Formats a subject like `Subject::label`.
fn label(subject: &Value, images: &Value) -> String {
    let part = |name: &str| subject[name].as_str().unwrap_or("");
    let image = &images[subject["image"].as_u64().map_or(usize::MAX, |at| at as usize)];
    let holder = [&image["name"], &subject["artifact"], &subject["holder"]["name"]];
    let holder = holder.into_iter().find_map(Value::as_str).unwrap_or("");
    match part("type") {
        "image" if part("name").is_empty() => return holder.to_owned(),
        "package" => {
            let named = format!("{} {}", part("name"), part("version"));
            return format!("{} in {holder}", named.trim_end());
        }
        "cluster" => return format!("Cluster {}", part("name")),
        "file" => return format!("{} in {holder}", part("path")),
        _ => {}
    }
    match (part("kind"), part("namespace"), part("name")) {
        ("", _, name) => name.to_owned(),
        (kind, _, "") => kind.to_owned(),
        (kind, "", name) => format!("{kind} {name}"),
        (kind, namespace, name) => format!("{kind} {namespace}/{name}"),
    }
}
