//! `pom.xml` ([reference]): the dependencies of a project, as far as the tree determines them.
//!
//! Properties and managed versions come from the file and from parents in the tree. If a parent or
//! a bill of materials is in a repository, the version may be unknown and stays empty. For a range,
//! the lower end is reported as a bound. Profiles count if they are active by default. Of duplicate
//! declarations, Maven uses the last (`DefaultModelNormalizer`).
//!
//! [reference]: https://maven.apache.org/pom.html

mod model;

use std::collections::HashMap;

use model::{Dependency, Key, Pom};

use super::list::List;
use super::{Others, tree};
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

/// The largest number of parents of a project.
const MAX_PARENTS: usize = 16;
/// The largest number of properties substituted in a text, and the largest result.
const MAX_PROPERTIES: usize = 64;
const MAX_LENGTH: usize = 1024;

pub(super) fn read(path: &str, text: &str, others: &Others<'_>) -> Contents {
    let mut list = List::default();
    match Pom::read(text) {
        Ok(pom) => {
            let line = pom.parent.as_ref().map(|parent| parent.line);
            let chain = chain(path, pom, others);
            dependencies(&chain, line, &mut list);
        }
        Err(problem) => list.problem(problem),
    }
    list.into_contents()
}

/// The coordinates of a Maven project.
pub(crate) struct Coordinates {
    pub(crate) group: String,
    pub(crate) artifact: String,
    pub(crate) version: String,
}

/// Returns the coordinates of a `pom.xml`, if the file itself states them.
pub(crate) fn coordinates(text: &str) -> Option<Coordinates> {
    let chain = [Pom::read(text).ok()?];
    let [pom] = &chain;
    let known = |text: &str| interpolated(&chain, text).filter(|text| !text.is_empty());
    Some(Coordinates {
        group: known(pom.group())?,
        artifact: known(&pom.artifact)?,
        version: known(pom.version())?,
    })
}

/// Returns a project and its parents in the tree, the nearest first.
fn chain(path: &str, pom: Pom, others: &Others<'_>) -> Vec<Pom> {
    let mut path = path.to_owned();
    let mut chain = vec![pom];
    while chain.len() <= MAX_PARENTS {
        let Some(parent) = chain.last().and_then(|pom| pom.parent.as_ref()) else { break };
        let place = parent.path.as_ref().and_then(|to| tree::join(tree::folder(&path), to));
        let Some(place) = place else { break };
        let inside = format!("{place}/pom.xml");
        let places = [place, inside];
        let found = places.into_iter().find_map(|place| Some((others(&place)?, place)));
        let Some((bytes, place)) = found else { break };
        let text = String::from_utf8_lossy(&bytes);
        let Ok(found) = Pom::read(text.strip_prefix('\u{feff}').unwrap_or(&text)) else { break };
        // Another project is at this path; Maven would then use a repository.
        if found.artifact != parent.artifact || found.group() != parent.group {
            break;
        }
        path = place;
        chain.push(found);
    }
    chain
}

/// Adds dependencies; those from parents get the line `line_of_parent`.
fn dependencies(chain: &[Pom], line_of_parent: Option<u32>, list: &mut List) {
    let mut found: Vec<(&Dependency, Option<u32>)> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut managed: HashMap<Key, &Dependency> = HashMap::new();
    // Nearer declarations replace those of parents.
    for (height, pom) in chain.iter().enumerate().rev() {
        for dependency in &pom.managed {
            managed.insert(key(chain, dependency), dependency);
        }
        for dependency in &pom.dependencies {
            let line = if height == 0 { Some(dependency.line) } else { line_of_parent };
            match places.get(&key(chain, dependency)) {
                Some(&at) => found[at] = (dependency, line),
                None => {
                    places.insert(key(chain, dependency), found.len());
                    found.push((dependency, line));
                }
            }
        }
    }
    for (dependency, line) in found {
        match package(chain, dependency, managed.get(&key(chain, dependency)).copied()) {
            Some(package) => list.add(Package { line, ..package }),
            None => {
                let Dependency { group, artifact, .. } = dependency;
                let message = format!("the dependency `{group}:{artifact}` is incomplete");
                list.problem(Problem { line, message });
            }
        }
    }
}

/// Returns the key that identifies a declaration, with known properties substituted.
fn key(chain: &[Pom], dependency: &Dependency) -> Key {
    dependency.key().map(|part| interpolated(chain, part).unwrap_or_else(|| part.to_owned()))
}

fn package(
    chain: &[Pom],
    dependency: &Dependency,
    managed: Option<&Dependency>,
) -> Option<Package> {
    let name = |text: &str| interpolated(chain, text).filter(|text| !text.is_empty());
    let (group, artifact) = (name(&dependency.group)?, name(&dependency.artifact)?);
    let either = |own: &str, managed: Option<&String>| {
        let text = if own.is_empty() { managed.map_or("", String::as_str) } else { own };
        interpolated(chain, text).unwrap_or_default()
    };
    let version = either(&dependency.version, managed.map(|m| &m.version));
    let (version, bound) = settled(&version);
    let scope = either(&dependency.scope, managed.map(|m| &m.scope));
    let optional = either(&dependency.optional, managed.map(|m| &m.optional)) == "true";
    let mut groups = Vec::new();
    if !matches!(&*scope, "" | "compile") {
        groups.push(scope.clone());
    }
    if optional {
        groups.push("optional".to_owned());
    }
    Some(Package {
        bound,
        groups,
        need: match &*scope {
            "test" => Need::Development,
            _ if optional => Need::Optional,
            _ => Need::Production,
        },
        ..Package::locked(Kind::Maven, &format!("{group}:{artifact}"), version, 0)
    })
}

/// Returns the version that a requirement determines, and whether it is only a bound.
fn settled(requirement: &str) -> (&str, bool) {
    let Some(range) = requirement.strip_prefix(['[', '(']) else {
        // The newest version, which is unknown.
        return if matches!(requirement, "LATEST" | "RELEASE") {
            ("", false)
        } else {
            (requirement, false)
        };
    };
    let first = range.split([']', ')']).next().unwrap_or("");
    match first.split_once(',') {
        None => (first.trim(), false),
        Some((low, high)) if low.trim().is_empty() => (high.trim(), !high.trim().is_empty()),
        Some((low, _)) => (low.trim(), true),
    }
}

/// Substitutes properties; `None` if one is unknown or they do not terminate.
fn interpolated(chain: &[Pom], text: &str) -> Option<String> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let mut text = text.to_owned();
    let mut left = MAX_PROPERTIES;
    // The last one first: a name may itself contain properties.
    while let Some(start) = text.rfind("${") {
        left = left.checked_sub(1)?;
        let end = start + text[start..].find('}')?;
        let value = property(chain, &text[start + 2..end])?;
        if text.len() + value.len() > MAX_LENGTH {
            return None;
        }
        text.replace_range(start..=end, value);
    }
    Some(text)
}

fn property<'a>(chain: &'a [Pom], name: &str) -> Option<&'a str> {
    let own = chain.first()?;
    let parent = own.parent.as_ref();
    let bare = name.strip_prefix("project.").or_else(|| name.strip_prefix("pom.")).unwrap_or("");
    let known = match bare {
        "groupId" => Some(own.group()),
        "artifactId" => Some(own.artifact.as_str()),
        "version" => Some(own.version()),
        "parent.groupId" => parent.map(|parent| &*parent.group),
        "parent.artifactId" => parent.map(|parent| &*parent.artifact),
        "parent.version" => parent.map(|parent| &*parent.version),
        _ => None,
    };
    match known {
        Some(known) if !known.is_empty() => Some(known),
        _ => chain.iter().find_map(|pom| pom.properties.get(name)).map(String::as_str),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(contents: &Contents) -> Vec<String> {
        let line = |p: &Package| {
            let bound = if p.bound { "~" } else { "" };
            format!("{}:{} {bound}{} {:?}", p.line.unwrap_or(0), p.name, p.version, p.groups)
        };
        contents.packages.iter().map(line).collect()
    }

    fn dependency(artifact: &str, rest: &str) -> String {
        format!(
            "<dependency><groupId>g</groupId><artifactId>{artifact}</artifactId>{rest}</dependency>\n"
        )
    }

    #[test]
    fn versions_of_the_file_itself() {
        let text = format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><groupId>own</groupId>\n\
             <version>7</version><properties><a.v>1</a.v><b.v>${{a.v}}.${{a.v}}</b.v><x>${{x}}</x></properties>\n\
             <dependencyManagement><dependencies>{}{}</dependencies></dependencyManagement>\n<dependencies>\n{}{}{}{}{}{}{}{}\
             <dependency><artifactId>nameless</artifactId></dependency></dependencies>\n\
             <build><plugins><plugin><dependencies>{}</dependencies></plugin></plugins></build></project>",
            dependency("managed", "<version>3</version><scope>test</scope>"),
            dependency("unused", "<version>3</version>"),
            dependency("a", "<version>${b.v}</version>"),
            dependency("managed", ""),
            dependency("unknown", "<version>${other}</version>"),
            dependency("endless", "<version>${x}</version>"),
            dependency("own", "<version>${project.version}</version><optional>true</optional>"),
            dependency("range", "<version>[1.2,2)</version><scope>compile</scope>"),
            dependency("twice", "<version>1</version>"),
            dependency("twice", "<version>2</version><scope>provided</scope>"),
            dependency("plugin", "<version>1</version>"),
        );
        let contents = read("pom.xml", &text, &|_| None);
        assert_eq!(
            lines(&contents),
            [
                "7:g:a 1.1 []",
                "8:g:managed 3 [\"test\"]",
                "9:g:unknown  []",
                "10:g:endless  []",
                "11:g:own 7 [\"optional\"]",
                "12:g:range ~1.2 []",
                "14:g:twice 2 [\"provided\"]",
            ]
        );
        assert_eq!(contents.problems.len(), 1);
        assert_eq!(contents.problems[0].line, Some(15));
    }

    #[test]
    fn parents_in_the_tree() {
        let child = format!(
            "<project><parent><groupId>p</groupId><artifactId>p</artifactId><version>9</version></parent>\n\
             <dependencies>{}{}</dependencies></project>",
            dependency("a", ""),
            dependency("b", "<version>${v}</version>"),
        );
        let parent = format!(
            "<project><groupId>p</groupId><artifactId>NAME</artifactId><version>9</version>\
             <properties><v>5</v></properties><dependencyManagement><dependencies>{}</dependencies></dependencyManagement>\
             <dependencies>{}</dependencies></project>",
            dependency("a", "<version>4</version>"),
            dependency("c", "<version>6</version>"),
        );
        let beside = |name: &str| {
            let parent = parent.replace("NAME", name).into_bytes();
            move |path: &str| (path == "pom.xml").then(|| parent.clone())
        };
        let contents = read("m/pom.xml", &child, &beside("p"));
        assert_eq!(lines(&contents), ["1:g:c 6 []", "2:g:a 4 []", "3:g:b 5 []"]);
        // Another project is at the path of the parent.
        let contents = read("m/pom.xml", &child, &beside("other"));
        assert_eq!(lines(&contents), ["2:g:a  []", "3:g:b  []"]);
    }

    #[test]
    fn requirements_of_versions() {
        for (text, want) in [
            ("1.0", ("1.0", false)),
            ("[1.0]", ("1.0", false)),
            ("[1.0, 2.0)", ("1.0", true)),
            ("(,2.0]", ("2.0", true)),
            ("(,)", ("", false)),
            ("[1,2),[3,4)", ("1", true)),
            ("LATEST", ("", false)),
            ("", ("", false)),
        ] {
            assert_eq!(settled(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_pom_is_said() {
        for text in ["", "text", "<a/>", "<project>"] {
            let contents = read("pom.xml", text, &|_| None);
            assert!(contents.packages.is_empty() && contents.problems.len() == 1, "{text}");
        }
    }
}
