//! Determines which component a container runs, and its arguments.
//!
//! Static pods are written in many ways: a plain list as from kubeadm, `sh -c` with one long line,
//! wrappers (`go-runner`, `tini`, `exec`), `hyperkube`. Only the position of the program counts:
//! `tail -f /var/log/kube-apiserver` does not run an API server.

use std::borrow::Cow;

use pavisade_yaml::Value;

/// Programs with known flags.
const PROGRAMS: [&str; 5] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet"];

/// Programs that only start the program named later.
const WRAPPERS: [&str; 16] = [
    "chroot",
    "chrt",
    "dumb-init",
    "env",
    "exec",
    "go-runner",
    "ionice",
    "nice",
    "nohup",
    "nsenter",
    "setsid",
    "stdbuf",
    "timeout",
    "tini",
    "trickle",
    "watch-termination",
];

const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "ksh", "busybox"];

/// Keywords that may precede a command in a shell script.
const KEYWORDS: [&str; 9] = ["if", "then", "else", "elif", "do", "while", "until", "!", "time"];

/// A word of a command line.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub(super) text: Cow<'a, str>,
    /// The element of the list that contains it.
    pub(super) place: Value<'a>,
}

/// The command line of a component.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) program: &'static str,
    /// The words after the program.
    pub(super) words: Vec<Word<'a>>,
    /// Whether it is started by a shell script, so that one element contains several words.
    pub(super) is_script: bool,
}

/// Returns the command line of a container that runs a component.
pub(super) fn read(container: Value<'_>) -> Option<Command<'_>> {
    let mut elements = elements(container);
    let (first, _) = elements.next()?;
    let base = base_name(&first);
    if first.starts_with('-') {
        // The image's own entry point runs with these arguments.
        let program = known(image_name(container))?;
        return Some(Command {
            program,
            words: words(self::elements(container)),
            is_script: false,
        });
    }
    if SHELLS.contains(&base) {
        return shell(elements.collect());
    }
    if known(base).is_none() && base != "hyperkube" && !WRAPPERS.contains(&base) {
        return None;
    }
    let all: Vec<_> = self::elements(container).collect();
    if let Some((program, start)) = program(&all, |(text, _)| text) {
        return Some(Command {
            program,
            words: words(all.into_iter().skip(start)),
            is_script: false,
        });
    }
    // A shell after a wrapper.
    let shell_at = all.iter().take(8).position(|(text, _)| SHELLS.contains(&base_name(text)))?;
    shell(all.into_iter().skip(shell_at + 1).collect())
}

fn elements(container: Value<'_>) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> {
    ["command", "args"]
        .into_iter()
        .flat_map(move |list| container.list(list))
        .filter_map(|value| Some((value.scalar_text()?, value)))
}

fn words<'a>(elements: impl Iterator<Item = (Cow<'a, str>, Value<'a>)>) -> Vec<Word<'a>> {
    elements.map(|(text, place)| Word { text, place }).collect()
}

fn known(base: &str) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|name| *name == base)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns `etcd` for `registry.k8s.io/etcd:3.6@sha256:…`.
fn image_name(container: Value<'_>) -> &str {
    let base = base_name(container.str("image").unwrap_or(""));
    base.split([':', '@']).next().unwrap_or(base)
}

/// Returns the component that these words start, and the index of its first argument.
fn program<T>(words: &[T], text: impl Fn(&T) -> &str) -> Option<(&'static str, usize)> {
    let mut wrapped = false;
    for (index, word) in words.iter().enumerate().take(24) {
        let word = text(word);
        // Options and settings of a wrapper.
        if word.starts_with('-') || word.split('/').next().is_some_and(|w| w.contains('=')) {
            continue;
        }
        let base = base_name(word);
        if let Some(name) = known(base) {
            return Some((name, index + 1));
        }
        if base == "hyperkube" {
            let sub = text(words.get(index + 1)?);
            let name = PROGRAMS.into_iter().find(|name| {
                *name == sub || name.strip_prefix("kube-").is_some_and(|short| short == sub)
            });
            return Some((name?, index + 2));
        }
        wrapped |= WRAPPERS.contains(&base);
        if !wrapped && !KEYWORDS.contains(&base) {
            return None;
        }
    }
    None
}

/// Returns the first command of a shell script that runs a component.
fn shell<'a>(after: Vec<(Cow<'a, str>, Value<'a>)>) -> Option<Command<'a>> {
    let option = after.iter().position(|(text, _)| {
        text.starts_with('-') && !text.starts_with("--") && text.ends_with('c')
    })?;
    let (script, place) = after.get(option + 1)?;
    if !PROGRAMS.iter().any(|name| script.contains(name)) && !script.contains("hyperkube") {
        return None;
    }
    commands(script).into_iter().find_map(|command| {
        let (program, start) = program(&command, String::as_str)?;
        let mut words = Vec::new();
        for text in command.into_iter().skip(start) {
            if matches!(text.as_str(), "$@" | "$*" | "${@}" | "${*}") {
                // The elements after the script. The first of them is `$0`.
                let passed = after.iter().skip(option + 3);
                words
                    .extend(passed.map(|(text, place)| Word { text: text.clone(), place: *place }));
            } else {
                words.push(Word { text: text.into(), place: *place });
            }
        }
        Some(Command { program, words, is_script: true })
    })
}

/// Returns the simple commands of a script, without quotes, comments and redirections. Variables
/// and substitutions are kept as written.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut reader = Script { rest: script.chars().peekable(), ..Script::default() };
    reader.read();
    reader.commands
}

struct Script<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
    /// Whether the next word is the target of a redirection.
    redirected: bool,
}

impl Default for Script<'_> {
    fn default() -> Self {
        Self {
            rest: "".chars().peekable(),
            commands: Vec::new(),
            command: Vec::new(),
            word: None,
            redirected: false,
        }
    }
}

impl Script<'_> {
    fn read(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\n' | ';' | '|' | '(' | ')' => self.end_command(),
                '&' if self.rest.peek() == Some(&'>') => self.end_word(),
                '&' => self.end_command(),
                c if c.is_whitespace() => self.end_word(),
                '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '>' | '<' => {
                    // `2>&1`: the number belongs to the redirection.
                    if self.word.as_deref().is_some_and(|w| w.chars().all(|c| c.is_ascii_digit())) {
                        self.word = None;
                    }
                    self.end_word();
                    while self.rest.next_if(|c| matches!(c, '>' | '<' | '&')).is_some() {}
                    self.redirected = true;
                }
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '\'' => {
                    self.word.get_or_insert_default();
                    while let Some(c) = self.rest.next_if(|c| *c != '\'') {
                        self.push(c);
                    }
                    self.rest.next();
                }
                '"' => self.double_quotes(),
                '`' => {
                    self.push(c);
                    while let Some(c) = self.rest.next() {
                        self.push(c);
                        if c == '`' {
                            break;
                        }
                    }
                }
                '$' => self.variable(),
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn double_quotes(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '\\' => match self.rest.next_if(|c| matches!(c, '"' | '\\' | '$' | '`' | '\n')) {
                    Some('\n') => {}
                    Some(c) => self.push(c),
                    None => self.push('\\'),
                },
                '$' => self.variable(),
                c => self.push(c),
            }
        }
    }

    /// Reads `$NAME`, `${NAME}` and `$(command)` unchanged.
    fn variable(&mut self) {
        self.push('$');
        let (open, close) = match self.rest.peek() {
            Some('(') => ('(', ')'),
            Some('{') => ('{', '}'),
            _ => return,
        };
        let mut depth = 0_u32;
        while let Some(c) = self.rest.next() {
            self.push(c);
            if c == open {
                depth += 1;
            } else if c == close {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.redirected)
        {
            self.command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = false;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}
