//! Images that are worth fetching: those that objects name.

use std::collections::BTreeMap;
use std::sync::Arc;

use pavisade_model::Subject;
use pavisade_snapshot::{Object, Snapshot, World};
use pavisade_yaml::Value;

use crate::images;
use crate::reference::Image;

/// An image that objects name, by its canonical reference.
#[derive(Debug)]
pub struct Want<'a> {
    /// The reference as it is pulled: `docker.io/library/nginx:1.29`.
    pub reference: String,
    /// Who names it, in the order of worlds and objects.
    pub named_by: Vec<Naming<'a>>,
}

/// A place at which an object names an image.
#[derive(Debug, Clone, Copy)]
pub struct Naming<'a> {
    /// The world of the object.
    pub world: &'a Arc<World>,
    /// The object.
    pub object: &'a Object,
    /// The container that it is the image of, or that names it.
    pub container: Option<&'a str>,
    /// The reference as it stands there.
    pub value: Value<'a>,
}

impl Naming<'_> {
    /// The object and container, as what a finding is about.
    pub fn subject(&self) -> Subject {
        self.object.subject(self.container)
    }
}

/// The images that the objects of a picture name, each once, ordered by reference. What is a
/// template, or filled in later, is none.
pub fn wants(snapshot: &Snapshot) -> Vec<Want<'_>> {
    let mut wanted = BTreeMap::<String, Vec<Naming<'_>>>::new();
    for world in snapshot.worlds() {
        for object in world.objects() {
            for named in images(object, |_| false) {
                let Image::Reference(reference) = named.image() else { continue };
                wanted.entry(reference.canonical()).or_default().push(Naming {
                    world,
                    object,
                    container: named.subject_container(),
                    value: named.place(),
                });
            }
        }
    }
    wanted.into_iter().map(|(reference, named_by)| Want { reference, named_by }).collect()
}
