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

/// What the objects of a picture name.
#[derive(Debug, Default)]
pub struct Wants<'a> {
    /// The images, each once, ordered by reference.
    pub images: Vec<Want<'a>>,
    /// What becomes an image later, such as a template, and why it is not clear which.
    pub unclear: Vec<(Naming<'a>, String)>,
}

/// The images that the objects of a picture name.
pub fn wants(snapshot: &Snapshot) -> Wants<'_> {
    let mut wanted = BTreeMap::<String, Vec<Naming<'_>>>::new();
    let mut unclear = Vec::new();
    for world in snapshot.worlds() {
        for object in world.objects() {
            for named in images(object, |_| false) {
                let naming = Naming {
                    world,
                    object,
                    container: named.subject_container(),
                    value: named.place(),
                };
                match named.image() {
                    Image::Reference(reference) => {
                        wanted.entry(reference.canonical()).or_default().push(naming);
                    }
                    Image::Unclear(why) => unclear.push((naming, why)),
                    Image::Absent => {}
                }
            }
        }
    }
    let image = |(reference, named_by)| Want { reference, named_by };
    Wants { images: wanted.into_iter().map(image).collect(), unclear }
}
