//! Stages of a Dockerfile and their bases.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use pavisade_images::reference::{Image, Reference, read};

/// The base of a stage.
#[derive(Debug, Clone)]
pub(super) enum Base<'a> {
    /// An earlier stage, by index.
    Stage(usize),
    /// The empty image.
    Scratch,
    /// An image.
    Image(Reference<'a>),
    /// Known only at build time. Contains the reason.
    Unclear(String),
}

pub(super) fn stages(file: &Object) -> Vec<Value<'_>> {
    file.at(&["stages"]).into_iter().flat_map(Value::items).collect()
}

pub(super) fn base<'a>(stages: &[Value<'a>], index: usize) -> Base<'a> {
    let from = stages.get(index).and_then(|stage| stage.str("from")).unwrap_or("");
    // Names of stages are case-insensitive. Of equal ones, the last before this stage applies.
    let is_named =
        |stage: &Value<'a>| stage.str("name").is_some_and(|name| name.eq_ignore_ascii_case(from));
    let earlier = stages.get(..index).unwrap_or(&[]);
    if let Some(earlier) = earlier.iter().rposition(is_named) {
        return Base::Stage(earlier);
    }
    if from == "scratch" {
        return Base::Scratch;
    }
    match read(from) {
        Image::Reference(reference) => Base::Image(reference),
        Image::Unclear(_) if from.contains('$') => {
            Base::Unclear(format!("the base image `{from}` is known only during the build"))
        }
        Image::Unclear(_) | Image::Absent => {
            Base::Unclear(format!("`{from}` is not a valid image reference"))
        }
    }
}
