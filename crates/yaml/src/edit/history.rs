//! The edits made so far: maps positions of the original text to current ones, and detects
//! conflicts.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::{Edit, Refused, Step, refused};

type Path = Vec<Step>;

/// Edits in the order in which they were made.
#[derive(Default)]
pub(super) struct History {
    made: Vec<(Path, Edit)>,
    /// Values that were set, to detect conflicting edits.
    set: HashMap<Path, Json>,
    /// Removed fields.
    fields: HashSet<Path>,
    /// Removed elements, as paths at the time of removal.
    elements: Vec<Path>,
}

impl History {
    /// Returns the current path of a position in the original text. `None` if it was removed.
    pub(super) fn place(&self, path: &[Step]) -> Option<Path> {
        let path =
            self.elements.iter().try_fold(path.to_vec(), |path, gone| shifted(path, gone))?;
        let is_gone = !self.fields.is_empty()
            && (1..=path.len()).any(|len| self.fields.contains(&path[..len]));
        (!is_gone).then_some(path)
    }

    /// Returns the current path for an edit. `None` if there is nothing to do.
    pub(super) fn now(&self, path: &[Step], edit: &Edit) -> Result<Option<Path>, Refused> {
        let path = match (self.place(path), edit) {
            (Some(path), _) => path,
            (None, Edit::Remove) => return Ok(None),
            (None, _) => return Err(refused("another fix removes it")),
        };
        match (edit, self.set.get(&path)) {
            (Edit::Set(value), Some(other)) if value == other => Ok(None),
            (Edit::Set(_), Some(other)) => Err(refused(format!("another fix sets it to {other}"))),
            _ => Ok(Some(path)),
        }
    }

    /// Records an edit at a current path.
    pub(super) fn push(&mut self, path: Path, edit: &Edit) {
        self.made.push((path.clone(), edit.clone()));
        match (edit, path.last()) {
            (Edit::Set(value), _) => drop(self.set.insert(path, value.clone())),
            (Edit::Remove, Some(Step::Element(_))) => {
                self.set = std::mem::take(&mut self.set)
                    .into_iter()
                    .filter_map(|(at, value)| Some((shifted(at, &path)?, value)))
                    .collect();
                self.fields = std::mem::take(&mut self.fields)
                    .into_iter()
                    .filter_map(|at| shifted(at, &path))
                    .collect();
                self.elements.push(path);
            }
            (Edit::Remove, _) => drop(self.fields.insert(path)),
            (Edit::Append(_), _) => {}
        }
    }

    /// Returns the number of edits.
    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    /// Keeps only the first `len` edits.
    pub(super) fn truncate(&mut self, len: usize) {
        if len == self.made.len() {
            return;
        }
        let mut made = std::mem::take(&mut self.made);
        made.truncate(len);
        *self = Self::default();
        for (path, edit) in made {
            self.push(path, &edit);
        }
    }
}

/// Returns the path after `gone` was removed. `None` if the path was removed with it.
fn shifted(mut path: Path, gone: &[Step]) -> Option<Path> {
    let (last, around) = gone.split_last()?;
    if path.len() < gone.len() || !path.starts_with(around) {
        return Some(path);
    }
    match (&mut path[around.len()], last) {
        (step, last) if step == last => return None,
        (Step::Element(index), Step::Element(removed)) if *index > *removed => *index -= 1,
        _ => {}
    }
    Some(path)
}
