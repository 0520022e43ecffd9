//! Signals of a CVE apart from advisories: EPSS, CISA's catalog, scores.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Converts a CVE to a number that sorts by year and sequence number.
pub(crate) fn cve(id: &str) -> Option<u64> {
    let (year, number) = id.strip_prefix("CVE-")?.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year) || !digits(number) {
        return None;
    }
    Some(u64::from(year.parse::<u16>().ok()?) << 32 | u64::from(number.parse::<u32>().ok()?))
}

/// Probability and percentile of EPSS, in units of 1/100,000.
pub(crate) type Epss = (u32, u32);

/// The largest value, which stands for 1.
pub(crate) const WHOLE: u32 = 100_000;

/// Reads the EPSS file of FIRST: comments, a header, and `cve,epss,percentile`. Returns the scores
/// and the number of invalid lines.
pub(crate) fn epss(text: &str) -> (BTreeMap<u64, Epss>, usize) {
    let mut scores = BTreeMap::new();
    let mut refused = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("cve,") {
            continue;
        }
        let mut fields = line.split(',');
        let read =
            (|| Some((cve(fields.next()?)?, part(fields.next()?)?, part(fields.next()?)?)))();
        match read {
            Some((id, probability, percentile)) => {
                scores.insert(id, (probability, percentile));
            }
            None => refused += 1,
        }
    }
    (scores, refused)
}

fn part(text: &str) -> Option<u32> {
    let part: f64 = text.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000")]
    (0.0..=1.0).contains(&part).then(|| (part * f64::from(WHOLE)).round() as u32)
}

/// A catalog entry: the date as `20260301`, and whether ransomware uses the vulnerability.
pub(crate) type Kev = (u32, bool);

/// CISA's catalog.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub entries: BTreeMap<u64, Kev>,
    /// The number of invalid entries.
    pub refused: usize,
    /// The time of publication.
    pub released: String,
}

/// Reads CISA's catalog.
pub(crate) fn kev(json: &[u8]) -> Result<Catalog, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        #[serde(default)]
        date_released: String,
        vulnerabilities: Vec<serde_json::Value>,
    }
    let wire: Wire = serde_json::from_slice(json)?;
    let (mut entries, mut refused) = (BTreeMap::new(), 0);
    for entry in &wire.vulnerabilities {
        let text = |key: &str| entry.get(key).and_then(serde_json::Value::as_str);
        let ransomware = text("knownRansomwareCampaignUse") == Some("Known");
        match text("cveID").and_then(cve).zip(text("dateAdded").and_then(day)) {
            Some((id, day)) => {
                entries.insert(id, (day, ransomware));
            }
            None => refused += 1,
        }
    }
    Ok(Catalog { entries, refused, released: wire.date_released })
}

fn day(text: &str) -> Option<u32> {
    let well = text.len() == 10 && text.bytes().filter(|b| *b == b'-').count() == 2;
    well.then(|| text.replace('-', "").parse().ok()).flatten()
}

/// The scores of a CVE: not an OSV record, but with the same field.
#[derive(Debug, Deserialize)]
pub(crate) struct ScoresOfCve {
    pub id: String,
    #[serde(default)]
    pub severity: Vec<crate::osv::Severity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_by_number() {
        assert!(cve("CVE-2024-9999") < cve("CVE-2024-10000"));
        assert!(cve("CVE-1999-0001") < cve("CVE-2024-1"));
        for text in ["GHSA-1", "CVE-2024", "CVE-2024-+1", "CVE-2024-1x", "cve-2024-1"] {
            assert_eq!(cve(text), None, "{text}");
        }
    }

    #[test]
    fn one_bad_line_hides_no_other() {
        let text = "#model_version:v1\ncve,epss,percentile\nCVE-2024-1,0.00043,0.9\nCVE-2024-2,2,0\n\nCVE-2024-3,x,0.1\nCVE-2024-4,1,1\n";
        let (scores, refused) = epss(text);
        let scores: Vec<_> = scores.into_values().collect();
        assert_eq!((scores, refused), (vec![(43, 90_000), (WHOLE, WHOLE)], 2));
        let json = br#"{"vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-03-01","knownRansomwareCampaignUse":"Known"},{"cveID":7},{"cveID":"CVE-2024-2","dateAdded":"2024-03-02"}]}"#;
        let Catalog { entries, refused, .. } = kev(json).unwrap();
        let entries: Vec<_> = entries.into_values().collect();
        assert_eq!((entries, refused), (vec![(20_240_301, true), (20_240_302, false)], 1));
        assert!(kev(b"[]").is_err());
    }
}
