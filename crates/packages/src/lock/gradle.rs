//! Gradle: [dependency locking] (`group:artifact:version=configurations`) and [dependency
//! verification] (`gradle/verification-metadata.xml`).
//!
//! [dependency locking]: https://docs.gradle.org/current/userguide/dependency_locking.html
//! [dependency verification]: https://docs.gradle.org/current/userguide/dependency_verification.html

use super::list::List;
use super::xml::{Lines, document, elements};
use crate::contents::{Contents, Problem};
use crate::{Kind, Need, Package};

pub(super) fn read_lock(text: &str) -> Contents {
    let mut list = List::default();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        // `empty=` lists configurations without dependencies.
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        let (module, configurations) = line.split_once('=').unwrap_or((line, ""));
        let parts: Vec<_> = module.split(':').collect();
        let [group, artifact, version] = parts[..] else {
            list.problem(Problem::at(number, "this line is not `group:artifact:version=…`"));
            continue;
        };
        if group.is_empty() || artifact.is_empty() || version.is_empty() {
            list.problem(Problem::at(number, "a part of `group:artifact:version` is missing"));
            continue;
        }
        // `testRuntimeClasspath`, `debugAndroidTestCompileClasspath`.
        let is_of_test = |name: &str| name.to_ascii_lowercase().contains("test");
        let is_test = !configurations.is_empty() && configurations.split(',').all(is_of_test);
        list.add(Package {
            groups: if is_test { vec!["test".to_owned()] } else { Vec::new() },
            need: if is_test { Need::Development } else { Need::Production },
            ..Package::locked(Kind::Maven, &format!("{group}:{artifact}"), version, number)
        });
    }
    list.into_contents()
}

pub(super) fn read_verification(text: &str) -> Contents {
    let mut list = List::default();
    let document = match document(text) {
        Ok(document) => document,
        Err(problem) => {
            list.problem(problem);
            return list.into_contents();
        }
    };
    let lines = Lines::new(text);
    let components = elements(document.root_element(), "components");
    for component in components.flat_map(|node| elements(node, "component")) {
        let line = lines.of(component);
        let attribute = |name| component.attribute(name).unwrap_or("").trim();
        let (group, name, version) = (attribute("group"), attribute("name"), attribute("version"));
        if group.is_empty() || name.is_empty() || version.is_empty() {
            list.problem(Problem::at(line, "a component without group, name or version"));
            continue;
        }
        list.add(Package::locked(Kind::Maven, &format!("{group}:{name}"), version, line));
    }
    list.into_contents()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks() {
        let contents = read_lock(
            "# comment\na.b:c:1.0=compileClasspath,testCompileClasspath\nd:e:2.0=testRuntimeClasspath\n\
             f:g:=x\nnonsense\nempty=annotationProcessor\n",
        );
        let of = |p: &Package| format!("{}@{} {:?}", p.name, p.version, p.groups);
        let packages: Vec<_> = contents.packages.iter().map(of).collect();
        assert_eq!(packages, ["a.b:c@1.0 []", "d:e@2.0 [\"test\"]"]);
        assert_eq!(contents.problems.len(), 2);
        let purl = contents.packages[0].purl(None).unwrap();
        assert_eq!(purl.to_string(), "pkg:maven/a.b/c@1.0");
    }

    #[test]
    fn verification() {
        let contents = read_verification(
            "<verification-metadata xmlns=\"x\">\n<configuration/>\n<components>\n\
             <component group=\"a\" name=\"b\" version=\"1\"><artifact name=\"b.jar\"/></component>\n\
             <component name=\"b\" version=\"1\"/>\n<component group=\"a\" name=\"b\" version=\"1\"/>\n\
             </components></verification-metadata>",
        );
        assert_eq!(contents.packages.len(), 1);
        assert_eq!(contents.packages[0].line, Some(4));
        assert_eq!(contents.problems[0].line, Some(5));
        assert_eq!(read_verification("<a>").problems.len(), 1);
    }
}
