//! Reads the given paths one by one, each according to its type.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use pavisade_model::NoteKind;
use pavisade_snapshot::{Object, WorldKind};
use pavisade_yaml::Origin;

use crate::archive::{self, Packed, Unpacked};
use crate::elsewhere::Base;
use crate::file::{self, Candidate};
use crate::gathered::Gathered;
use crate::given::{self, Only};
use crate::names::{KUSTOMIZATION, Named, named};
use crate::note::{plain_note, too_large, unread};
use crate::open::{Bytes, read_all};
use crate::shown::Shown;
use crate::{Loaded, Progress, Request};

/// The argument for standard input.
const STDIN: &str = "-";
/// The name shown for standard input.
const STDIN_NAME: &str = "<stdin>";

pub(crate) fn load(request: &Request, stdin: impl Read, progress: &dyn Progress) -> Loaded {
    let mut scan = Gathered::new(request, progress);
    let mut stdin = Some(stdin);
    // Files given individually are joined with those in the same directory, as for `*.yaml` in a
    // shell.
    let mut files: BTreeMap<PathBuf, Vec<Candidate>> = BTreeMap::new();
    let mut seen = Vec::new();
    for path in &request.paths {
        if seen.contains(&path) {
            continue;
        }
        seen.push(path);
        if path.as_os_str() == STDIN {
            if let Some(stdin) = stdin.take() {
                progress.stage("Reading standard input");
                let read = read_all(stdin, 0, request.limits.file_bytes);
                // Empty input suggests a failed pipe, and proves nothing.
                if matches!(&read, Ok(Bytes::All(bytes)) if bytes.trim_ascii().is_empty()) {
                    let message = "standard input is empty".to_owned();
                    let remedy = "Check whether the program before the pipe failed.";
                    scan.notes.push(plain_note(NoteKind::Unread, STDIN_NAME, message, remedy));
                } else {
                    scan.bytes(read, STDIN_NAME);
                }
            }
        } else if let Some(candidate) = scan.path(path) {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            files.entry(folder).or_default().push(candidate);
        }
    }
    for (folder, candidates) in files {
        let name = match candidates.as_slice() {
            [only] => only.name.clone(),
            _ if folder.as_os_str().is_empty() => ".".to_owned(),
            _ => folder.display().to_string(),
        };
        let mut objects = Vec::new();
        scan.read(&candidates, |scan, candidate, more| {
            scan.look(candidate, &more);
            objects.extend(more);
        });
        scan.add(&name, WorldKind::Files, objects);
        scan.say_split(&name);
    }
    scan.finish()
}

/// Reading of given paths by type.
impl Gathered<'_> {
    /// Records what the objects of a single file install.
    fn look(&mut self, file: &Candidate, objects: &[Object]) {
        let Some(folder) = file.path.parent().filter(|_| !objects.is_empty()) else { return };
        self.elsewhere.read(folder);
        let given = Path::new(&file.name).parent().filter(|above| !above.as_os_str().is_empty());
        let shown = Shown::path(folder.to_owned(), given.unwrap_or(Path::new(".")));
        let base = Base { shown: &shown, boundary: shown.boundary() };
        objects.iter().for_each(|object| self.elsewhere.look(object, Some(&base)));
    }

    /// Reads a given path. Returns a candidate if it is a single file.
    fn path(&mut self, path: &Path) -> Option<Candidate> {
        let name = path.display().to_string();
        let (root, metadata) = match fs::canonicalize(path).and_then(|r| Ok((fs::metadata(&r)?, r)))
        {
            Ok((metadata, root)) => (root, metadata),
            // A pipe has no path of its own.
            Err(_) if fs::metadata(path).is_ok() => {
                self.open(path, &name);
                return None;
            }
            Err(error) => {
                self.notes.push(unread(&name, &error));
                return None;
            }
        };
        if let Some(chart) = given::chart_of_template(&root) {
            let chart = Shown::path(root, path).name(&chart);
            let message = format!("part of the templates of the Helm chart {chart}; not read");
            let remedy = format!("Scan {chart}: it is rendered as a whole.");
            self.notes.push(plain_note(NoteKind::Unread, &name, message, remedy));
            return None;
        }
        if metadata.is_dir() {
            given::folder(self, &Shown::path(root, path), Only::Everything);
            return None;
        }
        if !metadata.is_file() {
            self.open(path, &name);
            return None;
        }
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let folder = || {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            Shown::path(root.parent().unwrap_or(&root).to_owned(), above.unwrap_or(Path::new(".")))
        };
        if KUSTOMIZATION.contains(&file_name) && given::is_kustomization(&root) {
            given::folder(self, &folder(), Only::Kustomization(root.clone()));
            return None;
        }
        if file_name == "Chart.yaml" {
            given::folder(self, &folder(), Only::Chart);
            return None;
        }
        let packed = head(&root).and_then(|head| archive::packed(&head));
        if packed.is_some() || archive::is_archive_name(file_name) {
            match File::open(&root) {
                Ok(file) => self.packed(file, packed, path),
                Err(error) => self.notes.push(unread(&name, &error)),
            }
            return None;
        }
        Some(Candidate {
            path: root,
            name,
            origin: Origin::File,
            named: named(file_name),
            direct: true,
            owner: None,
            group: 0,
            length: metadata.len(),
        })
    }

    /// Reads a pipe or device.
    fn open(&mut self, path: &Path, name: &str) {
        let limit = self.request.limits.file_bytes;
        let bytes = File::open(path).and_then(|file| read_all(file, 0, limit));
        self.bytes(bytes, name);
    }

    /// Reads the bytes of a pipe: a text, or an archive.
    fn bytes(&mut self, bytes: std::io::Result<Bytes>, name: &str) {
        match bytes {
            Ok(Bytes::All(bytes)) => match archive::packed(&bytes) {
                Some(packed) => self.packed(Cursor::new(bytes), Some(packed), Path::new(name)),
                None => self.text(bytes, name, Origin::Input),
            },
            Ok(Bytes::TooMany) => {
                self.notes.push(too_large(name, self.request.limits.file_bytes));
            }
            Err(error) => self.notes.push(unread(name, &error)),
        }
    }

    fn packed(&mut self, from: impl Read, packed: Option<Packed>, path: &Path) {
        let name = path.display().to_string();
        let Some(packed) = packed else {
            let message = "its extension is that of an archive, but it is not one";
            self.notes.push(plain_note(
                NoteKind::Unread,
                &name,
                message,
                "Check that it is complete.",
            ));
            return;
        };
        self.progress.stage(&format!("Unpacking {name}"));
        match archive::unpack(from, packed, &name, &self.request.limits, self.programs.temporary())
        {
            Ok(Unpacked::Text(bytes)) => self.text(bytes, &name, Origin::Member),
            Ok(Unpacked::Folder(folder, notes)) => {
                self.notes.extend(notes);
                let root = folder.path();
                let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
                given::folder(self, &Shown::archive(root, path), Only::Everything);
            }
            Err(note) => self.notes.push(note),
        }
    }

    fn text(&mut self, bytes: Vec<u8>, name: &str, origin: Origin) {
        let named = Named::Manifest;
        let candidate = Candidate {
            path: PathBuf::new(),
            name: name.into(),
            origin,
            named,
            direct: true,
            owner: None,
            group: 0,
            length: 0,
        };
        let objects = self.take(file::outcome(&candidate, bytes));
        objects.iter().for_each(|object| self.elsewhere.look(object, None));
        self.add(name, WorldKind::Files, objects);
        self.say_split(name);
    }
}

/// Returns the first block of a file.
fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    File::open(path).ok()?.take(512).read_to_end(&mut head).ok()?;
    Some(head)
}
