//! The parts of a `pom.xml` that describe dependencies, as written.

use std::collections::HashMap;

use roxmltree::Node;

use crate::contents::Problem;
use crate::lock::xml::{self, Lines, elements, text};

#[derive(Default)]
pub(super) struct Pom {
    group: String,
    pub(super) artifact: String,
    version: String,
    pub(super) parent: Option<Parent>,
    pub(super) properties: HashMap<String, String>,
    pub(super) dependencies: Vec<Dependency>,
    /// Versions and scopes for dependencies without their own.
    pub(super) managed: Vec<Dependency>,
}

pub(super) struct Parent {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    /// The path relative to the child's directory; `None` if it is in a repository.
    pub(super) path: Option<String>,
    pub(super) line: u32,
}

pub(super) struct Dependency {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) scope: String,
    pub(super) optional: String,
    form: String,
    classifier: String,
    pub(super) line: u32,
}

/// Group, artifact, type and classifier.
pub(super) type Key = [String; 4];

impl Dependency {
    pub(super) fn key(&self) -> [&str; 4] {
        let form = if self.form.is_empty() { "jar" } else { &self.form };
        [&self.group, &self.artifact, form, &self.classifier]
    }

    fn of(node: Node<'_, '_>, lines: &Lines) -> Self {
        let own = |name| text(node, name).to_owned();
        Self {
            group: own("groupId"),
            artifact: own("artifactId"),
            version: own("version"),
            scope: own("scope"),
            optional: own("optional"),
            form: own("type"),
            classifier: own("classifier"),
            line: lines.of(node),
        }
    }
}

impl Pom {
    pub(super) fn read(source: &str) -> Result<Self, Problem> {
        let document = xml::document(source)?;
        let root = document.root_element();
        if root.tag_name().name() != "project" {
            return Err(Problem::whole("it is not a Maven project"));
        }
        let lines = Lines::new(source);
        let own = |name| text(root, name).to_owned();
        let mut pom = Self {
            group: own("groupId"),
            artifact: own("artifactId"),
            version: own("version"),
            parent: elements(root, "parent").next().map(|node| parent(node, &lines)),
            ..Self::default()
        };
        pom.take(root, &lines);
        let profiles = elements(root, "profiles").flat_map(|node| elements(node, "profile"));
        for profile in profiles {
            let activation = elements(profile, "activation").next();
            if activation.is_some_and(|node| text(node, "activeByDefault") == "true") {
                pom.take(profile, &lines);
            }
        }
        Ok(pom)
    }

    /// Reads the elements that both projects and profiles have.
    fn take(&mut self, node: Node<'_, '_>, lines: &Lines) {
        for property in elements(node, "properties").flat_map(|node| node.children()) {
            if property.is_element() {
                let value = property.text().unwrap_or("").trim().to_owned();
                self.properties.insert(property.tag_name().name().to_owned(), value);
            }
        }
        let of = |node: Node<'_, '_>| -> Vec<Dependency> {
            let lists = elements(node, "dependencies");
            let all = lists.flat_map(|list| elements(list, "dependency"));
            all.map(|node| Dependency::of(node, lines)).collect()
        };
        self.dependencies.extend(of(node));
        self.managed.extend(elements(node, "dependencyManagement").flat_map(of));
    }

    pub(super) fn group(&self) -> &str {
        self.own_or(&self.group, |parent| &parent.group)
    }

    pub(super) fn version(&self) -> &str {
        self.own_or(&self.version, |parent| &parent.version)
    }

    fn own_or<'a>(&'a self, own: &'a str, of: impl Fn(&'a Parent) -> &'a str) -> &'a str {
        match &self.parent {
            Some(parent) if own.is_empty() => of(parent),
            _ => own,
        }
    }
}

fn parent(node: Node<'_, '_>, lines: &Lines) -> Parent {
    let own = |name| text(node, name).to_owned();
    let path = match elements(node, "relativePath").next() {
        None => Some("../pom.xml"),
        // An empty element means that the parent is in a repository.
        Some(path) => path.text().map(str::trim).filter(|path| !path.is_empty()),
    };
    Parent {
        group: own("groupId"),
        artifact: own("artifactId"),
        version: own("version"),
        path: path.map(str::to_owned),
        line: lines.of(node),
    }
}
