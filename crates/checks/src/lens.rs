//! Lenses: what a check's subjects are.

use pavisade_model::{Program, Subject};
use pavisade_snapshot::{Container, Image, Match, Object, Pod, World, WorldKind};

use crate::component::{self, Component};
use pavisade_images::{NamedImage, images};

/// What a lens looks at: an object of a world, or the world.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// One object, and where it comes from.
    Object(&'a Object, WorldKind),
    /// One object, and of its pods those of the control plane too.
    AllPods(&'a Object),
    /// The whole world.
    World(&'a World),
    /// An image.
    Image(&'a Image),
}

/// Which targets a check is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// Objects that make pods.
    Pods,
    /// Objects that make pods, and custom resources that name images.
    Images,
    /// Objects of the kinds in `Meta::on`.
    Kinds,
    /// Every object.
    Every,
    /// Static pods of the control plane and kubeadm's configuration, and the kinds in `Meta::on`.
    Components,
    /// Worlds.
    Worlds,
    /// What is known of images.
    ImageFacts,
}

/// Picks subjects out of targets.
pub trait Lens {
    /// One subject.
    type Item<'a>: Copy;
    /// Which targets it wants.
    const DISPATCH: Dispatch;

    /// The subjects in a target.
    fn items(target: Target<'_>) -> Vec<Self::Item<'_>>;

    /// What a finding is about.
    fn subject(item: Self::Item<'_>) -> Subject;

    /// What the subject is by itself, whatever object names it: an image. Findings of rules that are
    /// shown together by it have it among their evidence.
    fn own_name(_: Self::Item<'_>) -> Option<String> {
        None
    }

    /// The program whose settings the subject is, where it is that.
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

/// Workloads' pods. Components of the control plane are left out: as static pods they need the
/// host, and checks with [`OnComponent`] judge them.
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

/// Pods, as any workload kind specifies them.
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

/// Images: of containers, of volumes, and those that variables, flags and fields of custom
/// resources surely name.
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

/// Objects of the kinds that the check's attribute lists in `on`.
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

/// Every object of every kind.
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

/// Components of the control plane with their flags.
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

/// A component with its flags, or a file that configures one.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Flags.
    Component(Component<'a>),
    /// An object of a kind in the check's `on`.
    File(&'a Object),
}

/// Components with their flags, and the files that configure them: those of the kinds that the
/// check's attribute lists in `on`.
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

/// Worlds.
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

/// What is known of images, each once whichever objects name it; not of source trees.
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

/// Advisories that are about packages of images and source trees.
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
