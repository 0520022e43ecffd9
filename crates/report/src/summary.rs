//! Counts of a result, and one-line summaries.

use pavisade_judgement::{Compared, Exception, Judgement};
use pavisade_model::{NoteKind, Severity, State};

use crate::Options;
use crate::json::failing_objects;
use crate::text::{count, number};

/// Counts that most formats show.
pub(crate) struct Counts {
    /// The number of failures, by severity, highest first.
    pub fails: [usize; Severity::ALL.len()],
    /// The number of unknown results, by severity, highest first.
    pub unknown: [usize; Severity::ALL.len()],
    /// The number of inputs that were not read. If not 0, the result is incomplete.
    pub unread: usize,
}

impl Counts {
    pub(crate) fn of(judgement: &Judgement) -> Self {
        let by_severity = |state| {
            Severity::ALL.map(|s| judgement.of_state(state).filter(|f| f.severity == s).count())
        };
        Self {
            fails: by_severity(State::Fails),
            unknown: by_severity(State::Unknown),
            unread: notes(judgement, NoteKind::Unread),
        }
    }
}

/// The summary of notes on content that is installed from elsewhere, singular and plural. Each note
/// is about one kind of object.
pub(crate) const UNJUDGED: (&str, &str) = (
    "kind of object installs content that was not checked",
    "kinds of objects install content that was not checked",
);

/// Whether there was nothing to judge.
pub(crate) fn is_empty(judgement: &Judgement) -> bool {
    judgement.objects == 0 && judgement.images == 0 && judgement.source_trees == 0
}

/// Returns what was judged: `12 objects`, `12 objects and 1 image`.
pub(crate) fn judged(judgement: &Judgement) -> String {
    with_images(judgement, count(judgement.objects, "object", "objects"))
}

/// Returns what was judged with the number of failing objects: `4 of 12 objects`. The number is
/// left out if only whole worlds fail.
pub(crate) fn failing(judgement: &Judgement) -> String {
    let objects = count(judgement.objects, "object", "objects");
    with_images(
        judgement,
        match failing_objects(judgement) {
            0 => objects,
            // One document of facts may be about several objects.
            failing if failing >= judgement.objects => count(failing, "object", "objects"),
            failing => format!("{} of {objects}", number(failing)),
        },
    )
}

fn with_images(judgement: &Judgement, objects: String) -> String {
    let mut parts = vec![objects];
    if judgement.images > 0 {
        parts.push(count(judgement.images, "image", "images"));
    }
    if judgement.source_trees > 0 {
        parts.push(count(judgement.source_trees, "source tree", "source trees"));
    }
    // If there are only others, objects were not requested.
    if judgement.objects == 0 && parts.len() > 1 {
        parts.remove(0);
    }
    parts.join(" and ")
}

/// Returns the number of notes of a kind.
pub(crate) fn notes(judgement: &Judgement, kind: NoteKind) -> usize {
    judgement.notes.iter().filter(|note| note.kind == kind).count()
}

/// Returns `5 critical, 2 high in 4 of 12 objects; 3 could not be determined; 1 input not read`.
pub(crate) fn line(judgement: &Judgement) -> String {
    let counts = Counts::of(judgement);
    let fails = Severity::ALL.iter().zip(counts.fails).filter(|(_, n)| *n > 0);
    let fails: Vec<_> = fails.map(|(s, n)| format!("{} {}", number(n), s.label())).collect();
    let mut line = match fails.is_empty() {
        true if is_empty(judgement) => "no Kubernetes objects were found".to_owned(),
        true if known(judgement) > 0 => format!("no new findings in {}", judged(judgement)),
        true => format!("no findings in {}", judged(judgement)),
        false => format!("{} in {}", fails.join(", "), failing(judgement)),
    };
    let unknown: usize = counts.unknown.iter().sum();
    if unknown > 0 {
        line.push_str(&format!("; {} could not be determined", number(unknown)));
    }
    for (kind, one, many) in [
        (NoteKind::Unread, "input not read", "inputs not read"),
        (NoteKind::Warning, "warning", "warnings"),
        (NoteKind::Drift, "difference", "differences"),
        (NoteKind::Unjudged, UNJUDGED.0, UNJUDGED.1),
    ] {
        let n = notes(judgement, kind);
        if n > 0 {
            line.push_str(&format!("; {}", count(n, one, many)));
        }
    }
    if !judgement.excepted.is_empty() {
        line.push_str(&format!("; {} excepted", number(judgement.excepted.len())));
    }
    if !judgement.dismissed.is_empty() {
        let dismissed = number(judgement.dismissed.len());
        line.push_str(&format!("; {dismissed} dismissed by VEX statements"));
    }
    if let Some(Compared { known, gone, total, .. }) = &judgement.baseline {
        let [known, gone, total] = [known.len(), gone.len(), *total].map(number);
        line.push_str(&format!("; {known} in the baseline, {gone} of {total} fixed"));
    }
    line
}

/// Returns the number of findings that are in the baseline.
pub(crate) fn known(judgement: &Judgement) -> usize {
    judgement.baseline.as_ref().map_or(0, |compared| compared.known.len())
}

/// Formats an exception: `until 2027-01-31 (annotation): builds images`.
pub(crate) fn exception(exception: &Exception) -> String {
    let Exception { until, reason, form, .. } = exception;
    format!("until {until} ({}): {reason}", form.name())
}

/// Returns `164 checks, Kubernetes 1.37, 3 worlds, by .pavisade.yaml (2 checks off), Pavisade
/// 0.1.0`.
pub(crate) fn about(judgement: &Judgement, options: &Options) -> String {
    let checks = count(judgement.tallies.len(), "check", "checks");
    let worlds = match judgement.worlds {
        0 | 1 => String::new(),
        n => format!(", {} worlds", number(n)),
    };
    let version = env!("CARGO_PKG_VERSION");
    let configuration = match &*options.configuration {
        "" => String::new(),
        text => format!(", {text}"),
    };
    let kubernetes = judgement.kubernetes;
    format!("{checks}, Kubernetes {kubernetes}{worlds}{configuration}, Pavisade {version}")
}

/// Returns the name of a kind of note.
pub(crate) fn note_word(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Unread => "unread",
        NoteKind::Warning => "warning",
        NoteKind::Drift => "drift",
        NoteKind::Unjudged => "unjudged",
        NoteKind::Info => "info",
    }
}

#[cfg(test)]
mod tests {
    use pavisade_model::Subject;

    use super::*;
    use crate::fixture::{deployment, judged};

    #[test]
    fn facts_about_a_cluster_are_not_among_the_objects_that_fail() {
        let text = deployment("shop", "web", "c");
        let mut judgement = judged(&[("shop", &[("a.yaml", &text)])], Vec::new());
        assert_eq!((judgement.objects, failing_objects(&judgement)), (1, 1));
        let finding = judgement.of_state(State::Fails).next().unwrap().clone();
        let facts = Subject::Cluster { name: "shop".into() };
        judgement.findings.push(pavisade_model::Finding { subject: facts, ..finding });
        assert_eq!(failing_objects(&judgement), 1);
        assert!(line(&judgement).contains(" in 1 object"), "{}", line(&judgement));
    }
}
