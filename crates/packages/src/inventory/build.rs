//! Combines the results of all layers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pavisade_model::{FileId, Note, NoteKind};

use super::collect::{Collector, Options, Purpose, may_name_packages};
use super::taken::{Taken, What};
use super::{Found, Inventory, Place, Root};
use crate::contents::{Contents, Problem};
use crate::{Distribution, Kind, Package, Reader};

/// Combines layers, bottom first.
#[derive(Debug, Default)]
pub struct Builder {
    options: Options,
    taken: HashMap<FileId, Taken>,
    /// The packages in earlier versions of each database, by its path.
    history: HashMap<String, Vec<Version>>,
    /// The newest version of each database.
    newest: HashMap<String, FileId>,
}

/// An earlier version of a database.
#[derive(Debug)]
struct Version {
    layer: u16,
    /// Hashes of names and versions.
    packages: HashSet<u64>,
}

impl Builder {
    /// Returns a builder without layers.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds the next layer.
    pub fn add(&mut self, layer: Collector) {
        let mut files: Vec<_> = layer.taken.into_iter().collect();
        files.sort_by_key(|(id, _)| *id);
        for (id, taken) in files {
            if is_database(&taken)
                && let Some(old) = self.newest.insert(taken.path.clone(), id)
                // For a replaced database, only the names and versions of its packages are needed.
                && let Some(Taken { path, what: What::Packages(_, contents) }) = self.taken.remove(&old)
            {
                let packages = contents.packages.iter().map(key).collect();
                self.history.entry(path).or_default().push(Version { layer: old.layer, packages });
            }
            self.taken.insert(id, taken);
        }
    }

    /// Returns files that were not read because their effective path, from a hard link, differs
    /// from the one in their layer.
    pub fn missing(&self, root: &dyn Root) -> BTreeMap<FileId, String> {
        let mut missing = BTreeMap::new();
        root.files(&mut |path, id| {
            if !self.taken.contains_key(&id) && Purpose::of(path).is_some() {
                missing.entry(id).or_insert_with(|| path.to_owned());
            }
        });
        missing
    }

    /// Adds what was read for [`Builder::missing`].
    pub fn add_missing(&mut self, layer: Collector) {
        self.taken.extend(layer.taken);
    }

    /// Returns the packages and the distribution of the root file system, and what could not be
    /// read.
    pub fn finish(mut self, root: &dyn Root) -> Inventory {
        let mut paths = Vec::new();
        root.files(&mut |path, id| {
            let counts = self
                .taken
                .get(&id)
                .is_some_and(|taken| is_program(taken) || Purpose::of(path).is_some());
            if counts {
                paths.push((path.to_owned(), id));
            }
        });
        paths.sort();
        // A binary may have a hundred names.
        let mut programs = HashSet::new();
        paths.retain(|(_, id)| {
            let is_program = self.taken.get(id).is_some_and(is_program);
            !is_program || programs.insert(*id)
        });
        let mut seen = HashSet::new();
        let repeated = paths.iter().map(|(_, id)| *id).filter(|id| !seen.insert(*id));
        let repeated: HashSet<_> = repeated.collect();
        let mut inventory =
            Inventory { distribution: self.distribution("", root), ..Inventory::default() };
        let mut joined = Joined::default();
        for (path, id) in &paths {
            let contents = match self.taken.get_mut(id).map(|taken| &mut taken.what) {
                Some(What::Packages(reader, contents)) => (*reader, std::mem::take(contents)),
                Some(What::Unread(problem)) => {
                    inventory.notes.push(note(path, problem));
                    continue;
                }
                _ => continue,
            };
            let (reader, Contents { packages, problems }) = contents;
            inventory.notes.extend(problems.iter().map(|problem| note(path, problem)));
            // The root of this database: an image may contain another system in a directory.
            let prefix = prefix(path, reader);
            let distribution = match prefix {
                "" => inventory.distribution.clone(),
                prefix => {
                    self.distribution(prefix, root).or_else(|| inventory.distribution.clone())
                }
            };
            // The packages are needed again for another name of the same file.
            if repeated.contains(id)
                && let Some(Taken { what: What::Packages(_, kept), .. }) = self.taken.get_mut(id)
            {
                kept.packages.clone_from(&packages);
            }
            for mut package in packages {
                let layer = self.layer(path, *id, &package);
                if package.kind == Kind::Deb {
                    self.complete(&mut package, path, prefix, root);
                }
                let place = Place { path: path.clone(), layer: Some(layer) };
                joined.add(package, place, *id, distribution.as_ref());
            }
        }
        inventory.packages = joined.end(root);
        inventory.sort();
        if !self.options.files {
            // Files that name other packages were kept only to find the owners.
            for found in &mut inventory.packages {
                found.package.files = Vec::new();
            }
        }
        inventory.notes.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
        inventory
    }

    /// Reads `os-release` below a directory.
    fn distribution(&self, prefix: &str, root: &dyn Root) -> Option<Distribution> {
        let found =
            Distribution::PATHS.iter().find_map(|path| root.file(&format!("{prefix}{path}")))?;
        match &self.taken.get(&found)?.what {
            What::Distribution(distribution) => Some(distribution.clone()),
            _ => None,
        }
    }

    /// Returns the layer that added a package: the lowest from which on all versions of the
    /// database contain it.
    fn layer(&self, path: &str, id: FileId, package: &Package) -> u16 {
        let versions = self.history.get(path).into_iter().flatten().rev();
        let key = key(package);
        let with = versions.take_while(|version| version.packages.contains(&key));
        with.last().map_or(id.layer, |version| version.layer)
    }

    /// Adds the files and licences of a Debian package, which are in separate files.
    fn complete(&self, package: &mut Package, path: &str, prefix: &str, root: &dyn Root) {
        let Package { name, architecture, .. } = &*package;
        let lists = [
            format!("{prefix}var/lib/dpkg/info/{name}.list"),
            format!("{prefix}var/lib/dpkg/info/{name}:{architecture}.list"),
            format!("{path}.md5sums"),
        ];
        let licences = format!("{prefix}usr/share/doc/{name}/copyright");
        let what = |path: &String| self.taken.get(&root.file(path)?).map(|taken| &taken.what);
        if let Some(What::List(files)) = lists.iter().find_map(what) {
            package.files.clone_from(files);
        }
        if let Some(What::Licences(found)) = what(&licences) {
            package.licences.clone_from(found);
        }
    }
}

/// The fields by which packages are considered equal.
type Same = (Kind, String, String, String, Option<usize>);

/// The packages so far.
#[derive(Default)]
struct Joined {
    all: Vec<(Found, BTreeSet<FileId>)>,
}

impl Joined {
    fn add(
        &mut self,
        package: Package,
        place: Place,
        id: FileId,
        distribution: Option<&Distribution>,
    ) {
        let purl = package.purl(distribution);
        let found = Found { package, purl, places: vec![place], owner: None };
        self.all.push((found, BTreeSet::from([id])));
    }

    /// Merges equal packages from several places, and determines which distribution package owns
    /// which other package.
    fn end(self, root: &dyn Root) -> Vec<Found> {
        let (system, other): (Vec<_>, Vec<_>) =
            self.all.into_iter().partition(|(found, _)| found.package.kind.is_of_system());
        // A package in two databases counts once: an rpm database may exist in an old and a new
        // format.
        let mut once: BTreeMap<_, Found> = BTreeMap::new();
        for (mut found, _) in system {
            let Package { name, version, architecture, .. } = &found.package;
            let key = (found.purl.clone(), name.clone(), version.clone(), architecture.clone());
            match once.get_mut(&key) {
                Some(first) => first.places.append(&mut found.places),
                None => drop(once.insert(key, found)),
            }
        }
        let system: Vec<_> = once.into_values().collect();
        let owners = owners(&system, &other, root);
        let mut same: BTreeMap<Same, Found> = BTreeMap::new();
        for (mut found, ids) in other {
            found.owner = ids.iter().find_map(|id| owners.get(id)).copied();
            let Package { kind, name, version, architecture, .. } = &found.package;
            let key = (*kind, name.clone(), version.clone(), architecture.clone(), found.owner);
            match same.get_mut(&key) {
                Some(first) => first.places.append(&mut found.places),
                None => drop(same.insert(key, found)),
            }
        }
        let mut all: Vec<_> = same.into_values().collect();
        for found in &mut all {
            found.places.sort();
            found.places.dedup();
        }
        all.splice(0..0, system);
        all
    }
}

/// Returns which distribution package installed a file that names another package.
fn owners(
    system: &[Found],
    other: &[(Found, BTreeSet<FileId>)],
    root: &dyn Root,
) -> HashMap<FileId, usize> {
    let wanted: HashSet<_> = other.iter().flat_map(|(_, ids)| ids).copied().collect();
    let mut owners = HashMap::new();
    for (found, number) in system.iter().zip(0..) {
        let names = found.package.files.iter().filter(|path| may_name_packages(path));
        for id in names.filter_map(|path| root.file(path)).filter(|id| wanted.contains(id)) {
            owners.entry(id).or_insert(number);
        }
    }
    owners
}

/// Returns whether a file lists all packages of a system, so that a layer replaces it as a whole.
fn is_database(taken: &Taken) -> bool {
    use Reader::{Apk, Dpkg, Opkg, Rpm};
    matches!(taken.what, What::Packages(Apk | Dpkg | Opkg | Rpm, _))
}

/// Returns whether a file counts under any path.
fn is_program(taken: &Taken) -> bool {
    matches!(taken.what, What::Packages(Reader::GoBinary, _))
}

/// Returns the root directory of the system that a database belongs to, with a trailing slash.
fn prefix(path: &str, reader: Reader) -> &str {
    let known: &[&str] = match reader {
        Reader::Apk => &["usr/lib/apk/db/installed", "lib/apk/db/installed"],
        Reader::Dpkg => &["var/lib/dpkg/status"],
        Reader::DpkgStatusD => {
            let end = path.find("var/lib/dpkg/status.d/");
            return end.map_or("", |end| &path[..end]);
        }
        Reader::Opkg => &["usr/lib/opkg/status", "var/lib/opkg/status"],
        _ => &[],
    };
    known.iter().find_map(|known| path.strip_suffix(known)).unwrap_or_default()
}

fn key(package: &Package) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&package.name, &package.version, &package.architecture).hash(&mut hasher);
    hasher.finish()
}

pub(super) fn note(path: &str, problem: &Problem) -> Note {
    let place = match problem.line {
        Some(line) => format!("{path}:{line}"),
        None => path.to_owned(),
    };
    Note {
        kind: NoteKind::Unread,
        place,
        span: None,
        message: problem.message.clone(),
        remedy: String::new(),
    }
}
