//! How bad: scores of CVSS vectors, and words of vendors.

use std::str::FromStr;

use cvss::Cvss;
use pavisade_model::{Score, Severity};

/// What a vector cannot do without, by how it begins.
const NEEDED: [(&str, &[&str]); 3] = [
    ("CVSS:4.", &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"]),
    ("CVSS:3.", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("", &["AV", "AC", "Au", "C", "I", "A"]),
];

/// The score of a vector of CVSS 2.0, 3.0, 3.1 or 4.0; `None` where it is none.
pub(crate) fn of_vector(vector: &str) -> Option<f32> {
    // The crate takes what is missing for "none", and gives a score of zero.
    let metrics = || vector.split('/').filter_map(|metric| Some(metric.split_once(':')?.0));
    let (_, needed) = NEEDED.iter().find(|(prefix, _)| vector.starts_with(prefix))?;
    if !needed.iter().all(|needed| metrics().any(|metric| metric == *needed)) {
        return None;
    }
    let score = Cvss::from_str(vector).ok()?.score();
    #[expect(clippy::cast_possible_truncation, reason = "0.0 to 10.0 with one digit")]
    (score.is_finite() && (0.0..=10.0).contains(&score)).then_some(score as f32)
}

/// The severity that scores say: the newest CVSS version decides, its highest score where several
/// give one. `Unknown` where there is no score.
pub fn severity(scores: &[Score]) -> Severity {
    let newest = |prefix: &str| {
        let of = scores.iter().filter(|score| match prefix {
            "" => !score.vector.starts_with("CVSS:"),
            prefix => score.vector.starts_with(prefix),
        });
        of.map(|score| severity_of(&score.vector, score.score)).max()
    };
    ["CVSS:4", "CVSS:3", ""].into_iter().find_map(newest).unwrap_or(Severity::Unknown)
}

/// The severity of one score, by the scale of its CVSS version: 2.0 knows no critical.
pub fn severity_of(vector: &str, score: f32) -> Severity {
    let second = !vector.starts_with("CVSS:");
    match score {
        // With what CVSS calls "None".
        s if s < 4.0 => Severity::Low,
        s if s < 7.0 => Severity::Medium,
        s if s < 9.0 || second => Severity::High,
        _ => Severity::Critical,
    }
}

/// What a vendor calls it; `Unknown` where that is no word of a scale.
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

    #[test]
    fn the_newest_version_decides() {
        let score = |vector: &str, score| {
            let vector = vector.to_owned();
            Score { source: "s".into(), vector, score }
        };
        let (two, three) = (score("AV:N/…", 10.0), score("CVSS:3.1/…", 5.0));
        assert_eq!(severity(&[]), Severity::Unknown);
        // The scale of 2.0 ends with high.
        assert_eq!(severity(&[two.clone()]), Severity::High);
        assert_eq!(severity(&[two.clone(), three.clone()]), Severity::Medium);
        assert_eq!(severity(&[three.clone(), score("CVSS:3.0/…", 9.8)]), Severity::Critical);
        assert_eq!(severity(&[two, three, score("CVSS:4.0/…", 2.0)]), Severity::Low);
    }
}
