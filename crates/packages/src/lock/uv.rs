//! `uv.lock`: the packages of a workspace, the dependencies of each, and with its members the
//! extras (`optional-dependencies`) and the groups of development (`dev-dependencies`).

use std::collections::{BTreeSet, HashMap};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::commit;
use super::document::{self, Toml, inner, tables};
use super::graph::Graph;
use super::list::List;
use crate::reader::{Contents, Problem};
use crate::{Kind, Need, Package};

/// Sources of what is in the tree itself.
const LOCAL: [&str; 4] = ["virtual", "editable", "directory", "path"];

pub(super) fn read(text: &str) -> Contents {
    let mut list = List::default();
    let toml = Toml::new(text);
    let root = toml.table(list.problems());
    let entries: Vec<_> = tables(&root, "package").collect();
    let (needs, groups) = (needs(&entries), groups(&entries));
    for ((value, entry), need) in entries.iter().zip(needs) {
        let line = toml.line_of(value, "name");
        let name = document::text(entry, "name");
        if name.is_empty() {
            list.problem(Problem::at(line, "a package without a name"));
            continue;
        }
        // The project itself.
        if is_member(entry) && local_path(entry) == Some(".") {
            continue;
        }
        let git = inner(entry, "source").map_or("", |source| document::text(source, "git"));
        let fragment = git.rsplit_once('#').map_or("", |(_, fragment)| fragment);
        let groups = groups.get(name).filter(|_| need != Need::Production);
        list.add(Package {
            commit: Some(fragment).filter(|text| commit::is_commit(text)).unwrap_or("").to_owned(),
            groups: groups.into_iter().flatten().map(|group| (*group).to_owned()).collect(),
            need,
            local: local_path(entry).is_some(),
            // A member whose version is made by its build has none.
            ..Package::locked(Kind::Pypi, name, document::text(entry, "version"), line)
        });
    }
    list.into_contents()
}

type Entry<'t, 'i> = (&'t Spanned<DeValue<'i>>, &'t DeTable<'i>);

fn local_path<'t>(entry: &'t DeTable<'_>) -> Option<&'t str> {
    let source = inner(entry, "source")?;
    LOCAL.iter().find_map(|kind| source.get(*kind)?.get_ref().as_str())
}

/// Whether it is a project of the workspace, whose groups count.
fn is_member(entry: &DeTable<'_>) -> bool {
    let is = |kind: &str| inner(entry, "source").is_some_and(|source| source.contains_key(kind));
    is("virtual") || is("editable")
}

/// Extras and groups of the members, by the name of a package that is directly in them.
fn groups<'t>(entries: &[Entry<'t, '_>]) -> HashMap<&'t str, BTreeSet<&'t str>> {
    let mut groups: HashMap<_, BTreeSet<_>> = HashMap::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| is_member(entry)) {
        for kind in ["optional-dependencies", "dev-dependencies"] {
            for group in inner(entry, kind).into_iter().flat_map(|table| table.keys()) {
                for (_, dependency) in tables_of(entry, kind, group.get_ref()) {
                    let name = document::text(dependency, "name");
                    groups.entry(name).or_default().insert(group.get_ref().as_ref());
                }
            }
        }
    }
    groups
}

fn tables_of<'t, 'i>(
    entry: &'t DeTable<'i>,
    kind: &str,
    group: &str,
) -> impl Iterator<Item = Entry<'t, 'i>> {
    inner(entry, kind).into_iter().flat_map(move |table| tables(table, group).collect::<Vec<_>>())
}

/// What needs each package.
fn needs(entries: &[Entry<'_, '_>]) -> Vec<Need> {
    // A dependency has a version only where there are several of its name.
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for ((_, entry), at) in entries.iter().zip(0..) {
        let name = document::text(entry, "name");
        places.insert((name, document::text(entry, "version")), at);
        places.entry((name, "")).or_insert(at);
    }
    let found = |dependency: &DeTable<'_>| -> Option<usize> {
        let (name, version) =
            (document::text(dependency, "name"), document::text(dependency, "version"));
        places.get(&(name, version)).copied()
    };
    let groups = |entry: &DeTable<'_>, kind: &str| -> Vec<String> {
        let names = inner(entry, kind).into_iter().flat_map(|table| table.keys());
        names.map(|name| name.get_ref().clone().into_owned()).collect()
    };
    let mut graph = Graph::default();
    for ((_, entry), at) in entries.iter().zip(0..) {
        let mut edges: Vec<usize> =
            tables(entry, "dependencies").filter_map(|(_, d)| found(d)).collect();
        let is_member = is_member(entry);
        for group in groups(entry, "optional-dependencies") {
            let optional = tables_of(entry, "optional-dependencies", &group);
            let optional = optional.filter_map(|(_, dependency)| found(dependency));
            match is_member {
                true => graph.roots.extend(optional.map(|at| (Need::Optional, at))),
                // An extra that something asks for: who does is not looked at.
                false => edges.extend(optional),
            }
        }
        for group in groups(entry, "dev-dependencies") {
            let dev = tables_of(entry, "dev-dependencies", &group);
            graph.roots.extend(dev.filter_map(|(_, d)| found(d)).map(|at| (Need::Development, at)));
        }
        if is_member {
            graph.roots.push((Need::Production, at));
        }
        graph.edges.push(edges);
    }
    graph.needs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_follow_the_graph() {
        let contents = read(
            "version = 1\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\nsource = { editable = \".\" }\n\
             dependencies = [{ name = \"a\" }]\n\n[package.optional-dependencies]\nextra = [{ name = \"b\" }]\n\n\
             [package.dev-dependencies]\ndev = [{ name = \"c\" }, { name = \"a\" }]\n\n\
             [[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n\n\
             [[package]]\nname = \"b\"\nversion = \"2.0\"\ndependencies = [{ name = \"d\", version = \"1.0\" }]\n\n\
             [[package]]\nname = \"c\"\nversion = \"3.0\"\ndependencies = [{ name = \"d\", version = \"2.0\" }]\n\
             source = { git = \"https://github.com/x/c?rev=main#0123456789abcdef\" }\n\n\
             [[package]]\nname = \"d\"\nversion = \"1.0\"\n\n[[package]]\nname = \"d\"\nversion = \"2.0\"\n\n\
             [[package]]\nname = \"m\"\nsource = { directory = \"m\" }\n",
        );
        let of = |p: &Package| {
            format!("{} {} {:?} {:?} {}", p.name, p.version, p.groups, p.need, p.commit)
        };
        assert_eq!(
            contents.packages.iter().map(of).collect::<Vec<_>>(),
            [
                "a 1.0 [] Production ",
                "b 2.0 [\"extra\"] Optional ",
                "c 3.0 [\"dev\"] Development 0123456789abcdef",
                "d 1.0 [] Optional ",
                "d 2.0 [] Development ",
                "m  [] Production ",
            ]
        );
        assert!(contents.packages[5].local);
    }
}
