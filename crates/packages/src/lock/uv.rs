//! `uv.lock`: the packages of a workspace with their dependencies and, for its members, the extras
//! (`optional-dependencies`) and dependency groups (`dev-dependencies`).

use std::collections::{BTreeSet, HashMap};

use toml::de::DeTable;

use super::blocks::{Entry, inner, packages, tables, text};
use super::commit;
use super::graph::Graph;
use super::list::List;
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

/// The sources of packages in the tree itself.
const LOCAL: [&str; 4] = ["virtual", "editable", "directory", "path"];

pub(super) fn read(source: &str) -> Contents {
    let mut list = List::default();
    let mut workspace = Workspace::default();
    packages(source, &mut list, |list, entry| match text(entry.table, "name") {
        "" => list.problem(Problem::at(entry.line, "a package without a name")),
        name => workspace.take(name, entry),
    });
    let needs = workspace.graph().needs();
    for (locked, need) in workspace.packages.iter().zip(needs) {
        // The project itself.
        if locked.is_root {
            continue;
        }
        let groups = workspace.groups.get(&locked.name).filter(|_| need != Need::Production);
        let groups = groups.into_iter().flatten().cloned().collect();
        list.add(Package { groups, need, ..locked.package.clone() });
    }
    list.into_contents()
}

/// The name and version of a dependency as interned numbers. The version is set only if several
/// packages have the same name.
type Dependency = (u32, u32);

/// The empty string.
const NONE: u32 = 0;

#[derive(Default)]
struct Workspace {
    /// The number of each interned string.
    numbers: HashMap<String, u32>,
    packages: Vec<Locked>,
    /// The extras and groups of the members, by the name of a direct dependency.
    groups: HashMap<u32, BTreeSet<String>>,
    /// Dependencies that the members need only for an extra or a group.
    at_times: Vec<(Need, Dependency)>,
}

struct Locked {
    name: u32,
    version: u32,
    package: Package,
    dependencies: Vec<Dependency>,
    /// Whether this is a workspace member, whose groups count.
    is_member: bool,
    is_root: bool,
}

impl Workspace {
    fn take(&mut self, name: &str, entry: &Entry<'_, '_>) {
        let source = inner(entry.table, "source");
        let local = LOCAL.iter().find_map(|kind| source?.get(*kind)?.get_ref().as_str());
        let is = |kind| source.is_some_and(|source| source.contains_key(kind));
        let is_member = is("virtual") || is("editable");
        let version = text(entry.table, "version");
        let mut dependencies = self.dependencies(entry.table, "dependencies");
        for group in names(entry.table, "optional-dependencies") {
            let optional = self.group(entry.table, "optional-dependencies", &group);
            if is_member {
                self.join(&group, Need::Optional, optional);
            } else {
                // An extra that some package requests; which one does not matter.
                dependencies.extend(optional);
            }
        }
        for group in names(entry.table, "dev-dependencies") {
            let dev = self.group(entry.table, "dev-dependencies", &group);
            self.join(&group, Need::Development, dev);
        }
        let git = source.map_or("", |source| text(source, "git"));
        let fragment = git.rsplit_once('#').map_or("", |(_, fragment)| fragment);
        let package = Package {
            commit: Some(fragment).filter(|text| commit::is_commit(text)).unwrap_or("").to_owned(),
            local: local.is_some(),
            // A member whose version is computed by its build has none.
            ..Package::locked(Kind::Pypi, name, version, entry.line)
        };
        let (name, version) = (self.number(name), self.number(version));
        let is_root = is_member && local == Some(".");
        self.packages.push(Locked { name, version, package, dependencies, is_member, is_root });
    }

    fn join(&mut self, group: &str, need: Need, dependencies: Vec<Dependency>) {
        for dependency in dependencies {
            self.groups.entry(dependency.0).or_default().insert(group.to_owned());
            self.at_times.push((need, dependency));
        }
    }

    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return NONE;
        }
        let next = u32::try_from(self.numbers.len() + 1).unwrap_or(NONE);
        match self.numbers.get(text) {
            Some(known) => *known,
            None => *self.numbers.entry(text.to_owned()).or_insert(next),
        }
    }

    fn dependencies(&mut self, table: &DeTable<'_>, key: &str) -> Vec<Dependency> {
        let all =
            tables(table, key).map(|(_, table)| (text(table, "name"), text(table, "version")));
        all.map(|(name, version)| (self.number(name), self.number(version))).collect()
    }

    fn group(&mut self, table: &DeTable<'_>, kind: &str, group: &str) -> Vec<Dependency> {
        inner(table, kind).map_or_else(Vec::new, |groups| self.dependencies(groups, group))
    }

    fn graph(&self) -> Graph {
        let mut places: HashMap<Dependency, usize> = HashMap::new();
        for (package, at) in self.packages.iter().zip(0..) {
            places.insert((package.name, package.version), at);
            places.entry((package.name, NONE)).or_insert(at);
        }
        let place = |dependency: &Dependency| places.get(dependency).copied();
        let members = self.packages.iter().zip(0..).filter(|(package, _)| package.is_member);
        let members = members.map(|(_, at)| (Need::Production, at));
        let at_times = self.at_times.iter().filter_map(|(need, of)| Some((*need, place(of)?)));
        Graph {
            edges: self
                .packages
                .iter()
                .map(|package| package.dependencies.iter().filter_map(place).collect())
                .collect(),
            optional: Vec::new(),
            roots: members.chain(at_times).collect(),
        }
    }
}

fn names(table: &DeTable<'_>, key: &str) -> Vec<String> {
    let names = inner(table, key).into_iter().flat_map(|table| table.keys());
    names.map(|name| name.get_ref().clone().into_owned()).collect()
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
