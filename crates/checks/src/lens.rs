//! Lenses: select the subjects of a check.

use pavisade_model::{Program, Subject};
use pavisade_snapshot::{Container, Image, Match, Object, Pod, World, WorldKind};

use crate::component::{self, Component};
use crate::{Claim, Verdict};
use pavisade_images::{NamedImage, images};

/// The input of a lens: an object of a world, or the world.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// An object, and the kind of its world.
    Object(&'a Object, WorldKind),
    /// An object, including its control plane pods.
    AllPods(&'a Object),
    /// A whole world.
    World(&'a World),
    /// An image.
    Image(&'a Image),
}

/// The targets that a check receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Objects that create pods.
    Pods,
    /// Objects that create pods, and custom resources with images.
    Images,
    /// Objects of the kinds in `Meta::on`.
    Kinds,
    /// Every object.
    Every,
    /// Static pods of the control plane and kubeadm's configuration, and the kinds in `Meta::on`.
    Components,
    /// Whole worlds.
    Worlds,
    /// Facts about images.
    ImageFacts,
}

/// Selects subjects from targets.
pub trait Lens {
    /// A subject.
    type Item<'a>: Copy;
    /// The targets it receives.
    const DISPATCH: Dispatch;

    /// Returns the subjects in a target.
    fn items(target: Target<'_>) -> Vec<Self::Item<'_>>;

    /// Returns the subject of a finding.
    fn subject(item: Self::Item<'_>) -> Subject;

    /// Returns the name of a subject that is independent of the object, such as an image. Findings
    /// that are grouped by it include it in their evidence.
    fn own_name(_: Self::Item<'_>) -> Option<String> {
        None
    }

    /// Returns the program whose settings the subject contains, if any.
    fn program(_: Self::Item<'_>) -> Option<Program> {
        None
    }
}

fn object(target: Target<'_>) -> Option<&Object> {
    match target {
        Target::Object(object, _) | Target::AllPods(object) => Some(object),
        Target::World(_) | Target::Image(_) => None,
    }
}

/// Returns pods of workloads without control plane components: as static pods these need host
/// access, and are checked with [`OnComponent`].
fn workload_pods(target: Target<'_>) -> impl Iterator<Item = Pod<'_>> {
    let (object, world) = match target {
        Target::Object(object, world) => (Some(object), Some(world)),
        Target::AllPods(object) => (Some(object), None),
        Target::World(_) | Target::Image(_) => (None, None),
    };
    let pods = object.into_iter().flat_map(Object::pods);
    let left_out = move |pod| world.is_some_and(|world| component::is_control_plane(pod, world));
    pods.filter(move |pod| !left_out(*pod))
}

/// Pods, specified by any workload kind.
pub struct OnPod;

impl Lens for OnPod {
    type Item<'a> = Pod<'a>;
    const DISPATCH: Dispatch = Dispatch::Pods;

    fn items(target: Target<'_>) -> Vec<Pod<'_>> {
        workload_pods(target).collect()
    }

    fn subject(pod: Pod<'_>) -> Subject {
        pod.object().subject(None)
    }
}

/// Containers: init, sidecar, main and ephemeral ones.
pub struct OnContainer;

impl Lens for OnContainer {
    type Item<'a> = Container<'a>;
    const DISPATCH: Dispatch = Dispatch::Pods;

    fn items(target: Target<'_>) -> Vec<Container<'_>> {
        workload_pods(target).flat_map(Pod::containers).collect()
    }

    fn subject(container: Container<'_>) -> Subject {
        container.pod().object().subject(Some(container.name()))
    }
}

/// Images: in containers, volumes, and documented variables, flags and fields of custom resources.
pub struct OnImage;

impl Lens for OnImage {
    type Item<'a> = NamedImage<'a>;
    const DISPATCH: Dispatch = Dispatch::Images;

    fn items(target: Target<'_>) -> Vec<NamedImage<'_>> {
        match target {
            Target::Object(object, world) => {
                images(object, |pod| component::is_control_plane(pod, world))
            }
            Target::AllPods(object) => images(object, |_| false),
            Target::World(_) | Target::Image(_) => Vec::new(),
        }
    }

    fn subject(image: NamedImage<'_>) -> Subject {
        image.object().subject(image.subject_container())
    }

    fn own_name(image: NamedImage<'_>) -> Option<String> {
        Some(image.text().to_owned())
    }
}

/// Objects of the kinds listed in `on` of the check's attribute.
pub struct OnObject;

impl Lens for OnObject {
    type Item<'a> = &'a Object;
    const DISPATCH: Dispatch = Dispatch::Kinds;

    fn items(target: Target<'_>) -> Vec<&Object> {
        object(target).into_iter().collect()
    }

    fn subject(object: &Object) -> Subject {
        object.subject(None)
    }
}

/// All objects of all kinds.
pub struct OnEvery;

impl Lens for OnEvery {
    type Item<'a> = &'a Object;
    const DISPATCH: Dispatch = Dispatch::Every;

    fn items(target: Target<'_>) -> Vec<&Object> {
        OnObject::items(target)
    }

    fn subject(object: &Object) -> Subject {
        object.subject(None)
    }
}

/// Control plane components with their flags.
pub struct OnComponent;

impl Lens for OnComponent {
    type Item<'a> = Component<'a>;
    const DISPATCH: Dispatch = Dispatch::Components;

    fn items(target: Target<'_>) -> Vec<Component<'_>> {
        object(target).map(component::components).unwrap_or_default()
    }

    fn subject(component: Component<'_>) -> Subject {
        component.object().subject(None)
    }

    fn program(component: Component<'_>) -> Option<Program> {
        Program::named(component.name())
    }
}

/// A component with its flags, or a configuration file for one.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Flags.
    Component(Component<'a>),
    /// An object of a kind in the check's `on`.
    File(&'a Object),
}

impl<'a> Part<'a> {
    /// Judges a file, or the flags of the component with this name. A check does not apply to others.
    pub(crate) fn judged(
        self,
        name: &str,
        file: impl FnOnce(&'a Object) -> Verdict<'a>,
        flags: impl FnOnce(Component<'a>) -> Result<Verdict<'a>, Claim<'a>>,
    ) -> Verdict<'a> {
        match self {
            Self::File(object) => file(object),
            Self::Component(component) => component.judged(name, flags),
        }
    }
}

/// Components with their flags, and configuration files for them: objects of the kinds listed in
/// `on` of the check's attribute.
pub struct OnControlPlane;

impl Lens for OnControlPlane {
    type Item<'a> = Part<'a>;
    const DISPATCH: Dispatch = Dispatch::Components;

    fn items(target: Target<'_>) -> Vec<Part<'_>> {
        let Some(object) = object(target) else { return Vec::new() };
        if component::configures(object) {
            component::components(object).into_iter().map(Part::Component).collect()
        } else {
            vec![Part::File(object)]
        }
    }

    fn subject(part: Part<'_>) -> Subject {
        match part {
            Part::Component(component) => component.object().subject(None),
            Part::File(object) => object.subject(None),
        }
    }

    fn program(part: Part<'_>) -> Option<Program> {
        match part {
            Part::Component(component) => Program::named(component.name()),
            Part::File(object) => component::configured_by(object),
        }
    }
}

/// Whole worlds.
pub struct OnWorld;

impl Lens for OnWorld {
    type Item<'a> = &'a World;
    const DISPATCH: Dispatch = Dispatch::Worlds;

    fn items(target: Target<'_>) -> Vec<&World> {
        match target {
            Target::World(world) => vec![world],
            Target::Object(..) | Target::AllPods(_) | Target::Image(_) => Vec::new(),
        }
    }

    fn subject(world: &World) -> Subject {
        Subject::World { name: world.name().clone() }
    }
}

/// Facts about images, once per image regardless of the objects that refer to it. Without source
/// trees.
pub struct OnImageFact;

impl Lens for OnImageFact {
    type Item<'a> = &'a Image;
    const DISPATCH: Dispatch = Dispatch::ImageFacts;

    fn items(target: Target<'_>) -> Vec<&Image> {
        match target {
            Target::Image(image) if !image.source_tree => vec![image],
            _ => Vec::new(),
        }
    }

    fn subject(image: &Image) -> Subject {
        image.subject()
    }
}

/// Advisories that apply to packages of images and source trees.
pub struct OnMatch;

impl Lens for OnMatch {
    type Item<'a> = Match<'a>;
    const DISPATCH: Dispatch = Dispatch::ImageFacts;

    fn items(target: Target<'_>) -> Vec<Match<'_>> {
        match target {
            Target::Image(image) => image.matches().collect(),
            Target::Object(..) | Target::AllPods(_) | Target::World(_) => Vec::new(),
        }
    }

    fn subject(found: Match<'_>) -> Subject {
        found.image.subject_of(found.package)
    }
}
