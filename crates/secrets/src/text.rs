//! Secrets in embedded files, scripts and command lines.

use super::{Found, by_name, tokens};

/// Maximum length of a name and of a value in bytes: a line may contain millions of separators.
/// Longer values are cut.
const LONGEST_NAME: usize = 512;
const LONGEST_VALUE: usize = 2048;

/// The syntax of `name = value` in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML, JSON, properties, shell: an unquoted word is a value.
    Settings,
    /// A programming language: only quoted text is a value.
    Code,
}

impl Syntax {
    /// Returns the syntax by the file's name, otherwise by its first line.
    pub fn of(name: &str, text: &str) -> Self {
        const CODE: [&str; 24] = [
            "py", "js", "mjs", "ts", "jsx", "tsx", "lua", "go", "rb", "pl", "rs", "c", "h", "cs",
            "groovy", "java", "kt", "php", "rego", "tpl", "tmpl", "html", "md", "css",
        ];
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        let first = text.lines().next().unwrap_or("");
        let script = first.starts_with("#!") && !first.contains("sh");
        if CODE.contains(&extension) || script { Self::Code } else { Self::Settings }
    }
}

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'t> {
    /// The offset in the text.
    pub at: usize,
    /// The name of the setting. Empty if it was recognized by its format alone.
    pub name: &'t str,
    /// The type of secret.
    pub found: Found,
}

/// Maximum number of secrets reported per text.
const MOST: usize = 200;

/// Returns all secrets in a text.
pub fn find<'t>(text: &'t str, syntax: Syntax) -> Vec<Hit<'t>> {
    let mut hits: Vec<Hit<'_>> = Vec::new();
    let mut lines = Lines { text, at: 0, start: 0, comment: false };
    tokens::find(text, &mut |token| {
        if hits.len() >= MOST {
            return;
        }
        // A URL in a comment usually shows the format.
        if token.what != tokens::URL || !lines.in_comment(token.at) {
            hits.push(Hit { at: token.at, name: "", found: Found::Form(token.what) });
        }
    });
    let mut told: Vec<usize> = hits.iter().map(|hit| hit.at).collect();
    told.sort_unstable();
    let mut start = 0;
    // The name of an element whose text begins on the next line.
    let mut element = None;
    for line in text.split_inclusive('\n') {
        if !is_comment(line) {
            let inside = std::mem::replace(&mut element, open_element(line));
            pairs(line, inside, syntax, &mut |at, name, value| {
                // A token under a sensitive name is one secret, reported by its format.
                let from = value.as_ptr() as usize - text.as_ptr() as usize;
                let next = told.get(told.partition_point(|at| *at < from));
                if hits.len() < MOST
                    && next.is_none_or(|at| *at > from + value.len())
                    && let Some(found) = by_name(name, value)
                {
                    hits.push(Hit { at: start + at, name, found });
                }
            });
        }
        start += line.len();
    }
    hits.sort_by_key(|h| h.at);
    hits
}

/// Determines whether offsets, queried in order, are in comments. A line may have megabytes.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    start: usize,
    comment: bool,
}

impl Lines<'_> {
    fn in_comment(&mut self, at: usize) -> bool {
        let seen = if at < self.at { 0 } else { self.at };
        let newline = memchr::memrchr(b'\n', self.text.as_bytes().get(seen..at).unwrap_or(&[]));
        if let Some(newline) = newline {
            self.start = seen + newline + 1;
        } else if seen == 0 {
            self.start = 0;
        }
        if newline.is_some() || seen == 0 {
            self.comment = is_comment(self.text.get(self.start..at).unwrap_or(""));
        }
        self.at = at;
        self.comment
    }
}

/// Whether a line is a comment.
pub(super) fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "// ", ";", "<!--", "* ", "-- ", "/*", "%"].iter().any(|mark| line.starts_with(mark))
}

/// Finds every `name = value` and `name: value` in a line.
fn pairs<'t>(
    line: &'t str,
    element: Option<&'t str>,
    syntax: Syntax,
    each: &mut dyn FnMut(usize, &'t str, &'t str),
) {
    if let Some((name, value)) = without_sign(line) {
        each(0, name, value);
        return;
    }
    if let Some(name) = element {
        let value = line.trim();
        if !value.is_empty() && !value.starts_with('<') && !value.contains(char::is_whitespace) {
            each(0, name, value);
            return;
        }
    }
    signs(line, &mut |at, name, sep| {
        if !super::is_telling(name) {
            return;
        }
        let bytes = line.as_bytes();
        let blank = |i: usize| bytes.get(i).is_none_or(|b| *b == b' ');
        // `NAME=value command`: the command is not part of the value.
        let tight = bytes[sep] == b'=' && !blank(sep - 1) && !blank(sep + 1);
        let far = line.floor_char_boundary(sep + 1 + LONGEST_VALUE);
        // For the next argument of a call, and after `=>`, only quoted text is a value.
        let arrow = usize::from(bytes.get(sep + 1) == Some(&b'>'));
        let quoted_only = bytes[sep] == b',' || arrow > 0;
        let syntax = if quoted_only { Syntax::Code } else { syntax };
        if let Some(value) = value_after(&line[sep + 1 + arrow..far], syntax, tight) {
            each(at, name, value);
        }
    });
}

/// Finds every `=` and `:` after a name, and the comma in `(\"NAME\", …`. Calls `each` with the
/// offset of the name, the name, and the offset of the separator.
pub(super) fn signs<'t>(line: &'t str, each: &mut dyn FnMut(usize, &'t str, usize)) {
    let bytes = line.as_bytes();
    for sep in memchr::memchr3_iter(b'=', b':', b',', bytes) {
        let before = sep.checked_sub(1).map_or(b' ', |i| bytes[i]);
        let after = bytes.get(sep + 1).copied().unwrap_or(b' ');
        let quoted = matches!(before, b'"' | b'\'');
        if bytes[sep] == b',' && !(quoted && is_first_argument(&bytes[..sep])) {
            continue;
        }
        // `"name" => value` has its name in quotes or after a blank; an arrow function has neither.
        let is_arrow = bytes[sep] == b'=' && after == b'>';
        if is_arrow && !matches!(bytes.get(sep + 2), Some(b' ' | b'"' | b'\'')) {
            continue;
        }
        // Comparisons, `::`, `://`, the first half of `:=`.
        if matches!(before, b'=' | b'!' | b'<' | b'>' | b'~')
            || matches!(after, b'=' | b'~' | b':')
            || after == b'>' && !is_arrow
            || bytes[sep] == b':' && (before == b':' || after == b'/')
        {
            continue;
        }
        let near = line.floor_char_boundary(sep.saturating_sub(LONGEST_NAME));
        let head = line[near..sep].trim_end_matches([' ', '\t', ':', '+', '?', '.']);
        let (name, at) = name_before(head);
        // In Go, the type follows the name: `var token string = "…"`.
        let (name, at) = match name {
            "string" if bytes[sep] == b'=' => name_before(head[..at].trim_end()),
            _ => (name, at),
        };
        // `checksum/my-secret` is the name of an annotation.
        let at = near + at;
        if !name.is_empty() && !line[..at].ends_with('/') {
            each(at, name, sep);
        }
    }
}

/// Whether quoted text that ends here is the first argument of a call: `("name"`.
fn is_first_argument(head: &[u8]) -> bool {
    let Some((quote, inner)) = head.split_last() else { return false };
    let inner = &inner[inner.len().saturating_sub(LONGEST_NAME)..];
    memchr::memrchr(*quote, inner).is_some_and(|at| at > 0 && inner[at - 1] == b'(')
}

/// Returns the name of an element that a line opens and does not close: `<password>`.
fn open_element(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix('<')?.strip_suffix('>')?;
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

/// Matches `<password>…</password>`, .NET's `<add key="Password" value="…" />`, and `requirepass …`
/// of Redis.
fn without_sign(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if let Some(entry) = line.strip_prefix("<add key=\"") {
        let (name, rest) = entry.split_once('"')?;
        let (value, _) = rest.trim_start().strip_prefix("value=\"")?.split_once('"')?;
        return Some((name, value));
    }
    if let Some(element) = line.strip_prefix('<') {
        let (name, rest) = element.split_once('>')?;
        let (value, _) = rest.split_once("</")?;
        return (!name.contains([' ', '='])).then_some((name, value));
    }
    let (name, value) = line.split_once(' ')?;
    matches!(name, "requirepass" | "masterauth").then(|| (name, value.trim_matches([' ', '"'])))
}

/// Returns the name at the end of a text without quotes, and its offset.
fn name_before(head: &str) -> (&str, usize) {
    let end = head.trim_end_matches(['"', '\'', '\\', ']']);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let length = end.as_bytes().iter().rev().take_while(|b| is_name(b)).count();
    let name = end[end.len() - length..].trim_start_matches('-');
    (name, end.len() - name.len())
}

/// Returns the value at the start of a text: quoted text, or the first word.
fn value_after(tail: &str, syntax: Syntax, tight: bool) -> Option<&str> {
    let tail = tail.trim_start_matches([' ', '\t']).trim_end_matches(['\n', '\r']);
    if let Some((rest, quote)) = quoted(tail) {
        let end = rest.find(quote)?;
        // `"a" + b` is assembled from parts.
        let more = rest[end + quote.len()..].trim_start();
        let whole = !more.starts_with(['+', '.', '%', '[', '(']);
        return whole.then_some(&rest[..end]);
    }
    if syntax == Syntax::Code {
        return None;
    }
    let (word, rest) = tail.split_at(tail.find(ENDS).unwrap_or(tail.len()));
    // The end of a line in text that is quoted as a whole.
    let end = word.find("\\n").or_else(|| word.find("\\r")).unwrap_or(word.len());
    let (word, rest) = if end < word.len() { (&word[..end], "") } else { (word, rest) };
    let prose = word.len() < 8 || word.bytes().all(|b| b.is_ascii_alphabetic());
    (tight || !prose || !goes_on(rest)).then_some(word)
}

/// Characters that end an unquoted value.
const ENDS: [char; 9] = [' ', '\t', ',', ';', '"', '\'', '`', '&', '}'];

/// Like `value_after`, for masking: the value is hidden whatever follows. Only a word of letters
/// that begins a sentence is not a value.
pub(super) fn masked_value(tail: &str, may_be_prose: bool) -> Option<&str> {
    const BRACKETS: [(&str, &str); 5] =
        [("{{", "}}"), ("{", "}"), ("${", "}"), ("$(", ")"), ("<", ">")];
    let tail = tail.trim_start_matches([' ', '\t']).trim_end_matches(['\n', '\r']);
    if let Some((rest, quote)) = quoted(tail) {
        return Some(&rest[..rest.find(quote).unwrap_or(rest.len())]);
    }
    // A template is one value including blanks, and so is the scheme in `{SSHA}…`.
    let near = &tail[..tail.floor_char_boundary(LONGEST_VALUE)];
    let template = BRACKETS.iter().find(|(open, _)| tail.starts_with(open));
    let template = template.and_then(|(_, close)| Some(near.find(close)? + close.len()));
    let from = template.filter(|_| !is_map(tail)).unwrap_or(0);
    let end = tail[from..].find(ENDS).map_or(tail.len(), |end| from + end);
    let (word, rest) = tail.split_at(end);
    let prose = may_be_prose
        && rest.starts_with(' ')
        && word.trim_end_matches('.').chars().all(|c| c.is_alphabetic() || c == '\n');
    (!prose || !goes_on(rest)).then_some(word)
}

/// Whether the value is `{}`, `{name: …`, or a map with entries on the lines below.
pub(super) fn is_map(value: &str) -> bool {
    let Some(inner) = value.strip_prefix('{') else { return false };
    let inner = inner.trim_start_matches([' ', '\t', '\n', '"', '\'', '\\']);
    if let Some(rest) = inner.strip_prefix('}') {
        return !rest.starts_with(char::is_alphanumeric);
    }
    let is_name = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let rest = inner.trim_start_matches(is_name);
    let named = rest.len() < inner.len();
    inner.is_empty() || named && rest.trim_start_matches(['"', '\'', '\\', ' ']).starts_with(':')
}

/// Returns the text after an opening quote, and the quote.
fn quoted(text: &str) -> Option<(&str, &'static str)> {
    ["\\\"", "\"", "'", "`"].into_iter().find_map(|quote| Some((text.strip_prefix(quote)?, quote)))
}

/// Whether a text continues after a word, like prose and code. Comments and further settings do not
/// count.
fn goes_on(rest: &str) -> bool {
    let rest = rest.trim_start();
    !rest.is_empty()
        && !rest.starts_with(['#', ',', ';', '}', '"', '\'', '&', '|', '\\', '-'])
        && !rest.bytes().take(80).take_while(|b| *b != b' ').any(|b| b == b'=')
}

/// Finds secrets in a command line. Calls `each` with the index of the word, the name, and the
/// type.
pub fn find_in_words<'t>(words: &[&'t str], each: &mut dyn FnMut(usize, &'t str, Found)) {
    let program = program(words);
    for (index, word) in words.iter().enumerate() {
        for hit in find(word, Syntax::Settings) {
            each(index, hit.name, hit.found);
        }
        if word.contains(char::is_whitespace) {
            script(word, &mut |name, found| each(index, name, found));
        } else if let Some((name, found)) = flag(program, word, words.get(index + 1).copied()) {
            each(index, name, found);
        }
    }
}

/// Finds secrets in the commands of a shell script. Assignments are found as in any text.
fn script<'t>(text: &'t str, each: &mut dyn FnMut(&'t str, Found)) {
    // A line that ends with a backslash continues.
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !is_comment(line)) {
        for (i, command) in line.split(['|', ';', '&', '(', ')']).enumerate() {
            if i > 0 {
                commands(&mut words, each);
            }
            let of_line =
                command.split_whitespace().map(|w| w.trim_matches(['"', '\'', '\\', '`']));
            words.extend(of_line.filter(|word| !word.is_empty()));
        }
        if !line.trim_end().ends_with('\\') {
            commands(&mut words, each);
        }
    }
    commands(&mut words, each);
}

fn commands<'t>(words: &mut Vec<&'t str>, each: &mut dyn FnMut(&'t str, Found)) {
    let program = program(words);
    for (index, word) in words.iter().enumerate() {
        if let Some((name, found)) = flag(program, word, words.get(index + 1).copied()) {
            each(name, found);
        }
    }
    words.clear();
}

/// Returns the program of a command: the first word that is not an assignment or a shell keyword.
fn program<'t>(words: &[&'t str]) -> &'t str {
    const SHELL_WORDS: [&str; 14] = [
        "if", "then", "else", "elif", "while", "until", "do", "!", "exec", "export", "sudo", "env",
        "time", "set",
    ];
    let mut names = words.iter().map(|word| word.rsplit('/').next().unwrap_or(word));
    names.find(|name| !name.contains('=') && !SHELL_WORDS.contains(name)).unwrap_or("")
}

/// Matches a flag whose secret value is the next word or follows the flag's letter.
fn flag<'t>(program: &str, word: &'t str, next: Option<&'t str>) -> Option<(&'t str, Found)> {
    if !word.starts_with('-') || word.contains('=') {
        return None;
    }
    let next = next.filter(|w| !w.starts_with('-'));
    let name = word.trim_start_matches('-');
    let is_literal = |value: &str| super::is_literal(value) && !value.contains('$');
    let password = match program {
        "curl" | "wget" if matches!(word, "-u" | "--user") => next?.split_once(':')?.1,
        "mysql" | "mysqladmin" | "mysqldump" | "mariadb" | "mariadb-admin" | "mariadb-dump"
            if word.len() > 2 && word.starts_with("-p") =>
        {
            &word[2..]
        }
        "redis-cli" if word == "-a" => next?,
        _ => return Some((name, by_name(name, next?.trim_matches(['"', '\'', '\\']))?)),
    };
    let is_word = super::values::is_literal_password(password);
    (is_literal(password) && is_word).then_some((name.get(..1)?, Found::Named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, syntax: Syntax) -> Vec<(&str, Found)> {
        find(text, syntax).into_iter().map(|hit| (hit.name, hit.found)).collect()
    }

    #[test]
    fn settings_of_many_syntaxes_are_found() {
        for text in [
            "password: hunter2",
            "  password: \"hunter2\"  # comment",
            "{\"user\":\"a\",\"password\":\"hunter2\",\"b\":1}",
            "{\\\"password\\\": \\\"hunter2\\\"}",
            "db.password=hunter2",
            "password = hunter2",
            "export PGPASSWORD='hunter2'",
            "host=db password=hunter2 user=a",
            "Server=db;User Id=a;Password=hunter2;",
            "requirepass hunter2",
            "<password>hunter2</password>",
            "<entry user=\"a\" password=\"hunter2\"/>",
            "<password>\n    hunter2\n</password>",
            "<add key=\"Password\" value=\"hunter2\" />",
            "System.setProperty(\"db.password\", \"hunter2\")",
            "$password .= \"hunter2\";",
            "var password string = \"hunter2\"",
            "password := `hunter2`",
            "  'password' => 'hunter2',",
            "{\"a.ini\": \"PASSWORD=hunter2\\nUSER=me\"}",
        ] {
            let found = names(text, Syntax::Settings);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].1, Found::Named, "{text}");
        }
        assert_eq!(names("x = connect(password='hunter2')", Syntax::Code).len(), 1);
        for text in [
            "names = [\"password\", \"hunter2\"]",
            "call(\"password\", value)",
            "f = (password) => hash(password)",
            "if password >= \"hunter2\" {",
            "<password>\n  <value>hunter2</value>\n</password>",
            "x-csrf-token: q7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9u",
        ] {
            assert_eq!(names(text, Syntax::Settings), [], "{text}");
        }
    }

    #[test]
    fn a_line_of_many_signs_and_beginnings_is_read_once() {
        for part in
            ["password=", ": ", "eyJ.", "glpat-.", "-----BEGIN RSA PRIVATE KEY-----", "@tcp("]
        {
            // A value that ends at the end of the line is short enough.
            assert!(names(&part.repeat(20_000), Syntax::Settings).len() < 50, "{part}");
        }
        assert_eq!(names(&"password=hunter2 \n".repeat(20_000), Syntax::Settings).len(), MOST);
    }

    #[test]
    fn comments_templates_comparisons_and_code_are_none() {
        for text in [
            "# password: hunter2",
            "password:",
            "password: |",
            "password: ${PASSWORD}",
            "password: {{ .Values.password }}",
            "password=$(cat /run/password)",
            "if [ \"$PASSWORD\" == \"hunter2x\" ]; then",
            "password_file: /run/secrets/a",
            "the password: it is asked for later",
            "checksum/db-secret: d8397b2817280a0d838fafb8d530adcd4e6c957cdd7bb736ece01889ffa697eb",
            "# see https://user:hunter2@db.internal/",
        ] {
            assert_eq!(names(text, Syntax::Settings), [], "{text}");
        }
        for text in ["password = config.password", "token := next", "a = \"x\" + password"] {
            assert_eq!(names(text, Syntax::Code), [], "{text}");
        }
    }

    #[test]
    fn command_lines_are_read_by_flags_and_programs() {
        let found = |words: &[&str]| {
            let mut found = Vec::new();
            find_in_words(words, &mut |index, _, _| found.push(index));
            found
        };
        for (words, expected) in [
            (&["a", "--password", "hunter2"][..], &[1][..]),
            (&["a", "--password=hunter2"], &[1]),
            (&["curl", "-u", "me:hunter2", "https://a.internal"], &[1]),
            (&["mysqladmin", "ping", "-phunter2"], &[2]),
            (&["sh", "-c", "until redis-cli -a hunter2 ping; do sleep 1; done"], &[2]),
            (&["sh", "-c", "mysql \\\n  -phunter2 \\\n  -e 'select 1'"], &[2]),
            (&["sh", "-c", "PASSWORD=hunter2 ./run"], &[2]),
            (&["a", "--password", "$(PASSWORD)"], &[]),
            (&["a", "--password", "--verbose"], &[]),
            (&["a", "--token-ttl", "3600"], &[]),
            (&["docker", "run", "-u", "1000:1000"], &[]),
            (&["tar", "-pxf", "a"], &[]),
        ] {
            assert_eq!(found(words), expected, "{words:?}");
        }
    }
}
