//! XML documents, within what `roxmltree` takes in linear time.

use pavisade_yaml::Source;
use roxmltree::{Document, Node, ParsingOptions};

use crate::contents::Problem;

/// Nodes of one document: each takes a hundred bytes.
const MAX_NODES: u32 = 1 << 20;
/// Declarations of namespaces: those of all outer elements are copied for each.
const MAX_NAMESPACES: usize = 64;
/// Attributes of one element: each is compared with all before it.
const MAX_ATTRIBUTES: usize = 1000;

/// Reads a document without a document type.
pub(super) fn document(text: &str) -> Result<Document<'_>, Problem> {
    if text.match_indices("xmlns").nth(MAX_NAMESPACES).is_some() {
        let message = format!("the XML has more than {MAX_NAMESPACES} namespaces");
        return Err(Problem::whole(message));
    }
    if text.split('<').any(|tag| attributes(tag) > MAX_ATTRIBUTES) {
        let message = format!("an XML element has more than {MAX_ATTRIBUTES} attributes");
        return Err(Problem::whole(message));
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options)
        .map_err(|error| Problem::at(error.pos().row, format!("not XML: {error}")))
}

/// At least so many attributes has a tag: equal signs before a quote.
fn attributes(tag: &str) -> usize {
    let values = tag.split('=').skip(1);
    values.filter(|value| value.trim_start().starts_with(['"', '\''])).count()
}

/// Lines of a document's nodes.
pub(super) struct Lines(Source);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(Source::new("", text))
    }

    /// The line that an element begins at.
    pub(super) fn of(&self, node: Node<'_, '_>) -> u32 {
        self.0.line_at(u32::try_from(node.range().start).unwrap_or(u32::MAX))
    }
}

/// Elements of a name, in whatever namespace.
pub(super) fn elements<'a, 'i>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |node| node.tag_name().name() == name)
}

/// The text of an element inside; empty where there is none.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> &'a str {
    elements(node, name).next().and_then(|element| element.text()).unwrap_or("").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_refused() {
        let nested: String = (0..100).map(|i| format!("<a xmlns:a{i}='{i}'>")).collect();
        assert!(document(&nested).is_err_and(|p| p.message.contains("namespaces")));
        let many: String = (0..2000).map(|i| format!(" a{i}='>'")).collect();
        let text = format!("<a{many}/>");
        assert!(document(&text).is_err_and(|p| p.message.contains("attributes")));
        assert!(document("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_err());
        assert!(document("<a b='=' c = '1'/>").is_ok());
    }
}
