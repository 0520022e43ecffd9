//! `yaml-values`: compares what kubectl and `pavisade-yaml` read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Outcome;
use crate::kubectl::{canonical, comparable};
use crate::ours::{Ours, as_kubectl};

/// One line of `yaml-values.jsonl`.
struct Case {
    id: String,
    input: String,
    truth: Ours,
}

/// Runs the suite on a directory that contains `yaml-values.jsonl`.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    compare(dir, as_kubectl)
}

fn compare(dir: &Path, verdict: impl Fn(&str) -> anyhow::Result<Ours>) -> anyhow::Result<Outcome> {
    let path = dir.join("yaml-values.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut outcome = Outcome::default();
    for (index, line) in text.split('\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let case = Case::read(line).with_context(|| format!("yaml-values.jsonl:{}", index + 1))?;
        let ours = verdict(&case.input).with_context(|| case.id.clone())?;
        let (want, got) = (show(case.truth), show(ours));
        outcome.count(want == got, || format!("{}\n  want {want}\n  got  {got}", case.id));
    }
    Ok(outcome)
}

fn show(answer: Ours) -> String {
    let objects = answer.objects.into_iter().map(comparable).collect();
    let refused = if answer.refused { " then refused" } else { "" };
    format!("{}{refused}", canonical(&Value::Array(objects)))
}

impl Case {
    fn read(line: &str) -> anyhow::Result<Self> {
        let mut line: Value = serde_json::from_str(line)?;
        let refused = line.get("error").is_some_and(|error| !error.is_null());
        let mut take = |field: &str| line.get_mut(field).map(Value::take);
        let (Some(Value::String(id)), Some(Value::String(input)), Some(Value::Array(objects))) =
            (take("id"), take("input"), take("objects"))
        else {
            bail!("want the texts `id` and `input` and the list `objects`")
        };
        Ok(Self { id, input, truth: Ours { objects, refused } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_refusal_both_count() {
        let dir = tempfile::tempdir().unwrap();
        let cases = concat!(
            r#"{"id": "right", "input": "a", "objects": [{"b": 1.0, "a": "x"}]}"#,
            "\n",
            r#"{"id": "value", "input": "a", "objects": [{"a": "y", "b": 1}]}"#,
            "\n",
            r#"{"id": "refusal", "input": "a", "objects": [{"a": "x", "b": 1}], "error": "e"}"#,
            "\n",
        );
        fs::write(dir.path().join("yaml-values.jsonl"), cases).unwrap();
        let ours = |_: &str| {
            Ok(Ours { objects: vec![serde_json::json!({"a": "x", "b": 1})], refused: false })
        };
        let outcome = compare(dir.path(), ours).unwrap();
        assert_eq!((outcome.agreed, outcome.total), (1, 3));
        assert!(outcome.disagreements[0].starts_with("value\n"));
        assert!(outcome.disagreements[1].starts_with("refusal\n"));
    }
}
