//! Text as HTML: escaping, and the Markdown subset of checks.

use crate::text::clean;

/// Escapes untrusted text for an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Renders one line: text between backticks is code.
pub(crate) fn line(text: &str) -> String {
    let cleaned = clean(text);
    let parts: Vec<_> = cleaned.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        match (i % 2, paired || i + 1 < parts.len()) {
            (1, true) => out.push_str(&format!("<code>{}</code>", escape(part))),
            (1, false) => out.push_str(&format!("`{}", escape(part))),
            _ => out.push_str(&escape(part)),
        }
    }
    out
}

/// Renders paragraphs, lists with `-`, and fenced or indented code.
pub(crate) fn markdown(text: &str) -> String {
    let (mut out, mut paragraph, mut items) = (String::new(), String::new(), Vec::<String>::new());
    let mut code: Option<String> = None;
    for row in text.trim().lines().chain([""]) {
        if row.trim_start().starts_with("```") {
            flush(&mut out, &mut paragraph, &mut items);
            match code.take() {
                Some(lines) => out.push_str(&block(&lines)),
                None => code = Some(String::new()),
            }
        } else if let Some(lines) = &mut code {
            lines.push_str(row);
            lines.push('\n');
        } else if let Some(item) = row.trim_start().strip_prefix("- ") {
            if items.is_empty() {
                flush(&mut out, &mut paragraph, &mut items);
            }
            items.push(item.to_owned());
        } else if row.trim().is_empty() {
            flush(&mut out, &mut paragraph, &mut items);
        } else if let Some(last) = items.last_mut() {
            last.push(' ');
            last.push_str(row.trim());
        } else {
            paragraph.push_str(row.trim());
            paragraph.push(' ');
        }
    }
    if let Some(lines) = code {
        out.push_str(&block(&lines));
    }
    out
}

fn block(lines: &str) -> String {
    let rows: Vec<_> = lines.lines().map(|row| escape(&clean(row))).collect();
    format!("<pre>{}</pre>", rows.join("\n"))
}

fn flush(out: &mut String, paragraph: &mut String, items: &mut Vec<String>) {
    if !paragraph.is_empty() {
        out.push_str(&format!("<p>{}</p>", line(paragraph.trim())));
        paragraph.clear();
    }
    if !items.is_empty() {
        let items: String = items.drain(..).map(|i| format!("<li>{}</li>", line(&i))).collect();
        out.push_str(&format!("<ul>{items}</ul>"));
    }
}
