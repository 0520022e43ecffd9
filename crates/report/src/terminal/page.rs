//! The page that is written to, and formatting of places and labels.

use std::io::{self, Write};

use anstyle::Style;
use pavisade_model::{Finding, Location, Subject};

use super::style::{self, FRAME, PLAIN};
use crate::mask;
use crate::region::Regions;
use crate::text::{clean, cut, width, wrap};
use crate::{Options, message};

/// A page of text.
pub(crate) struct Page<'o> {
    pub options: &'o Options,
    pub width: usize,
    /// The locations of findings.
    pub regions: Regions,
    out: &'o mut dyn Write,
    text: String,
}

impl<'o> Page<'o> {
    pub(crate) fn new(options: &'o Options, out: &'o mut dyn Write) -> Self {
        let regions = Regions::new(&[]);
        Self { options, width: options.width.max(40), regions, out, text: String::new() }
    }

    /// Writes the text so far to the output.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    /// Appends text in a style.
    pub(crate) fn put(&mut self, style: Style, text: &str) -> &mut Self {
        // Names of objects are untrusted and must not control the terminal.
        self.text.push_str(&style::paint(self.options.color, style, &clean(text)));
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        let trimmed = self.text.trim_end_matches(' ').len();
        self.text.truncate(trimmed);
        self.text.push('\n');
    }

    /// Appends blanks.
    pub(crate) fn gap(&mut self, columns: usize) -> &mut Self {
        self.text.extend(std::iter::repeat_n(' ', columns));
        self
    }

    /// Appends wrapped text to a line with `used` columns. Further lines are indented by `indent`.
    pub(crate) fn wrapped(&mut self, style: Style, text: &str, used: usize, indent: usize) {
        let lines = wrap(text, self.width.saturating_sub(used), self.width.saturating_sub(indent));
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                self.gap(indent);
            }
            self.put(style, line).end();
        }
    }

    /// Writes `label[ID] name: text`.
    pub(crate) fn header(&mut self, style: Style, label: &str, rest: (&str, &str)) {
        let (name, text) = rest;
        self.put(style, label);
        let mut used = width(label);
        if !name.is_empty() {
            self.put(PLAIN, " ").put(style::STRONG, name);
            used += 1 + width(name);
        }
        self.put(PLAIN, ": ");
        self.wrapped(style::STRONG, &cut(&clean(text), 2000), used + 2, 2);
    }

    /// Writes ` = why: text`, with the sign below the bars.
    pub(crate) fn remark(&mut self, gutter: usize, (style, label): (Style, &str), text: &str) {
        if text.is_empty() {
            return;
        }
        let indent = gutter + 4 + width(label) + 1;
        self.gap(gutter + 1).put(FRAME, "= ").put(style, label).put(PLAIN, " ");
        self.wrapped(PLAIN, &cut(&clean(text), 4000), indent - 1, indent - 1);
    }

    /// Writes ` --> path:1:2 · subject`.
    pub(crate) fn arrow(&mut self, gutter: usize, place: &str, subject: &str) {
        self.gap(gutter).put(FRAME, "--> ").put(PLAIN, place);
        let indent = gutter + 4;
        if subject.is_empty() {
            self.end();
        } else if indent + width(place) + 3 + width(subject) <= self.width {
            self.put(style::DIM, " · ").put(style::DIM, subject).end();
        } else {
            self.end();
            self.gap(indent).wrapped(style::DIM, subject, indent, indent);
        }
    }
}

/// Returns the location of a finding in a form that terminals make clickable: `path:line:column`.
pub(crate) fn place(page: &Page<'_>, finding: &Finding) -> String {
    match &finding.location {
        Location::Text { source, span, .. } => {
            let (line, column) = page.regions.start(source, span);
            format!("{}:{line}:{column}", clean(&source.shown()))
        }
        Location::Field { .. } => cut(&clean(&finding.subject.label()), 200).into_owned(),
        Location::Layer { image, path, .. } => {
            cut(&format!("{}:/{}", clean(image), clean(path)), 200).into_owned()
        }
        Location::None if finding.world.is_none() => {
            cut(&clean(&finding.subject.whole().label()), 200).into_owned()
        }
        Location::None => match finding.world() {
            "" | "." => "everything here".to_owned(),
            world => format!("all of {}", cut(&clean(world), 200)),
        },
    }
}

/// Formats a field of an object in a cluster with its value: `spec.hostNetwork: true`.
fn field(finding: &Finding, path: &str, value: Option<&str>) -> String {
    let path = cut(&clean(path), 400).into_owned();
    match value {
        Some(_) if mask::is_secret(finding) => format!("{path}: {}", mask::MASK),
        Some(value) => format!("{path}: {}", cut(&clean(value), 120)),
        None => path,
    }
}

/// Returns the subject of a finding, and its world if there are several. Empty if the place
/// contains it.
///
/// With `container`, the container is included even if the message contains it.
pub(crate) fn subject(finding: &Finding, worlds: bool, container: bool) -> String {
    let mut label = match &finding.subject {
        _ if let Location::Field { path, value } = &finding.location => {
            field(finding, path, value.as_deref())
        }
        Subject::World { .. }
        | Subject::Image { .. }
        | Subject::Artifact { .. }
        | Subject::Endpoint { .. }
            if matches!(finding.location, Location::None) =>
        {
            return String::new();
        }
        // The place contains it.
        Subject::File { .. } if matches!(finding.location, Location::Layer { .. }) => {
            return String::new();
        }
        // The place contains its holder.
        subject if finding.world.is_none() => subject.name(),
        subject => subject.label(),
    };
    // Most messages contain the container.
    if let Some(name) = finding.subject.container()
        && (container || !message::of(finding).contains(&format!("`{name}`")))
    {
        label = format!("{label} · container {name}");
    }
    let told = match &finding.location {
        Location::Text { source, .. } => source.shown().starts_with(finding.world()),
        Location::Field { .. } | Location::Layer { .. } | Location::None => false,
    };
    if worlds && !told && !matches!(finding.world(), "" | ".") {
        label = format!("{label} · in {}", finding.world());
    }
    cut(&clean(&label), 200).into_owned()
}
