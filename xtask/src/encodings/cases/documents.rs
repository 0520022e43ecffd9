//! The surroundings of a pod, and the encodings of a text.

/// A name, and the transformation of a pod's text.
type Wrap = (&'static str, fn(&str) -> String);
type Encoding = (&'static str, fn(&str) -> Vec<u8>);

const LIST: &str = "apiVersion: v1\nkind: List\n";

pub(super) const WRAPS: &[Wrap] = &[
    ("List", |pod| format!("{LIST}items:\n{}", item(pod, 0))),
    ("escaped List", |pod| {
        let head = "\"\\x61piVersion\": v1\n\"\\x6bind\": \"L\\x69st\"\n\"\\x69tems\":";
        format!("{head}\n{}", item(pod, 0))
    }),
    ("List in a List", |pod| {
        format!("{LIST}items:\n- apiVersion: v1\n  kind: List\n  items:\n{}", item(pod, 2))
    }),
    ("PodList", |pod| format!("apiVersion: v1\nkind: PodList\nitems:\n{}", item(pod, 0))),
    ("own kind", |pod| format!("apiVersion: a.b/v1\nkind: Bundle\nitems:\n{}", item(pod, 0))),
    ("behind another", |pod| {
        format!("{LIST}items:\n- {{apiVersion: v1, kind: Secret}}\n{}", item(pod, 0))
    }),
    ("before a wrong one", |pod| format!("{LIST}items:\n{}- {{kind: Secret}}\n", item(pod, 0))),
    ("alias", |pod| {
        format!("x:\n{}{LIST}items: [*i]\n", item(pod, 0).replacen("- ", "- &i\n  ", 1))
    }),
    ("items by alias", |pod| format!("x: &l\n{}{LIST}items: *l\n", item(pod, 0))),
    ("items by merge", |pod| format!("<<:\n  items:\n{}{LIST}", item(pod, 2))),
    ("type by merge", |pod| {
        format!("<<: {{\"\\x61piVersion\": v1, kind: List}}\nitems:\n{}", item(pod, 0))
    }),
];

/// Returns the text as an element of a list.
fn item(pod: &str, indent: usize) -> String {
    let blanks = " ".repeat(indent);
    let line = |(at, line): (usize, &str)| match (at, line) {
        (0, line) => format!("{blanks}- {line}\n"),
        (_, "") => "\n".to_owned(),
        (_, line) => format!("{blanks}  {line}\n"),
    };
    pod.lines().enumerate().map(line).collect()
}

pub(super) const LINE_ENDS: &[(&str, &str)] =
    &[("LF", "\n"), ("CRLF", "\r\n"), ("CR", "\r"), ("NEL", "\u{85}"), ("LS", "\u{2028}")];

pub(super) const ENCODINGS: &[Encoding] = &[
    ("UTF-8", |text| text.into()),
    ("UTF-8 with mark", |text| format!("\u{feff}{text}").into()),
    ("UTF-16LE with mark", |text| wide(&format!("\u{feff}{text}"), u16::to_le_bytes)),
    ("UTF-8 with two marks", |text| format!("\u{feff}\u{feff}{text}").into()),
    ("UTF-8 and an invalid byte", |text| [text.as_bytes(), b"\n# \xFF\n"].concat()),
    ("UTF-16LE", |text| wide(text, u16::to_le_bytes)),
    ("UTF-16BE with mark", |text| wide(&format!("\u{feff}{text}"), u16::to_be_bytes)),
    ("UTF-16LE and half a unit", |text| {
        [wide(&format!("\u{feff}{text}\n#"), u16::to_le_bytes), vec![b'x']].concat()
    }),
    ("UTF-32LE", |text| widest(&format!("\u{feff}{text}"), u32::to_le_bytes)),
    ("UTF-32BE", |text| widest(&format!("\u{feff}{text}"), u32::to_be_bytes)),
];

fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn widest(text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
    text.chars().flat_map(|character| bytes(u32::from(character))).collect()
}

/// A name, and the text before and after the pod.
pub(super) const DOCUMENTS: &[(&str, &str, &str)] = &[
    ("start", "---\n", ""),
    ("start with comment", "--- # c\n", ""),
    ("start with blanks", "---  \t\n", ""),
    ("start with text", "--- x\n", ""),
    ("start with a tag", "--- !!map\n", ""),
    ("two starts", "---\n---\n", ""),
    ("end", "", "\n...\n"),
    ("end with comment", "", "\n... # c\n"),
    ("start and end", "---\n", "\n...\n---\n"),
    ("behind an end", "...\n", ""),
    ("behind an end of another", "a: 1\n...\n---\n", ""),
    ("behind an end without start", "a: 1\n...\n", ""),
    ("before dropped text", "", "\n...\na: 1\n"),
    ("behind another", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\n", ""),
    ("behind somebody's", "a: 1\n---\n", ""),
    ("behind a scalar", "text\n---\n", ""),
    ("behind a list", "- 1\n---\n", ""),
    ("behind null", "~\n---\n", ""),
    ("behind comments", "# a\n---\n# b\n---\n\n---\n", ""),
    ("behind a broken one", "a: [\n---\n", ""),
    ("behind a template", "a: {{ b }}\n---\n", ""),
    ("behind a template action", "a: '{{ b }}'\n---\n", ""),
    ("behind NUL", "a: \0\n---\n", ""),
    ("before another", "", "\n---\na: 1\n"),
    ("before a broken one", "", "\n---\na: [\n"),
    ("before a template", "", "\n---\na: {{ b }}\n"),
    ("before NUL", "", "\n---\na: \0\n"),
    ("before a start with NUL", "", "\n---\0\n"),
    ("before a bad start", "", "\n--- x\na: 1\n"),
    ("before another and a bad start", "", "\n---\na: 1\n--- x\na: 1\n"),
    ("before JSON", "", "\n{\"a\": 1}\n"),
    ("behind JSON", "{\"a\": 1}\n", ""),
    ("behind JSON and a start", "{\"a\": 1}\n---\n", ""),
    ("behind two values", "{\"a\": 1}{\"b\": 2}\n", ""),
    ("behind two values and a start", "{\"a\": 1}{\"b\": 2}\n---\n", ""),
    ("directive", "%YAML 1.1\n---\n", ""),
    ("directive behind a start", "---\n%YAML 1.1\n---\n", ""),
    ("blank lines", "\n\n\t\n", "\n\n"),
    ("form feed", "\u{c}\n", ""),
    ("mark in a later document", "a: 1\n---\n\u{feff}", ""),
    ("no-break space", "\u{a0}\n---\n", ""),
];
