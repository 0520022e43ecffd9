//! `cargo xtask advisories-table`: the table of known vulnerabilities in Kubernetes components,
//! from the feed in OSV format (`../shared/data/advisories/kubernetes.jsonl.zst`).
//!
//! The table is committed, so that the build does not need the feed.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::shared::{json_lines, root, shared};

const FEED: &str = "data/advisories/kubernetes.jsonl.zst";
const TABLE: &str = "crates/checks/src/advisories/kubernetes.rs";

/// The components whose version a cluster shows. kube-proxy is not included because the kubelet's
/// `kubeProxyVersion` is its own version. The controller manager, kubectl, and drivers and
/// controllers of other projects are not included either.
const PROGRAMS: [(&str, &str); 2] =
    [("k8s.io/apiserver", "ApiServer"), ("k8s.io/kubelet", "Kubelet")];

/// A wrong fixed version in the feed.
struct Correction {
    cve: &'static str,
    wrong: &'static str,
    right: &'static str,
    /// The source of the right one.
    source: &'static str,
}

/// Errors in the feed according to its own references.
const CORRECTIONS: [Correction; 4] = [
    Correction {
        cve: "CVE-2020-10749",
        wrong: "1.17.17",
        right: "1.17.7",
        source: "kubernetes/release#1345",
    },
    Correction {
        cve: "CVE-2021-25741",
        wrong: "1.19.16",
        right: "1.19.15",
        source: "kubernetes/kubernetes#104980",
    },
    Correction {
        cve: "CVE-2021-25741",
        wrong: "1.22.1",
        right: "1.22.2",
        source: "kubernetes/kubernetes#104980",
    },
    // 1.21.14 is the last 1.21 release and affected; the next fixed version is in 1.22.
    Correction {
        cve: "CVE-2022-3172",
        wrong: "1.21.14",
        right: "1.22.14",
        source: "kubernetes/kubernetes#112513",
    },
];

/// Writes the table.
pub(crate) fn run() -> anyhow::Result<()> {
    let (Some(feed), Some(provenance)) = (shared(FEED), shared("data/PROVENANCE.tsv")) else {
        return Ok(());
    };
    let (origin, date) = origin(&fs::read_to_string(provenance)?)?;
    let mut lines = Vec::new();
    let mut wrong: Vec<_> = CORRECTIONS.iter().collect();
    for record in json_lines(&feed)? {
        for affected in record["affected"].as_array().into_iter().flatten() {
            let package = affected["package"]["name"].as_str().unwrap_or("");
            let program = PROGRAMS.iter().find(|(name, _)| *name == package);
            if let Some((_, program)) = program {
                lines.push(line(&record, affected, program)?);
                wrong.retain(|correction| !correction.concerns(&record, affected));
            }
        }
    }
    if let Some(Correction { cve, wrong, .. }) = wrong.first() {
        bail!("the feed no longer says that {cve} is fixed in {wrong}: take the correction out");
    }
    lines.sort();
    let mut sources: Vec<_> = CORRECTIONS.iter().map(|correction| correction.source).collect();
    sources.dedup();
    let sources = sources.join(", ");
    let text = format!(
        "//! Known vulnerabilities of Kubernetes' components. Ranges are from the first version to \
         before the\n//! second.\n//!\n//! Made by `cargo xtask advisories-table` from {origin} \
         (Apache-2.0).\n//! Corrected after {sources}.\n//! Titles are the feed's.\n\nuse pavisade_model::Program::{{ApiServer, \
         Kubelet}};\nuse pavisade_model::Severity::{{Critical, High, Low, Medium}};\n\nuse \
         super::{{Advisory, component}};\n\n/// The day up to which the feed \
         knows.\npub(crate) const UNTIL: &str = \"{date}\";\n\n#[rustfmt::skip]\npub(super) \
         static ADVISORIES: &[Advisory] = &[\n{}];\n",
        lines.concat()
    );
    fs::write(root().join(TABLE), text).with_context(|| format!("writing {TABLE}"))?;
    println!("{} lines, up to {date}", lines.len());
    Ok(())
}

impl Correction {
    /// Returns whether a record contains the error.
    fn concerns(&self, record: &Value, affected: &Value) -> bool {
        record["id"] == self.cve && events(affected).any(|event| event["fixed"] == self.wrong)
    }
}

fn events(affected: &Value) -> impl Iterator<Item = &Value> {
    let ranges = affected["ranges"].as_array().into_iter().flatten();
    ranges.filter_map(|range| range["events"].as_array()).flatten()
}

/// Returns the first fixed version, corrected if the feed is wrong.
fn corrected<'v>(id: &str, fixed: &'v str) -> &'v str {
    let correction = CORRECTIONS.iter().find(|c| c.cve == id && c.wrong == fixed);
    correction.map_or(fixed, |correction| correction.right)
}

/// Returns the source and the date of the feed.
fn origin(provenance: &str) -> anyhow::Result<(String, String)> {
    let name = FEED.trim_start_matches("data/");
    let row = provenance.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let mut row = row.filter(|row| row.first() == Some(&name));
    match row.next().as_deref() {
        Some([_, _, _, source, commit, date, ..]) => {
            let commit = commit.get(..12).unwrap_or(commit);
            Ok((format!("{source} at {commit}"), (*date).to_owned()))
        }
        _ => bail!("PROVENANCE.tsv has no row for {name}"),
    }
}

fn line(record: &Value, affected: &Value, program: &str) -> anyhow::Result<String> {
    let id = record["id"].as_str().context("a record without id")?;
    let title = record["summary"].as_str().unwrap_or("").trim();
    let windows = ["summary", "details"]
        .iter()
        .any(|field| record[*field].as_str().is_some_and(|t| t.contains("Windows node")))
        || title.contains("Windows");
    let score = affected["severity"].as_array().into_iter().flatten();
    let score = score.filter_map(|s| base_score(s["score"].as_str()?)).fold(0.0, f64::max);
    // CVSS v3, section 5; medium if there is no vector.
    let severity = match score {
        0.0 => "Medium",
        s if s >= 9.0 => "Critical",
        s if s >= 7.0 => "High",
        s if s >= 4.0 => "Medium",
        _ => "Low",
    };
    let mut ranges = String::new();
    let mut from = None;
    for event in events(affected) {
        if let Some(version) = event["introduced"].as_str() {
            from = Some(number(version)?);
        } else if let Some(version) = event["fixed"].as_str() {
            let from = from.take().with_context(|| format!("{id}: fixed, not introduced"))?;
            write!(ranges, "({from:?}, {:?}), ", number(corrected(id, version))?)?;
        } else {
            bail!("{id}: an event that is neither introduced nor fixed");
        }
    }
    if from.is_some() {
        bail!("{id}: a range without an end");
    }
    let ranges = ranges.trim_end_matches(", ");
    Ok(format!(
        "    Advisory {{ cve: {id:?}, of: component({program}, {windows}), severity: {severity}, title: \
         {title:?}, ranges: &[{ranges}] }},\n"
    ))
}

fn number(version: &str) -> anyhow::Result<(u32, u32, u32)> {
    if version == "0" {
        return Ok((0, 0, 0));
    }
    let parts: Vec<_> = version.split('.').map(str::parse).collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [major, minor, patch] => Ok((*major, *minor, *patch)),
        _ => bail!("`{version}` is not a version of three numbers"),
    }
}

/// Returns the base score of a CVSS v3 vector (specification 3.1, section 7.1).
fn base_score(vector: &str) -> Option<f64> {
    let rest = vector.strip_prefix("CVSS:3.").filter(|rest| rest.starts_with(['0', '1']))?;
    let of = |metric: &str| {
        rest.split('/').filter_map(|m| m.split_once(':')).find(|(m, _)| *m == metric).map(|m| m.1)
    };
    let changed = of("S")? == "C";
    let pick = |metric: &str, values: &[(&str, f64)]| {
        let given = of(metric)?;
        values.iter().find(|(name, _)| *name == given).map(|(_, value)| *value)
    };
    let impact = [("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let base = 1.0
        - (1.0 - pick("C", &impact)?) * (1.0 - pick("I", &impact)?) * (1.0 - pick("A", &impact)?);
    let impact = match changed {
        false => 6.42 * base,
        true => 7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15),
    };
    let rights = match changed {
        false => [("N", 0.85), ("L", 0.62), ("H", 0.27)],
        true => [("N", 0.85), ("L", 0.68), ("H", 0.5)],
    };
    let exploit = 8.22
        * pick("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * pick("AC", &[("L", 0.77), ("H", 0.44)])?
        * pick("PR", &rights)?
        * pick("UI", &[("N", 0.85), ("R", 0.62)])?;
    if impact <= 0.0 {
        return Some(0.0);
    }
    let sum = if changed { 1.08 * (impact + exploit) } else { impact + exploit };
    // Round up to one decimal, as in the appendix of the specification.
    let tenths = (sum.min(10.0) * 100_000.0).round() / 10_000.0;
    Some(tenths.ceil() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_specifications_examples() {
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(base_score(vector), Some(expected), "{vector}");
        }
        assert_eq!(base_score("CVSS:2.0/AV:N"), None);
    }

    #[test]
    fn what_the_feed_has_wrong_is_corrected_for_its_vulnerability_alone() {
        let affected = serde_json::json!({"ranges": [{"events": [
            {"introduced": "0"}, {"fixed": "1.19.16"}, {"introduced": "1.22.0"}, {"fixed": "1.22.1"},
        ]}]});
        let of = |id: &str| {
            let record = serde_json::json!({"id": id, "summary": "x"});
            let line = line(&record, &affected, "Kubelet").unwrap();
            let right = "&[((0, 0, 0), (1, 19, 15)), ((1, 22, 0), (1, 22, 2))]";
            let feed = "&[((0, 0, 0), (1, 19, 16)), ((1, 22, 0), (1, 22, 1))]";
            (line.contains(right), line.contains(feed))
        };
        assert_eq!(of("CVE-2021-25741"), (true, false));
        assert_eq!(of("CVE-2021-25742"), (false, true));
        for correction in CORRECTIONS {
            assert!(number(correction.wrong).is_ok() && number(correction.right).is_ok());
            assert!(correction.source.contains('#'), "{}", correction.source);
        }
    }

    #[test]
    fn a_record_becomes_a_line() {
        let record: Value = serde_json::json!({"id": "CVE-1-2", "summary": "A `thing`\n"});
        let affected = serde_json::json!({"ranges": [{"events": [
            {"introduced": "1.17.0"}, {"fixed": "1.17.3"}, {"introduced": "0"}, {"fixed": "1.16.7"},
        ]}]});
        assert_eq!(
            line(&record, &affected, "Kubelet").unwrap(),
            "    Advisory { cve: \"CVE-1-2\", of: component(Kubelet, false), severity: Medium, \
             title: \"A `thing`\", ranges: &[((1, 17, 0), (1, 17, 3)), ((0, 0, 0), (1, 16, 7))] \
             },\n"
        );
        let open = serde_json::json!({"ranges": [{"events": [{"introduced": "1.17.0"}]}]});
        assert!(line(&record, &open, "Kubelet").is_err());
    }
}
