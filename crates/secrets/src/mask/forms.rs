//! Secrets recognized from the text alone: credentials in URLs, tokens, and arguments of commands.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use super::super::{tokens, values};
use super::{is_harmless, is_telling};

/// Whether a character ends a URL or a token.
fn ends(c: char) -> bool {
    // Most characters are letters.
    !c.is_ascii_alphanumeric() && (c.is_whitespace() || "\"'`<>()[]{}|\\".contains(c))
}

fn end_of_word(text: &str, at: usize) -> usize {
    text[at..].find(ends).map_or(text.len(), |end| at + end)
}

/// Caches the result of a search for all positions before it: a line may be one word of megabytes.
struct Ends<'t> {
    text: &'t str,
    search: fn(&str, usize) -> usize,
    known: Range<usize>,
}

impl<'t> Ends<'t> {
    fn new(text: &'t str, search: fn(&str, usize) -> usize) -> Self {
        Self { text, search, known: 0..0 }
    }

    fn of(&mut self, at: usize) -> usize {
        if !self.known.contains(&at) {
            self.known = at..(self.search)(self.text, at);
        }
        self.known.end
    }
}

/// `Basic` and `Bearer`, with any case of the first letter. The searchers are built once.
static SCHEMES: LazyLock<[memmem::Finder<'static>; 2]> =
    LazyLock::new(|| ["asic ", "earer "].map(memmem::Finder::new));

/// Finds all credentials and tokens.
pub(super) fn find(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    logins(text, found);
    let mut words = Ends::new(text, end_of_word);
    let mut keys =
        Ends::new(text, |text, at| text[at..].find("-----END").map_or(text.len(), |end| at + end));
    tokens::find(text, &mut |token| {
        let at = token.at;
        let skipped = match token.what {
            tokens::URL => return,
            _ if text[at..].starts_with("-----BEGIN") => return found(at..keys.of(at)),
            _ if text[at..].starts_with("AccountKey=") => 11,
            _ if text[at..].starts_with("@tcp(") => return,
            _ => 0,
        };
        found(at + skipped..words.of(at + skipped));
    });
    // Whatever follows, except a word of prose.
    for scheme in &*SCHEMES {
        for at in scheme.find_iter(text.as_bytes()) {
            let start = at + scheme.needle().len();
            let end = end_of_word(text, start);
            let prose = text[start..end].bytes().all(|b| b.is_ascii_lowercase() || b == b'.');
            if text[..at].ends_with(['b', 'B']) && end - start >= 8 && !prose {
                found(start..end);
            }
        }
    }
    // URLs that are credentials as a whole.
    if !text.contains('/') {
        return;
    }
    for hook in ["hooks.slack.com/", "/api/webhooks/", "webhook.office.com/", "/robot/send"] {
        for (at, _) in text.match_indices(hook) {
            found(at + hook.len()..words.of(at + hook.len()));
        }
    }
}

/// Finds `scheme://user:password@host` and `user:password@host`: everything before the `@`.
fn logins(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    let mut from = if text.contains('/') { 0 } else { text.len() };
    while let Some(at) = text[from..].find("://").map(|at| from + at + 3) {
        let end = text[at..].find("://").map_or(text.len(), |next| at + next);
        let word = &text[at..end_of_word(&text[..end], at)];
        let authority = &word[..word.find(['/', '?', '#', ',', ';']).unwrap_or(word.len())];
        // A character that ends the authority may be an unencoded part of a password.
        let has_port = authority.rsplit_once(':').is_none_or(|(_, port)| is_port(port));
        let login = match authority.rfind('@') {
            Some(login) => Some(login),
            None if has_port || authority.starts_with('[') => None,
            None => word.rfind('@').or_else(|| word.find('…')),
        };
        if let Some(login) = login.filter(|login| *login > 0 && !is_template(&word[..*login])) {
            found(at..at + login);
        }
        from = at;
    }
    if !text.contains('@') {
        return;
    }
    for (start, word) in words(text) {
        let Some(at) = word.rfind('@').filter(|_| !word.contains("://")) else { continue };
        let digest = ["sha256:", "sha512:", "sha384:"];
        let host = &word[at + 1..];
        let is_digest = digest.iter().any(|name| host.starts_with(name));
        let Some((user, password)) = word[..at].split_once(':') else { continue };
        let names = [
            "serviceaccount",
            "mailto",
            "oidc",
            "group",
            "principal",
            "user",
            "domain",
            "deleted",
            "arn",
        ];
        let is_name = names.iter().any(|name| user.eq_ignore_ascii_case(name));
        let made =
            password.contains(|c: char| c.is_ascii_digit()) || values::looks_random(password);
        // An image or a server. E-mail addresses have neither path nor port.
        let of_image = host.contains('/');
        let of_server =
            of_image || host.trim_end_matches(':').contains(':') || matches!(host, "tcp" | "unix");
        let is_login = if is_name { of_image && made } else { of_server || made };
        if !is_digest
            && is_login
            && !user.is_empty()
            && !password.is_empty()
            && !is_template(&word[..at])
        {
            found(start..start + at);
        }
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) || text.starts_with(['$', '{', '<', '%'])
}

/// Whether user and password are templates.
fn is_template(login: &str) -> bool {
    let is_hole = |part: &str| part.starts_with(['$', '%', '{']) || is_harmless(part);
    match login.split_once(':') {
        Some((_, password)) => is_hole(password),
        None => is_hole(login),
    }
}

/// Returns the words of a text and their offsets, separated by blanks, quotes, commas and brackets.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let parts = |c: char| ends(c) || c == ',';
    text.split(parts)
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
        .filter(|(_, word)| !word.is_empty())
}

/// What the previous words imply for the next one.
#[derive(Default)]
pub(super) struct Command {
    /// The last word is a flag, and its secret value follows.
    flag: bool,
    /// The last word is a flag whose value may be a user and a password.
    user: bool,
    /// The state for prose about a credential: 1 after its noun, 2 if the value follows.
    spoken: u8,
    /// The number of words since a program with known flags, and its name.
    program: Option<(u8, &'static str)>,
}

/// Maximum number of words after a program that are its arguments.
const OWN: u8 = 32;

impl Command {
    /// Returns the secret in the next word.
    pub(super) fn next(&mut self, word: &str) -> Option<Range<usize>> {
        const PROGRAMS: [&str; 9] = [
            "mysql",
            "mysqladmin",
            "mysqldump",
            "mariadb",
            "mariadb-admin",
            "mariadb-dump",
            "redis-cli",
            "sshpass",
            "htpasswd",
        ];
        // A dash of the list.
        if word == "-" {
            return None;
        }
        // `the password is …`
        let spoken = std::mem::take(&mut self.spoken);
        if ["password", "passwd", "token", "secret", "key", "login"].contains(&word) {
            self.spoken = 1;
        } else if spoken == 1 && matches!(word, "is" | "was" | "with") {
            self.spoken = 2;
        } else if spoken == 2 && word.bytes().any(|b| b.is_ascii_digit()) {
            return Some(0..word.len());
        }
        let (flag, user) = (std::mem::take(&mut self.flag), std::mem::take(&mut self.user));
        self.program = self.program.and_then(|(n, name)| Some((n.checked_sub(1)?, name)));
        let name = memchr::memrchr(b'/', word.as_bytes()).map_or(word, |at| &word[at + 1..]);
        if name.starts_with(['m', 'r', 's', 'h'])
            && let Some(program) = PROGRAMS.into_iter().find(|program| *program == name)
        {
            self.program = Some((OWN, program));
        }
        let program = self.program.map_or("", |(_, name)| name);
        if word.starts_with('-') {
            let name = word.trim_start_matches('-');
            self.flag =
                !name.contains('=') && is_telling(name) || word == "-a" && program == "redis-cli";
            self.user = matches!(word, "-u" | "--user" | "--proxy-user");
            let joined = program != "redis-cli" && !program.is_empty();
            return (joined && word.starts_with("-p") && word.len() > 2).then_some(2..word.len());
        }
        // `-u 1000:1000` are numbers.
        let numbers = word.bytes().all(|b| b.is_ascii_digit() || b == b':');
        let secret = flag || user && word.contains(':') && !numbers;
        (secret && !is_harmless(word)).then_some(0..word.len())
    }
}
