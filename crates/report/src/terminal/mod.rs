//! Output for terminals in the style of a compiler: findings grouped by check with counts, highest
//! severity first, each with its source, the reason and the fix; unknown results; unread input; a
//! summary.

use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model::{Finding, State};

use crate::Options;
use crate::json::all_findings;
use crate::region::Regions;

mod brief;
mod comply;
mod dismissed;
mod excepted;
mod excerpt;
mod findings;
mod notes;
mod page;
mod problems;
pub mod style;
mod summary;
mod unknown;
mod vulnerable;

pub(crate) use comply::write as comply;
pub(crate) use excerpt::{Excerpt, has_neighbours};
pub(crate) use notes::section as notes;
pub(crate) use page::{Page, place};
pub use problems::problems;

#[cfg(test)]
mod tests;

/// Writes findings with exceptions and those dismissed by VEX statements. Returns whether
/// everything was shown.
pub(crate) fn let_through(page: &mut Page<'_>, judgement: &Judgement) -> bool {
    let worlds = judgement.worlds > 1;
    let told = excepted::section(page, &judgement.excepted, worlds);
    dismissed::section(page, &judgement.dismissed) && told
}

/// Writes the whole result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let worlds = judgement.worlds > 1;
    let mut page = Page::new(options, out);
    if options.full {
        page.regions = Regions::new(all_findings(judgement));
    }
    let of = |state| judgement.findings.iter().filter(move |f| f.state == state);

    let failed: Vec<&Finding> = of(State::Fails).collect();
    let same = |a: &&Finding, b: &&Finding| a.rule.id == b.rule.id && a.severity == b.severity;
    // Grouping by check and severity would separate the advisories of a package.
    let (told_apart, others): (Vec<&Finding>, Vec<&Finding>) =
        failed.iter().copied().partition(|finding| finding.vulnerability.is_some());
    let other_groups: Vec<_> = others.chunk_by(same).collect();
    // A single finding is shown in full, as with `--explain`.
    let explain = options.full || options.explain || failed.len() == 1;
    let mut told_all = vulnerable::section(&mut page, &told_apart, explain);
    let unknown: Vec<&Finding> = of(State::Unknown).collect();
    if explain {
        let (detailed, brief) =
            other_groups.split_at(findings::detailed(&other_groups, options.full));
        told_all &= brief.is_empty();
        for group in detailed {
            told_all &= findings::group(&mut page, group, worlds);
            page.flush()?;
        }
        findings::brief(&mut page, brief);
    } else {
        told_all &= brief::section(&mut page, &other_groups, worlds);
    }
    // Unknown results are counted, and shown only on request or if there is nothing else.
    if options.full || options.explain || failed.is_empty() {
        told_all &= unknown::section(&mut page, &unknown, worlds);
    }
    if options.show_excepted {
        told_all &= let_through(&mut page, judgement);
    }
    told_all &= notes::section(&mut page, &judgement.notes, crate::summary::is_empty(judgement));
    summary::table(&mut page, &failed);
    summary::write(&mut page, judgement, told_all, explain);
    page.flush()
}
