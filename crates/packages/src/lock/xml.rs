//! XML documents within limits that let `roxmltree` run in linear time.

use pavisade_yaml::Source;
use roxmltree::{Document, Node, ParsingOptions};

use crate::contents::Problem;

/// The largest number of nodes; each takes about a hundred bytes.
const MAX_NODES: u32 = 1 << 20;
/// The largest number of namespace declarations; each element copies those of its ancestors.
const MAX_NAMESPACES: usize = 64;
/// The largest number of attributes of one element; each is compared with all others.
const MAX_ATTRIBUTES: usize = 1000;

/// Parses a document without a document type declaration.
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

/// Returns a lower bound for the number of attributes of a tag: equal signs followed by a quote.
fn attributes(tag: &str) -> usize {
    let values = tag.split('=').skip(1);
    values.filter(|value| value.trim_start().starts_with(['"', '\''])).count()
}

/// The line numbers of a document's nodes.
pub(super) struct Lines(Source);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(Source::new("", text))
    }

    /// Returns the first line of an element.
    pub(super) fn of(&self, node: Node<'_, '_>) -> u32 {
        self.0.line_at(u32::try_from(node.range().start).unwrap_or(u32::MAX))
    }
}

/// Returns the child elements with a name in any namespace.
pub(super) fn elements<'a, 'i>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |node| node.tag_name().name() == name)
}

/// Returns the text of a child element, or an empty string.
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
