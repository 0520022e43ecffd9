//! Severities from CVSS vectors and vendor ratings.

use std::str::FromStr;

use cvss::Cvss;
use pavisade_model::{Score, Severity};

/// The required metrics of a vector by its prefix.
const NEEDED: [(&str, &[&str]); 3] = [
    ("CVSS:4.", &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"]),
    ("CVSS:3.", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("", &["AV", "AC", "Au", "C", "I", "A"]),
];

/// Returns the score of a CVSS 2.0, 3.0, 3.1 or 4.0 vector; `None` if it is invalid.
pub(crate) fn of_vector(vector: &str) -> Option<f32> {
    // The crate treats missing metrics as "none" and returns a score of zero.
    let metrics = || vector.split('/').filter_map(|metric| Some(metric.split_once(':')?.0));
    let (_, needed) = NEEDED.iter().find(|(prefix, _)| vector.starts_with(prefix))?;
    if !needed.iter().all(|needed| metrics().any(|metric| metric == *needed)) {
        return None;
    }
    let score = Cvss::from_str(vector).ok()?.score();
    #[expect(clippy::cast_possible_truncation, reason = "0.0 to 10.0 with one digit")]
    (score.is_finite() && (0.0..=10.0).contains(&score)).then_some(score as f32)
}

/// Returns the severity from scores: the highest score of the newest CVSS version. `Unknown` if
/// there is no score.
pub fn severity(scores: &[Score]) -> Severity {
    Score::decisive(scores).map_or(Severity::Unknown, Score::severity)
}

/// Returns the severity of a vendor's rating; `Unknown` if the word is not part of a scale.
pub(crate) fn of_word(word: &str) -> Severity {
    match word.trim().trim_end_matches('*').to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "important" => Severity::High,
        "medium" | "moderate" => Severity::Medium,
        "low" | "minor" | "negligible" | "unimportant" => Severity::Low,
        _ => Severity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_the_scores_that_first_publishes() {
        for (vector, score) in [
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", Some(7.5)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(6.1)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(9.3)),
            ("CVSS:3.1/AV:N", None),
            ("CVSS:9.0/AV:N", None),
            ("high", None),
        ] {
            assert_eq!(of_vector(vector), score, "{vector}");
        }
    }
}
