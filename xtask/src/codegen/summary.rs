//! The generated pages in the table of contents, `docs/SUMMARY.md`; the rest of it is written by
//! hand.

use pavisade_checks::Catalog;
use pavisade_compliance::builtin;

/// Returns the table of contents with a line for each check and framework below their lists.
pub(super) fn with_pages(summary: &str) -> String {
    let mut text = String::new();
    for line in summary.lines() {
        if ["](checks/", "](frameworks/"].iter().any(|made| line.contains(made)) {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        let indent = " ".repeat(line.len() - line.trim_start().len() + 2);
        if line.ends_with("](checks.md)") {
            for meta in Catalog::builtin().entries().iter().map(|entry| entry.meta()) {
                let (id, name) = (&meta.rule.id, &meta.rule.name);
                text.push_str(&format!("{indent}- [{id} {name}](checks/{id}.md)\n"));
            }
        } else if line.ends_with("](frameworks.md)") {
            for framework in builtin() {
                let (id, title) = (&framework.id, &framework.title);
                text.push_str(&format!("{indent}- [{title}](frameworks/{id}.md)\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays_and_what_is_old_goes() {
        let hand = "# Summary\n\n- [A](a.md)\n  - [B](b.md)\n- [Checks](checks.md)\n- [Z](z.md)\n";
        let old = hand.replace("- [Z]", "  - [PV-X999 gone](checks/PV-X999.md)\n- [Z]");
        let made = with_pages(&old);
        assert!(!made.contains("PV-X999"), "{made}");
        let checks = made.lines().filter(|line| line.starts_with("  - [PV-"));
        assert_eq!(checks.count(), Catalog::builtin().entries().len());
        let kept = made.lines().filter(|line| !line.contains("](checks/"));
        assert!(kept.eq(hand.lines()), "{made}");
        assert_eq!(with_pages(&made), made);
    }
}
