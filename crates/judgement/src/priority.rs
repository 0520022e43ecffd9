//! Priority of vulnerabilities.
//!
//! The priority is one word; [`Ranked::parts`] lists the data it is based on. Missing data never
//! lowers it: a vulnerability without EPSS is ranked by its severity, and one without a score and
//! without signals is `unknown`, which is distinct from low.

use std::sync::Arc;

use pavisade_model::{Epss, Exploited, Finding, FixState, Score, Severity};

/// At this probability of exploitation within 30 days or above, exploitation is considered likely:
/// about one in 30 of the vulnerabilities in EPSS.
pub const LIKELY: f32 = 0.1;

/// At this probability or above, exploitation is more likely than not.
pub const PROBABLE: f32 = 0.5;

/// The urgency of a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// There is no data for ranking.
    Unknown,
    /// Fix with the next regular update.
    Later,
    /// Fix within days.
    Soon,
    /// Fix immediately: exploited, or likely to be exploited if reachable.
    Now,
}

/// An input of a priority.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The package is malicious.
    Malicious,
    /// It is known to be exploited.
    Exploited(Exploited),
    /// The probability of exploitation.
    Epss(Epss),
    /// The severity and the score that it is from. `None` if it was set by the vendor or the user.
    Severity(Severity, Option<Score>),
    /// Whether a fixed version exists.
    Fix(FixState),
    /// How a workload that runs it is reachable from outside the cluster.
    Exposed(Arc<str>),
    /// Why a workload that runs it has privileges on its node.
    Privileged(Arc<str>),
}

/// A priority and its inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The priority.
    pub priority: Priority,
    /// All inputs.
    pub parts: Vec<Part>,
}

/// The data about a vulnerability in its context.
#[derive(Debug, Clone, Copy)]
struct Evidence<'a> {
    /// Whether the package is malicious.
    malicious: bool,
    /// The severity.
    severity: Severity,
    /// The score that determines the severity.
    score: Option<&'a Score>,
    /// The probability of exploitation.
    epss: Option<Epss>,
    /// The entry in the catalog of exploited vulnerabilities.
    exploited: Option<&'a Exploited>,
    /// Whether a fixed version exists.
    fix: &'a FixState,
    /// How a workload that runs it is exposed.
    exposed: Option<&'a Arc<str>>,
    /// Why a workload that runs it is privileged.
    privileged: Option<&'a Arc<str>>,
}

impl Priority {
    /// All priorities, most urgent first.
    pub const ALL: [Self; 4] = [Self::Now, Self::Soon, Self::Later, Self::Unknown];

    /// Returns the lower-case name.
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
    /// Collects the data of a finding. `None` if it is not about a vulnerability.
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
    /// Returns the priority of a finding. `None` if it is not about a vulnerability.
    pub fn of(finding: &Finding) -> Option<Self> {
        Evidence::of(finding).map(|evidence| rank(&evidence))
    }
}

/// Computes the priority.
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
    // An unscored one may have any severity.
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
    // By severity alone, it is not urgent if there is no fix.
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

    /// Severity, EPSS, exploited, fix, exposed, privileged.
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
            // Exploited, regardless of score and fix.
            ((Low, None, true, fixed, false, false), Priority::Now),
            ((Unknown, Some(0.0), true, &WontFix, false, false), Priority::Now),
            ((High, Some(0.5), false, &NotFixed, false, false), Priority::Now),
            ((Unknown, Some(0.9), false, fixed, false, false), Priority::Now),
            ((High, Some(0.1), false, fixed, true, false), Priority::Now),
            ((High, Some(0.1), false, fixed, false, true), Priority::Now),
            // Likely, but not severe.
            ((Medium, Some(0.97), false, fixed, true, true), Priority::Soon),
            ((High, Some(0.1), false, &NotFixed, false, false), Priority::Soon),
            ((Critical, Some(0.01), false, fixed, false, false), Priority::Soon),
            ((Critical, None, false, &Unsaid, false, false), Priority::Soon),
            ((Critical, None, false, &NotFixed, true, false), Priority::Soon),
            ((High, None, false, fixed, true, false), Priority::Soon),
            // Only a critical score, and no fixed version.
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

    /// It has no score and no fix but runs already.
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
