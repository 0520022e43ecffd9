//! Pages about frameworks: the list, one page for each, and the section in check pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pavisade_checks::Catalog;
use pavisade_compliance::{Assessed, Control, Framework, builtin, topics};

use super::HEAD;

/// Returns the list of frameworks, with how much of each is assessed.
pub(super) fn list() -> String {
    let mut text = format!(
        "{HEAD}# Frameworks\n\n`pavisade comply --framework ID` shows which controls hold, fail or are \
         unknown. Titles are in our own words, not the text of the standards.\n\n| framework | ID | controls | by \
         checks | in part | not assessed here | cannot be assessed automatically |\n| --- | --- | --- | \
         --- | --- | --- | --- |\n"
    );
    for framework in builtin() {
        let c = framework.coverage();
        let _ = writeln!(
            text,
            "| [{}](frameworks/{id}.md) | `{id}` | {} | {} | {} | {} | {} |",
            framework.title,
            c.controls,
            c.by_checks + c.partly,
            c.partly,
            c.elsewhere,
            c.by_hand,
            id = framework.id,
        );
    }
    text.push_str(
        "\n*By checks* counts controls that at least one check assesses, *in part* those that checks can \
         assess only partially, which never count as proven. [Your own frameworks](own-frameworks.md) are \
         files in the same format.\n\n## Topics\n\nA control refers to checks by ID or by topic.\n\n\
         | topic | description | checks |\n| --- | --- | --- |\n",
    );
    for (name, topic) in topics() {
        let checks: Vec<_> =
            topic.checks.iter().map(|id| format!("[{id}](checks/{id}.md)")).collect();
        let _ = writeln!(text, "| `{name}` | {} | {} |", topic.title, checks.join(", "));
    }
    text
}

/// Returns the controls of a framework, and what assesses each.
pub(super) fn page(framework: &Framework) -> String {
    let catalog = Catalog::builtin();
    let names: BTreeMap<_, _> = catalog.names().collect();
    let mut text = format!("{HEAD}# {}\n\n", framework.title);
    let _ = writeln!(text, "`pavisade comply --framework {}`\n", framework.id);
    if !framework.url.is_empty() {
        let _ = writeln!(text, "The standard: <{}>\n", framework.url);
    }
    if !framework.extent.is_empty() {
        let _ = writeln!(text, "Listed: {}.\n", framework.extent);
    }
    let _ = writeln!(text, "| control | requirement | assessed by |\n| --- | --- | --- |");
    for control in &framework.controls {
        let by = match &control.assessed {
            Assessed::ByChecks => checks(control, &names),
            Assessed::Partly(gap) => format!("{}; *not shown:* {gap}", checks(control, &names)),
            Assessed::Elsewhere(place) => format!("*not assessed here:* {place}"),
            Assessed::ByHand(reason) => format!("*not automated:* {reason}"),
        };
        let _ = writeln!(text, "| {} | {} | {by} |", control.id, control.title);
    }
    for group in framework.serves_not.iter().filter(|group| !group.checks.is_empty()) {
        let checks: Vec<_> = group.checks.iter().map(|id| link(id, &names)).collect();
        let _ = writeln!(text, "\nNo control requires {}: {}.", checks.join(", "), group.reason);
    }
    text
}

/// With more checks, only their IDs are shown, because names would make the table too wide.
const NAMES: usize = 6;

fn checks(control: &Control, names: &BTreeMap<&str, &str>) -> String {
    let link = |id: &String| {
        let mut text = match control.checks.len() <= NAMES {
            true => link(id, names),
            false => format!("[{id}](../checks/{id}.md)"),
        };
        let parts = control.parts.get(id).into_iter().flatten().map(|part| format!("`{part}`"));
        let mut remarks: Vec<_> = parts.collect();
        if control.stricter.contains(id) {
            remarks.push("stricter".to_owned());
        }
        if !remarks.is_empty() {
            let _ = write!(text, " ({})", remarks.join(", "));
        }
        text
    };
    control.checks.iter().map(link).collect::<Vec<_>>().join(", ")
}

fn link(id: &str, names: &BTreeMap<&str, &str>) -> String {
    format!("[{}](../checks/{id}.md)", names.get(id).copied().unwrap_or(id))
}

/// Returns the section of a check page, with one line per framework.
pub(super) fn of_check(id: &str) -> String {
    let mut rows = String::new();
    for framework in builtin() {
        let controls = framework
            .controls
            .iter()
            .filter(|control| control.checks.iter().any(|check| check == id));
        let controls: Vec<_> = controls.map(|control| control.id.as_str()).collect();
        if !controls.is_empty() {
            let (title, file) = (&framework.title, &framework.id);
            let _ =
                writeln!(rows, "| [{title}](../frameworks/{file}.md) | {} |", controls.join(", "));
        }
    }
    let within = topics().iter().filter(|(_, topic)| topic.checks.iter().any(|check| check == id));
    let within: Vec<_> = within.map(|(name, _)| format!("`{name}`")).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        let _ = write!(text, "\n## Controls\n\n| framework | controls |\n| --- | --- |\n{rows}");
    }
    if !within.is_empty() {
        let _ = write!(text, "\nTopics: {}\n", within.join(", "));
    }
    text
}
