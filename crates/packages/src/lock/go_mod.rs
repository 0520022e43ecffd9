//! `go.mod` ([reference]): the modules of a build with their replacements, and the minimum Go
//! version, whose standard library is the module `stdlib`.
//!
//! Before Go 1.17 the file lists only direct dependencies; the others are the modules whose content
//! has a digest in `go.sum`.
//!
//! [reference]: https://go.dev/ref/mod#go-mod-file

use std::cmp::Ordering;
use std::collections::HashMap;

use super::list::List;
use super::{Others, tree};
use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

#[derive(Default)]
struct Module {
    path: String,
    version: String,
    /// `None` for a module from `go.sum`.
    line: Option<u32>,
}

#[derive(Default)]
struct File {
    require: Vec<Module>,
    /// The replaced modules, with an empty version for all, and their replacements.
    replace: Vec<(Module, Module)>,
    go: Option<(String, u32)>,
    toolchain: Option<(String, u32)>,
}

pub(super) fn read(path: &str, text: &str, others: &Others<'_>) -> Contents {
    let mut list = List::default();
    let mut file = parse(text, &mut list);
    let is_old = file.go.as_ref().is_none_or(|(version, _)| minor(version) < (1, 17));
    if is_old
        && let Some(sum) = tree::join(tree::folder(path), "go.sum").and_then(|path| others(&path))
    {
        indirect(&String::from_utf8_lossy(&sum), &mut file);
    }
    let mut replace: HashMap<(&str, &str), &Module> = HashMap::new();
    for (old, new) in &file.replace {
        replace.insert((&old.path, &old.version), new);
    }
    for module in &file.require {
        // A replacement for this version has priority over one for all versions.
        let new = replace.get(&(&*module.path, &*module.version));
        let found = new.or_else(|| replace.get(&(&*module.path, ""))).map_or(module, |new| *new);
        list.add(Package {
            local: found.version.is_empty(),
            line: found.line,
            ..Package::locked(Kind::Golang, &found.path, &found.version, 0)
        });
    }
    let toolchain = file.toolchain.as_ref().filter(|(name, _)| name.starts_with("go"));
    if let Some((version, line)) = toolchain.or(file.go.as_ref()) {
        // `go1.23.6-custom` is built from 1.23.6.
        let version = version.strip_prefix("go").unwrap_or(version);
        let version = version.split('-').next().unwrap_or(version);
        // The build may use a newer version.
        let library = Package::locked(Kind::Golang, "stdlib", version, *line);
        list.add(Package { bound: true, ..library });
    }
    list.into_contents()
}

fn parse(text: &str, list: &mut List) -> File {
    let mut file = File::default();
    let mut block: Option<String> = None;
    for (line, number) in text.lines().zip(1..) {
        let Some(mut words) = words(line) else {
            list.problem(Problem::at(number, "a quoted string is not terminated"));
            continue;
        };
        if words.is_empty() {
            continue;
        }
        let verb = match &block {
            Some(_) if words == [")"] => {
                block = None;
                continue;
            }
            Some(verb) => verb.clone(),
            None => words.remove(0),
        };
        if block.is_none() && words.last().is_some_and(|word| word == "(") {
            block = Some(verb);
            continue;
        }
        if let Err(why) = directive(&verb, &words, number, &mut file) {
            list.problem(Problem::at(number, why));
        }
    }
    file
}

fn directive(verb: &str, words: &[String], line: u32, file: &mut File) -> Result<(), String> {
    let module = |path: &String, version: Option<&String>| Module {
        path: path.clone(),
        version: version.cloned().unwrap_or_default(),
        line: Some(line),
    };
    let wrong = || format!("`{verb}` has missing arguments");
    match verb {
        "require" => match words {
            [path, version] => file.require.push(module(path, Some(version))),
            _ => return Err(wrong()),
        },
        "replace" => {
            let arrow = words.iter().position(|word| word == "=>").ok_or_else(wrong)?;
            let (old, new) = (&words[..arrow], &words[arrow + 1..]);
            let ([old_path, old_version @ ..], [new_path, new_version @ ..]) = (old, new) else {
                return Err(wrong());
            };
            if old_version.len() > 1 || new_version.len() > 1 {
                return Err(wrong());
            }
            let old = module(old_path, old_version.first());
            file.replace.push((old, module(new_path, new_version.first())));
        }
        "go" => file.go = Some((words.first().ok_or_else(wrong)?.clone(), line)),
        "toolchain" => file.toolchain = Some((words.first().ok_or_else(wrong)?.clone(), line)),
        "module" | "exclude" | "retract" | "godebug" | "tool" | "ignore" => {}
        _ => return Err(format!("`{verb}` is not a go.mod directive")),
    }
    Ok(())
}

/// Splits a line without its comment into words; `None` if a quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with("//") {
        let first = rest.chars().next().filter(|c| matches!(c, '"' | '`'));
        let (word, behind) = match first {
            Some(quote) => rest[1..].split_once(quote)?,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                rest.split_at(rest[..end].find("//").unwrap_or(end))
            }
        };
        all.push(word.to_owned());
        rest = behind.trim_start();
    }
    Some(all)
}

/// Adds the modules that only `go.sum` lists, each with its highest version.
fn indirect(sum: &str, file: &mut File) {
    let direct = file.require.len();
    let known = file.require.iter().map(|module| module.path.clone());
    let mut places: HashMap<String, usize> = known.zip(0..).collect();
    for line in sum.lines() {
        let mut words = line.split_whitespace();
        let (Some(path), Some(version), Some(_)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // A digest of only go.mod: the module was considered but not used.
        if version.ends_with("/go.mod") {
            continue;
        }
        match places.get(path).copied() {
            Some(at) if at < direct => {}
            Some(at) => {
                let known = &mut file.require[at].version;
                if compare(version, known) == Ordering::Greater {
                    version.clone_into(known);
                }
            }
            None => {
                places.insert(path.to_owned(), file.require.len());
                let (path, version) = (path.to_owned(), version.to_owned());
                file.require.push(Module { path, version, line: None });
            }
        }
    }
}

/// Compares two module versions as Go does (semantic versioning).
fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> (Vec<u64>, Option<Vec<String>>) {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split('+').next().unwrap_or(text);
        let (core, pre) = text.split_once('-').map_or((text, None), |(c, p)| (c, Some(p)));
        let core = core.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        (core, pre.map(|pre| pre.split('.').map(str::to_owned).collect()))
    };
    let ((core_a, pre_a), (core_b, pre_b)) = (parts(a), parts(b));
    let identifier = |a: &String, b: &String| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    };
    core_a.cmp(&core_b).then_with(|| match (pre_a, pre_b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let pairs = a.iter().zip(&b).map(|(a, b)| identifier(a, b));
            pairs.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
        }
    })
}

fn minor(version: &str) -> (u32, u32) {
    let mut parts = version.split(['.', 'r', 'b']).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, sum: Option<&str>) -> Vec<String> {
        let beside = |path: &str| {
            (path == "m/go.sum").then(|| sum.map(|sum| sum.as_bytes().to_vec())).flatten()
        };
        let contents = read("m/go.mod", text, &beside);
        let line = |p: &Package| {
            format!("{}@{}{}", p.name, p.version, if p.local { " local" } else { "" })
        };
        let problems = contents.problems.iter().map(|p| format!("{}!", p.line.unwrap_or(0)));
        contents.packages.iter().map(line).chain(problems).collect()
    }

    #[test]
    fn modules_and_replacements() {
        let text = "module \"example.com/m\" // comment\n\ngo 1.21\n\nrequire (\n\ta.com/x v1.0.0 // indirect\n\
                    \t`b.com/y` v2.0.0\n\tc.com/z v3.0.0\n)\nrequire d.com/w v0.0.0-20210101000000-0123456789ab\n\
                    replace c.com/z => ../z\nreplace (\n\ta.com/x v1.0.0 => f.com/x v1.0.1\n\ta.com/x => g.com/x v9.0.0\n\
                    \td.com/w v9.9.9 => h.com/w v1.0.0\n)\nexclude a.com/x v0.9.0\nretract [v1.0.0, v1.1.0]\n";
        assert_eq!(
            lines(text, Some("unread.com v1.0.0 h1:x")),
            [
                "f.com/x@v1.0.1",
                "b.com/y@v2.0.0",
                "../z@ local",
                "d.com/w@v0.0.0-20210101000000-0123456789ab",
                "stdlib@1.21",
            ]
        );
    }

    #[test]
    fn old_files_need_their_sums() {
        let sum = "a.com/x v1.0.0 h1:1=\na.com/x v0.9.0 h1:2=\nb.com/y v1.2.0 h1:3=\n\
                   b.com/y v1.10.0 h1:4=\nb.com/y v1.9.0 h1:5=\nc.com/z v1.0.0/go.mod h1:6=\nodd\n";
        let want = ["a.com/x@v1.0.0", "b.com/y@v1.10.0", "stdlib@1.16"];
        assert_eq!(lines("go 1.16\nrequire a.com/x v1.0.0", Some(sum)), want);
        let want = ["a.com/x@v1.0.0", "stdlib@1.17"];
        assert_eq!(lines("go 1.17\nrequire a.com/x v1.0.0", Some(sum)), want);
    }

    #[test]
    fn faults_are_said() {
        assert_eq!(lines("this is no go.mod", None), ["1!"]);
        let text = "require a\nrequire b.com/x v1.0.0\nreplace a b\nrequire \"c v1.0.0\ngo\n";
        assert_eq!(lines(text, None), ["b.com/x@v1.0.0", "1!", "3!", "4!", "5!"]);
    }

    #[test]
    fn versions_in_order() {
        for (a, b) in [
            ("v1.9.0", "v1.10.0"),
            ("v1.0.0-rc.2", "v1.0.0-rc.10"),
            ("v1.0.0-rc.1", "v1.0.0"),
            ("v0.0.0-20200101000000-aaaaaaaaaaaa", "v0.0.0-20210101000000-000000000000"),
        ] {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
    }
}
