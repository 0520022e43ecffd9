//! Shapes and texts of the SVG.

use std::fmt::Write as _;

pub(super) fn curve(
    (ax, ay): (i32, i32),
    (bx, by): (i32, i32),
    colour: &str,
    width: f32,
    dashed: bool,
    label: &str,
    svg: &mut String,
) {
    let bend = ((bx - ax).abs() / 2).clamp(30, 160);
    let dash = if dashed { " stroke-dasharray=\"5 4\"" } else { "" };
    _ = writeln!(
        svg,
        "<path d=\"M{ax},{ay} C{},{ay} {},{by} {},{by}\" fill=\"none\" stroke=\"{colour}\" \
         stroke-width=\"{width}\" opacity=\"0.75\"{dash}><title>{}</title></path>",
        ax + bend,
        bx - bend,
        bx - 5,
        escape(label),
    );
    head((bx, by), colour, svg);
}

pub(super) fn head((x, y): (i32, i32), colour: &str, svg: &mut String) {
    _ = writeln!(svg, "<path d=\"M{x},{y} l-8,-4 v8 z\" fill=\"{colour}\"/>");
}

pub(super) fn legend(height: i32, svg: &mut String) {
    let y = height - 40;
    let items = [
        ("#dc2626", "reachable from outside, or an open store"),
        ("#f59e0b", "open to every pod in the cluster"),
        ("#16a34a", "only what is drawn connects to it"),
        ("#7c3aed", "in the network of its node"),
        ("#2563eb", "line from a whole namespace"),
    ];
    let mut x = 24;
    for (colour, text) in items {
        _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" rx=\"3\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{y}\" fill=\"#475569\">{text}</text>",
            y - 10,
            x + 18,
        );
        x += 40 + i32::try_from(text.len()).unwrap_or(0) * 13 / 2;
    }
    _ = writeln!(
        svg,
        "<text x=\"24\" y=\"{}\" font-size=\"11\" fill=\"#94a3b8\">Dashed lines are not certain. \
         Connections that every pod may make are not drawn as lines.</text>",
        y + 20
    );
}

/// Returns at most `most` characters of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Escapes text for XML, without characters that XML cannot represent.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in crate::one_line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
