//! `Cargo.lock`, all versions. A package without a source is a workspace member or a path
//! dependency.

use super::blocks::{packages, text};
use super::commit;
use super::list::List;
use crate::contents::{Contents, Problem};
use crate::{Kind, Package};

pub(super) fn read(source: &str) -> Contents {
    let mut list = List::default();
    packages(source, &mut list, |list, entry| {
        let (name, version) = (text(entry.table, "name"), text(entry.table, "version"));
        if name.is_empty() || version.is_empty() {
            list.problem(Problem::at(entry.line, "a package without a name and a version"));
            return;
        }
        let source = text(entry.table, "source");
        let fragment = source.strip_prefix("git+").and_then(|url| Some(url.rsplit_once('#')?.1));
        list.add(Package {
            commit: fragment.filter(|text| commit::is_commit(text)).unwrap_or("").to_owned(),
            local: source.is_empty(),
            ..Package::locked(Kind::Cargo, name, version, entry.line)
        });
    });
    list.into_contents()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let contents = read(
            "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \
             \"git+https://github.com/x/a?branch=main#0123456789abcdef\"\n\n[[package]]\n\
             name = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"broken\"\n\n[[package]]\n\
             name = \"b\"\nversion = \"2.0.0+x\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
        );
        let of = |p: &Package| (p.name.clone(), p.commit.clone(), p.local, p.line);
        let want = [
            ("a".to_owned(), "0123456789abcdef".to_owned(), false, Some(4)),
            ("own".to_owned(), String::new(), true, Some(9)),
            ("b".to_owned(), String::new(), false, Some(16)),
        ];
        assert_eq!(contents.packages.iter().map(of).collect::<Vec<_>>(), want);
        assert_eq!(contents.problems.len(), 1);
        assert_eq!(read("not toml").problems.len(), 1);
    }

    #[test]
    fn a_fault_hides_no_other_package() {
        let contents = read(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nx = = 1\n\n[[package]]\nname = \"b\"\n\
             version = \"2.0.0\"\n",
        );
        assert_eq!(contents.packages.len(), 2);
        assert_eq!(contents.problems[0].line, Some(4));
    }
}
