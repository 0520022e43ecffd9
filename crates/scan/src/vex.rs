//! Applies statements of VEX documents to vulnerabilities.

use std::collections::HashMap;

use pavisade_model::{Built, Finding, Note, Subject, repository};
use pavisade_packages::Purl;
use pavisade_vex::{Claims, Document, Target};

/// Findings after applying statements.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub findings: Vec<Finding>,
    /// Findings closed by statements.
    pub dismissed: Vec<Finding>,
    pub notes: Vec<Note>,
}

/// Returns the package URL of the source package of a Debian package (`arch=source`).
fn source(purl: &Purl, built: &Built) -> Option<Purl> {
    if purl.kind() != "deb" {
        return None;
    }
    let others = purl.qualifiers().filter(|(key, _)| *key != "arch");
    let qualifiers = others.chain([("arch", "source")]);
    let qualifiers = qualifiers.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Purl::new("deb", purl.namespace(), &built.name, &built.version, qualifiers, "").ok()
}

/// Applies statements to findings, whose order is kept.
pub(crate) fn apply(findings: Vec<Finding>, documents: &[Document]) -> Said {
    if documents.is_empty() {
        return Said { findings, ..Said::default() };
    }
    let mut claims = Claims::new(documents);
    let mut purls: HashMap<String, Option<Purl>> = HashMap::new();
    let mut said = Said::default();
    for mut finding in findings {
        let Some(found) = &mut finding.vulnerability else {
            said.findings.push(finding);
            continue;
        };
        let ids: Vec<_> = [found.advisory.id.as_str()]
            .into_iter()
            .chain(found.advisory.aliases.iter().map(String::as_str))
            .collect();
        let (purl, version) = match &finding.subject {
            Subject::Package { purl, version, .. } => (&**purl, &**version),
            _ => ("", ""),
        };
        let purl = purls.entry(purl.to_owned()).or_insert_with(|| purl.parse().ok());
        let (image, digest) = match finding.subject.whole() {
            Subject::Image { name, digest } => (&**name, &**digest),
            Subject::Artifact { name } => (&**name, ""),
            _ => ("", ""),
        };
        let source =
            purl.as_ref().zip(found.built.as_deref()).and_then(|(purl, built)| source(purl, built));
        let target = Target {
            ids: &ids,
            purl: purl.as_ref(),
            source: source.as_ref(),
            version,
            image,
            repository: repository(image),
            digest,
        };
        let statement = claims.decide(&target).cloned();
        let closes = statement.as_ref().is_some_and(|statement| statement.status.closes());
        found.statement = statement;
        if closes { said.dismissed.push(finding) } else { said.findings.push(finding) }
    }
    said.notes = claims.notes();
    said
}
