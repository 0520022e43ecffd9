//! How soon somebody should look at a vulnerability.
//!
//! The priority is one word, and [`Ranked::parts`] says all that it was made of. What is not known
//! never lowers it: a vulnerability without EPSS is ranked by its severity, and one without a score
//! and without signals is said to be unknown, apart from the low ones.

use std::sync::Arc;

use pavisade_model::{Epss, Exploited, Finding, FixState, Score, Severity};

/// From this probability of being exploited within 30 days on, a vulnerability is likely exploited:
/// about one of 30 that EPSS knows.
pub const LIKELY: f32 = 0.1;

/// From this probability on, it is more likely exploited than not.
pub const PROBABLE: f32 = 0.5;

/// How soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Nothing is known by which it could be ranked.
    Unknown,
    /// With the next regular update.
    Later,
    /// Within days.
    Soon,
    /// It is used by attackers, or likely so where they reach it.
    Now,
}

/// What a priority is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The package itself is the attack.
    Malicious,
    /// It is known to be exploited.
    Exploited(Exploited),
    /// How likely it is exploited.
    Epss(Epss),
    /// How bad, and by which score; by none where the vendor's word or the user decides.
    Severity(Severity, Option<Score>),
    /// Whether there is a version without it.
    Fix(FixState),
    /// What leads from outside of the cluster to a workload that runs it.
    Exposed(Arc<str>),
    /// Why a workload that runs it has power over its node.
    Privileged(Arc<str>),
}

/// A priority with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// How soon.
    pub priority: Priority,
    /// All that it was made of.
    pub parts: Vec<Part>,
}

/// What is known of a vulnerability where it was found.
#[derive(Debug, Clone, Copy)]
struct Evidence<'a> {
    /// Whether the package itself is the attack.
    malicious: bool,
    /// How bad.
    severity: Severity,
    /// The score that says so.
    score: Option<&'a Score>,
    /// How likely it is exploited.
    epss: Option<Epss>,
    /// That it is exploited.
    exploited: Option<&'a Exploited>,
    /// Whether there is a version without it.
    fix: &'a FixState,
    /// What exposes a workload that runs it.
    exposed: Option<&'a Arc<str>>,
    /// What makes a workload that runs it privileged.
    privileged: Option<&'a Arc<str>>,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Now, Self::Soon, Self::Later, Self::Unknown];

    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Soon => "soon",
            Self::Later => "later",
            Self::Unknown => "unknown",
        }
    }
}

impl<'a> Evidence<'a> {
    /// Of a finding; nothing where it tells of no vulnerability.
    fn of(finding: &'a Finding) -> Option<Self> {
        let found = finding.vulnerability.as_deref()?;
        let workloads = || finding.workloads.iter().flat_map(|list| list.iter());
        let score = Score::decisive(&found.advisory.scores);
        let advisory = &found.advisory;
        let mut ids = std::iter::once(&advisory.id).chain(&advisory.aliases);
        Some(Self {
            // The database of malicious packages (OpenSSF).
            malicious: ids.any(|id| id.starts_with("MAL-")),
            severity: finding.severity,
            score: score.filter(|score| score.severity() == finding.severity),
            epss: found.advisory.epss,
            exploited: found.advisory.exploited.as_ref(),
            fix: &found.fix,
            exposed: workloads().find_map(|workload| workload.exposed.as_ref()),
            privileged: workloads().find_map(|workload| workload.privileged.as_ref()),
        })
    }
}

impl Ranked {
    /// What is known of a finding, ranked; nothing where it tells of no vulnerability.
    pub fn of(finding: &Finding) -> Option<Self> {
        Evidence::of(finding).map(|evidence| rank(&evidence))
    }
}

/// Ranks what is known.
fn rank(evidence: &Evidence<'_>) -> Ranked {
    let mut parts = Vec::new();
    parts.extend(evidence.malicious.then_some(Part::Malicious));
    parts.extend(evidence.exploited.cloned().map(Part::Exploited));
    parts.extend(evidence.epss.map(Part::Epss));
    parts.push(Part::Severity(evidence.severity, evidence.score.cloned()));
    parts.push(Part::Fix(evidence.fix.clone()));
    parts.extend(evidence.exposed.cloned().map(Part::Exposed));
    parts.extend(evidence.privileged.cloned().map(Part::Privileged));
    Ranked { priority: priority(evidence), parts }
}

fn priority(evidence: &Evidence<'_>) -> Priority {
    let probability = evidence.epss.map_or(0.0, |epss| epss.probability);
    let near = evidence.exposed.is_some() || evidence.privileged.is_some();
    // One that nobody scored may be anything.
    let grave = evidence.severity >= Severity::High || evidence.severity == Severity::Unknown;
    if evidence.malicious
        || evidence.exploited.is_some()
        || grave && probability >= PROBABLE
        || grave && probability >= LIKELY && near
    {
        return Priority::Now;
    }
    if probability >= LIKELY {
        return Priority::Soon;
    }
    // By severity alone, nothing is urgent that cannot be fixed.
    let can_fix = !matches!(evidence.fix, FixState::NotFixed | FixState::WontFix);
    match evidence.severity {
        Severity::Critical if near || can_fix => Priority::Soon,
        Severity::High if near && can_fix => Priority::Soon,
        Severity::Unknown if evidence.epss.is_none() => Priority::Unknown,
        _ => Priority::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Severity, EPSS, in the catalog, fix, exposed, privileged.
    type Row<'a> = (Severity, Option<f32>, bool, &'a FixState, bool, bool);

    fn of((severity, epss, exploited, fix, exposed, privileged): Row<'_>) -> Ranked {
        let entry = Exploited { added: "2026-03-01".into(), ransomware: false };
        let word: Arc<str> = "x".into();
        rank(&Evidence {
            malicious: false,
            severity,
            score: None,
            epss: epss.map(|probability| Epss { probability, percentile: 0.5 }),
            exploited: exploited.then_some(&entry),
            fix,
            exposed: exposed.then_some(&word),
            privileged: privileged.then_some(&word),
        })
    }

    #[test]
    fn what_is_used_by_attackers_comes_first() {
        use FixState::{NotFixed, Unknown as Unsaid, WontFix};
        use Severity::{Critical, High, Low, Medium, Unknown};
        let fixed = &FixState::Fixed("2".into());
        for (row, wanted) in [
            // Exploited, however it is scored and whether or not there is a fix.
            ((Low, None, true, fixed, false, false), Priority::Now),
            ((Unknown, Some(0.0), true, &WontFix, false, false), Priority::Now),
            ((High, Some(0.5), false, &NotFixed, false, false), Priority::Now),
            ((Unknown, Some(0.9), false, fixed, false, false), Priority::Now),
            ((High, Some(0.1), false, fixed, true, false), Priority::Now),
            ((High, Some(0.1), false, fixed, false, true), Priority::Now),
            // Likely, but not grave.
            ((Medium, Some(0.97), false, fixed, true, true), Priority::Soon),
            ((High, Some(0.1), false, &NotFixed, false, false), Priority::Soon),
            ((Critical, Some(0.01), false, fixed, false, false), Priority::Soon),
            ((Critical, None, false, &Unsaid, false, false), Priority::Soon),
            ((Critical, None, false, &NotFixed, true, false), Priority::Soon),
            ((High, None, false, fixed, true, false), Priority::Soon),
            // A critical score alone, and nothing to upgrade to.
            ((Critical, Some(0.01), false, &WontFix, false, false), Priority::Later),
            ((High, Some(0.09), false, fixed, false, false), Priority::Later),
            ((High, None, false, &NotFixed, true, false), Priority::Later),
            ((Low, None, false, fixed, true, true), Priority::Later),
            ((Unknown, Some(0.01), false, fixed, false, false), Priority::Later),
            // Unknown is not low.
            ((Unknown, None, false, fixed, true, true), Priority::Unknown),
        ] {
            assert_eq!(of(row).priority, wanted, "{row:?}");
        }
    }

    /// It has no score and no fix, and it runs already.
    #[test]
    fn a_malicious_package_is_urgent_whatever_else_is_known() {
        for severity in Severity::ALL {
            let ranked = rank(&Evidence {
                malicious: true,
                severity,
                score: None,
                epss: None,
                exploited: None,
                fix: &FixState::Unknown,
                exposed: None,
                privileged: None,
            });
            assert_eq!(ranked.priority, Priority::Now);
            assert_eq!(ranked.parts[0], Part::Malicious);
        }
    }

    #[test]
    fn all_parts_are_shown_and_nothing_is_made_up() {
        let bare = of((Severity::High, None, false, &FixState::NotFixed, false, false));
        let parts = [Part::Severity(Severity::High, None), Part::Fix(FixState::NotFixed)];
        assert_eq!(bare.parts, parts);
        let full = of((Severity::High, Some(0.2), true, &FixState::NotFixed, true, true));
        assert_eq!(full.parts.len(), 6);
        assert!(matches!(full.parts[0], Part::Exploited(_)));
    }

    #[test]
    fn more_evidence_never_lowers_a_priority() {
        for severity in Severity::ALL {
            for fix in [FixState::Fixed("1".into()), FixState::NotFixed, FixState::WontFix] {
                let rank = |epss, exploited, near| {
                    of((severity, epss, exploited, &fix, near, false)).priority
                };
                for near in [false, true] {
                    assert!(rank(Some(0.6), false, near) >= rank(Some(0.2), false, near));
                    assert!(rank(Some(0.2), false, near) >= rank(Some(0.0), false, near));
                    assert!(rank(None, true, near) >= rank(Some(0.6), false, near));
                }
                assert!(rank(Some(0.2), false, true) >= rank(Some(0.2), false, false));
            }
        }
    }
}
