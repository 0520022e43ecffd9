//! `cargo xtask codegen`: what is generated from the code and committed.
//!
//! A page for every check, the list of checks, the tables of the frameworks and the JSON schema
//! of the output. `make test` shows that they are fresh.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;
use pavisade_checks::{Catalog, CheckSet, Entry};
use pavisade_compliance::builtin;
use pavisade_model::{Area, KubernetesVersion};

use crate::shared::root;

mod frameworks;
mod summary;

/// Writes everything anew.
pub(crate) fn run() -> anyhow::Result<()> {
    let pages = root().join("docs/checks");
    fs::create_dir_all(&pages)?;
    let wanted: BTreeSet<_> =
        Catalog::builtin().entries().iter().map(|e| format!("{}.md", e.rule().id)).collect();
    for entry in fs::read_dir(&pages)? {
        let entry = entry?;
        if !wanted.contains(&*entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    for entry in Catalog::builtin().entries() {
        write(&format!("docs/checks/{}.md", entry.rule().id), &page(entry))?;
    }
    write("docs/checks.md", &list())?;
    fs::create_dir_all(root().join("docs/frameworks"))?;
    write("docs/frameworks.md", &frameworks::list())?;
    for framework in builtin() {
        write(&format!("docs/frameworks/{}.md", framework.id), &frameworks::page(framework))?;
    }
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md"))?;
    write("docs/SUMMARY.md", &summary::with_pages(&summary))?;
    let role = CheckSet::all(KubernetesVersion::LATEST).role(false);
    write("deploy/scan/cluster-role.yaml", &format!("{ROLE_HEAD}{role}"))?;
    let schema = serde_json::to_string_pretty(&pavisade_report::json::schema())?;
    write("schema/scan-v1.json", &format!("{schema}\n"))?;
    let schema = serde_json::to_string_pretty(&pavisade_report::json::v2::schema())?;
    write("schema/scan-v2.json", &format!("{schema}\n"))?;
    let catalog = Catalog::builtin();
    let schema = serde_json::to_string_pretty(&pavisade_config::schema(&catalog))?;
    write("schema/config-v1.json", &format!("{schema}\n"))?;
    let schema = serde_json::to_string_pretty(&pavisade_report::comply::json::schema())?;
    write("schema/comply-v1.json", &format!("{schema}\n"))?;
    let schema = serde_json::to_string_pretty(&pavisade_report::image::schema())?;
    write("schema/image-v1.json", &format!("{schema}\n"))?;
    let schema = serde_json::to_string_pretty(&pavisade_report::vulnerabilities::json::schema())?;
    write("schema/upgrades-v1.json", &format!("{schema}\n"))
}

fn write(path: &str, text: &str) -> anyhow::Result<()> {
    let path = root().join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

const ROLE_HEAD: &str = "# Made by `cargo xtask codegen` from `pavisade scan --print-rbac`.\n";
const HEAD: &str = "<!-- Made by `cargo xtask codegen`. -->\n";

fn page(entry: &Entry) -> String {
    let meta = entry.meta();
    let mut page =
        format!("{HEAD}# {}: {}\n\n{}\n\n", meta.rule.id, meta.rule.name, meta.rule.title);
    let _ = writeln!(page, "| severity | confidence | area | scope | audience | mends |");
    let _ = writeln!(page, "| --- | --- | --- | --- | --- | --- |");
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} | {} |",
        meta.rule.severity.name(),
        meta.rule.confidence.name(),
        meta.rule.area.name(),
        meta.scope.name(),
        meta.rule.audience.name(),
        meta.rule.fixable.name()
    );
    let _ = write!(page, "\n## Why\n\n{}\n\n## Fix\n\n{}\n", meta.rule.why, meta.rule.advice);
    let schema = serde_json::to_value(entry.schema()).unwrap_or_default();
    if let Some(parameters) = schema.get("properties").and_then(|p| p.as_object())
        && !parameters.is_empty()
    {
        let _ = write!(page, "\n## Parameters\n\n| name | default | what |\n| --- | --- | --- |\n");
        for (name, parameter) in parameters {
            let text = parameter.get("description").and_then(|d| d.as_str()).unwrap_or("");
            let default = parameter.get("default").map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, "| `{name}` | `{default}` | {} |", text.replace('\n', " "));
        }
    }
    if !meta.reads.is_empty() {
        let kinds: Vec<_> = meta.reads().map(|kind| format!("`{kind}`")).collect();
        let _ = write!(page, "\n## Reads besides its subject\n\n{}\n", kinds.join(", "));
    }
    page.push_str(&frameworks::of_check(&meta.rule.id));
    page
}

fn list() -> String {
    let mut text =
        format!("{HEAD}# The checks\n\n{} in all.\n", Catalog::builtin().entries().len());
    for area in Area::ALL {
        let _ = write!(
            text,
            "\n## {}\n\n| id | name | severity | what fails |\n| --- | --- | --- | --- |\n",
            capital(area.name())
        );
        let catalog = Catalog::builtin();
        for rule in catalog.entries().iter().map(Entry::rule).filter(|rule| rule.area == area) {
            let (id, name, severity) = (&rule.id, &rule.name, rule.severity.name());
            let _ = writeln!(
                text,
                "| [{id}](checks/{id}.md) | `{name}` | {severity} | {} |",
                rule.title
            );
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
