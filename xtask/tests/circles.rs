//! Finds circular dependencies between modules of a crate; only the known ones are allowed.
//!
//! A module is a file. The file that contains it (`mod.rs`, `lib.rs`) is not an edge: a parent
//! declares its children, and they share its items.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// The remaining circles, each as its crate and modules.
const KNOWN: &[&str] = &[
    // What leads to a Service may be a gateway of Istio, which leads to Services.
    "checks: network::backend, network::istio",
];

type Module = Vec<String>;

#[test]
fn no_new_circle_of_modules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root.join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut files = BTreeMap::new();
        read(&folder.join("src"), &Module::new(), &mut files);
        found.extend(circles(&files).into_iter().map(|circle| format!("{name}: {circle}")));
    }
    let known: BTreeSet<_> = KNOWN.iter().map(|circle| (*circle).to_owned()).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "modules use each other in a circle:\n{new:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "take these from the list, they are no circles any more:\n{gone:#?}");
}

/// Reads every file below a directory with its module path.
fn read(folder: &Path, inside: &Module, files: &mut BTreeMap<Module, syn::File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut module = inside.clone();
        if path.is_dir() {
            module.push(name);
            read(&path, &module, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            if !matches!(&*name, "lib" | "main" | "mod") {
                module.push(name);
            }
            files.insert(module, syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        }
    }
}

/// Returns the circles, each with its modules in order.
fn circles(files: &BTreeMap<Module, syn::File>) -> Vec<String> {
    let edges: BTreeMap<_, BTreeSet<_>> = files
        .iter()
        .map(|(module, file)| {
            let mut uses = Uses { module, files, found: BTreeSet::new() };
            uses.visit_file(file);
            (module, uses.found)
        })
        .collect();
    let reach: BTreeMap<_, _> = edges.keys().map(|from| (*from, reached(from, &edges))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle = reached.iter().filter(|other| reach[*other].contains(*module));
        let circle: Vec<_> = circle.map(|module| module.join("::")).collect();
        if circle.len() > 1 {
            circles.insert(circle.join(", "));
        }
    }
    circles.into_iter().collect()
}

fn reached(from: &Module, edges: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(module) = left.pop() {
        for next in edges.get(&module).into_iter().flatten() {
            if seen.insert(next.clone()) {
                left.push(next.clone());
            }
        }
    }
    seen
}

/// Collects the modules that a file uses.
struct Uses<'a> {
    module: &'a Module,
    files: &'a BTreeMap<Module, syn::File>,
    found: BTreeSet<Module>,
}

impl Uses<'_> {
    /// Resolves a path from the crate root; `None` if it leaves the crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut at = match path.first()?.as_str() {
            "crate" => Module::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => return None,
        };
        for part in &path[1..] {
            match part.as_str() {
                "super" => drop(at.pop()),
                part => at.push(part.to_owned()),
            }
        }
        Some(at)
    }

    fn add(&mut self, path: &[String]) {
        let Some(mut at) = self.absolute(path) else { return };
        // The longest prefix that is a module; the rest is an item in it.
        while !at.is_empty() && !self.files.contains_key(&at) {
            at.pop();
        }
        let related = self.module.starts_with(&at) || at.starts_with(self.module);
        if !at.is_empty() && !related {
            self.found.insert(at);
        }
    }

    fn tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => self.add(before),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(name) if name.ident == "self" => self.add(before),
            UseTree::Rename(name) => self.add(&with(&name.ident)),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        // Tests may use anything.
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
        };
        match item {
            Item::Mod(module) if module.attrs.iter().any(is_test) => {}
            Item::Use(item) => self.tree(&item.tree, &[]),
            item => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.add(&parts);
        visit::visit_path(self, path);
    }
}

#[test]
fn a_circle_is_found_through_several_modules_and_parents_make_none() {
    let files = |texts: &[(&str, &str)]| -> BTreeMap<Module, syn::File> {
        let module = |path: &str| -> Module {
            path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        texts.iter().map(|(path, text)| (module(path), syn::parse_file(text).unwrap())).collect()
    };
    let circle = files(&[
        ("", "mod a; mod b; mod c; pub struct Root;"),
        ("a", "use crate::{b::B, Root};"),
        ("b", "fn f() { super::c::g::<u8>() }"),
        ("c", "use crate::a::{self};"),
        ("d", "use super::a::A; use std::fmt;"),
    ]);
    assert_eq!(circles(&circle), ["a, b, c"]);
    let family = files(&[
        ("a", "mod inner; use inner::X;"),
        ("a::inner", "use super::Y; #[cfg(test)] mod tests { use crate::b::B; }"),
        ("b", "use crate::a::inner::X;"),
    ]);
    assert!(circles(&family).is_empty());
}
