//! Paragraphs of fields: Debian control files (`deb-control(5)`) and the headers of Python metadata
//! (RFC 5322 as used by the core metadata specification).

/// A paragraph: its fields in order, and its first line, from 1.
#[derive(Debug, Default)]
pub(crate) struct Paragraph<'a> {
    pub line: u32,
    fields: Vec<(&'a str, Text<'a>)>,
}

/// A value: its first line and its continuation lines.
#[derive(Debug, Default)]
struct Text<'a> {
    first: &'a str,
    more: Vec<&'a str>,
}

impl<'a> Paragraph<'a> {
    /// Returns the first line of a field; names are case-insensitive.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Returns the first line of each field with that name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |(key, text): &(&str, Text<'a>)| {
            key.eq_ignore_ascii_case(name).then_some(text.first)
        };
        self.fields.iter().filter_map(named)
    }

    /// Returns the continuation lines of a field.
    pub(crate) fn continued(&self, name: &str) -> &[&'a str] {
        let found = self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, text)| &text.more)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// Returns the paragraphs of a text. The numbers of invalid lines are added to `odd`.
pub(crate) fn paragraphs<'a>(text: &'a str, odd: &mut Vec<u32>) -> Vec<Paragraph<'a>> {
    let (mut all, mut current) = (Vec::new(), Paragraph::default());
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            if !current.is_empty() {
                all.push(std::mem::take(&mut current));
            }
        } else if line.starts_with([' ', '\t']) {
            match current.fields.last_mut() {
                Some((_, text)) => text.more.push(line.trim()),
                None => odd.push(number),
            }
        } else if let Some((key, value)) = line.split_once(':') {
            if current.is_empty() {
                current.line = number;
            }
            current.fields.push((key.trim_end(), Text { first: value.trim(), more: Vec::new() }));
        } else {
            odd.push(number);
        }
    }
    if !current.is_empty() {
        all.push(current);
    }
    all
}
