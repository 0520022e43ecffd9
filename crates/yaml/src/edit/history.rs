//! What was edited so far: where the places of the first text are now, and who wanted what.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::{Edit, Refused, Step, refused};

type Path = Vec<Step>;

/// Edits in the order in which they were made.
#[derive(Default)]
pub(super) struct History {
    made: Vec<(Path, Edit)>,
    /// What was set, so that two who want different values are noticed.
    set: HashMap<Path, Json>,
    /// Fields that are gone.
    fields: HashSet<Path>,
    /// Elements that are gone, as paths of the moment when they went.
    elements: Vec<Path>,
}

impl History {
    /// Where a place in the first text is now; nothing where it is gone.
    pub(super) fn place(&self, path: &[Step]) -> Option<Path> {
        let path =
            self.elements.iter().try_fold(path.to_vec(), |path, gone| shifted(path, gone))?;
        let is_gone = !self.fields.is_empty()
            && (1..=path.len()).any(|len| self.fields.contains(&path[..len]));
        (!is_gone).then_some(path)
    }

    /// Where an edit is to be made now; nothing where there is nothing left to do.
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

    /// Notes an edit at a place as it is now.
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

    /// How many edits there are.
    pub(super) fn len(&self) -> usize {
        self.made.len()
    }

    /// Forgets all edits but the first ones.
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

/// The path after `gone` was removed; `None` where it went with it.
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
