//! The checks of a run: built once, then dispatched by a table.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use pavisade_images as images;
use pavisade_model::{Fact, KubernetesVersion, Meta, Program, Rule, Subject, kinds};
use pavisade_snapshot::{Image, Object, Snapshot, World, WorldKind, WorldParts};

use crate::any::AnyCheck;
use crate::fragment::{is_fragment, said};
use crate::refusal::refusal;
use crate::registry::Catalog;
use crate::{Claim, Cx, Dispatch, Target, Verdict, component, programs};

/// The result of a check for a subject.
pub struct Report<'a> {
    /// The metadata of the check.
    pub check: &'a Meta,
    /// Its rule, shared by its findings.
    pub rule: &'a Arc<Rule>,
    /// Its index in the set.
    pub index: usize,
    /// The subject of the verdict.
    pub subject: Subject,
    /// The object that contains the subject. `None` for a world.
    pub object: Option<&'a Object>,
    /// The programs whose settings it is about, if only some of those of the check.
    pub programs: Vec<Program>,
    /// The verdict.
    pub verdict: Verdict<'a>,
}

/// The empty world for checks outside of any world.
static NOWHERE: LazyLock<World> =
    LazyLock::new(|| World::new(WorldParts::files("", WorldKind::Files, Vec::new())));

/// A check of a set, and its rule.
pub(crate) struct Registered {
    pub check: Box<dyn AnyCheck>,
    pub rule: Arc<Rule>,
}

/// An invalid parameter of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterError {
    /// The check as named by the user.
    pub check: String,
    /// The error.
    pub message: String,
}

/// The checks of a run with their parameters, and the dispatch table.
pub struct CheckSet {
    catalog: Catalog,
    pub(crate) checks: Vec<Registered>,
    kubernetes: KubernetesVersion,
    fixes: bool,
    wordless: bool,
    by_kind: HashMap<(&'static str, &'static str), Vec<usize>>,
    on_pods: Vec<usize>,
    on_images: Vec<usize>,
    on_components: Vec<usize>,
    on_every: Vec<usize>,
    on_worlds: Vec<usize>,
    on_image_facts: Vec<usize>,
}

impl CheckSet {
    /// Creates the set of checks selected by `wanted`.
    ///
    /// # Errors
    /// `parameters` has invalid parameters for the id or name of a check.
    pub fn new(
        catalog: &Catalog,
        kubernetes: KubernetesVersion,
        wanted: impl Fn(&Meta) -> bool,
        parameters: &HashMap<String, serde_json::Value>,
    ) -> Result<Self, ParameterError> {
        let none = serde_json::Value::Object(serde_json::Map::new());
        let mut checks = Vec::new();
        for entry in catalog.entries().iter().filter(|entry| wanted(entry.meta())) {
            let rule = entry.rule().clone();
            let given = [&rule.id, &rule.name].into_iter().find_map(|n| parameters.get(&**n));
            let check = entry
                .build(given.unwrap_or(&none))
                .map_err(|message| ParameterError { check: rule.name.to_string(), message })?;
            checks.push(Registered { check, rule });
        }
        let mut set = Self {
            catalog: catalog.clone(),
            checks,
            kubernetes,
            fixes: false,
            wordless: false,
            by_kind: HashMap::new(),
            on_pods: Vec::new(),
            on_images: Vec::new(),
            on_components: Vec::new(),
            on_every: Vec::new(),
            on_worlds: Vec::new(),
            on_image_facts: Vec::new(),
        };
        for (index, Registered { check, .. }) in set.checks.iter().enumerate() {
            match check.dispatch() {
                Dispatch::Pods => set.on_pods.push(index),
                Dispatch::Images => set.on_images.push(index),
                Dispatch::Components => set.on_components.push(index),
                Dispatch::Every => set.on_every.push(index),
                Dispatch::Worlds => set.on_worlds.push(index),
                Dispatch::ImageFacts => set.on_image_facts.push(index),
                Dispatch::Kinds => {}
            }
            if matches!(check.dispatch(), Dispatch::Kinds | Dispatch::Components) {
                for kind in &*check.meta().on {
                    set.by_kind.entry((kind.group, kind.kind)).or_default().push(index);
                }
            }
        }
        Ok(set)
    }

    /// Returns all built-in checks of objects, with default parameters.
    pub fn all(kubernetes: KubernetesVersion) -> Self {
        let wanted = |meta: &Meta| !meta.needs_images();
        let Ok(set) = Self::new(&Catalog::builtin(), kubernetes, wanted, &HashMap::new()) else {
            unreachable!("every check is built from its defaults, which a test proves")
        };
        set
    }

    /// Enables fixes in findings.
    pub fn with_fixes(self) -> Self {
        Self { fixes: true, ..self }
    }

    /// Whether findings include fixes.
    pub fn gives_fixes(&self) -> bool {
        self.fixes
    }

    /// Replaces the messages of all findings with one text, so that tests can prove that no code
    /// parses messages.
    #[doc(hidden)]
    pub fn wordless(self) -> Self {
        Self { wordless: true, ..self }
    }

    /// Returns the message, or the text that replaces it.
    #[doc(hidden)]
    pub fn words(&self, message: String) -> String {
        if self.wordless { "words".to_owned() } else { message }
    }

    /// Returns all existing checks, including those that do not run.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns the version whose semantics apply.
    pub fn kubernetes(&self) -> KubernetesVersion {
        self.kubernetes
    }

    /// Returns the metadata of the checks, in the order of the registry.
    pub fn metas(&self) -> impl ExactSizeIterator<Item = &Meta> {
        self.checks.iter().map(|registered| registered.check.meta())
    }

    /// Returns the rules, in the same order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Arc<Rule>> {
        self.checks.iter().map(|registered| &registered.rule)
    }

    /// Runs every check that applies to an object.
    pub fn judge_object<'a>(
        &'a self,
        world: &'a World,
        object: &'a Object,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        let refused = refusal(world, object);
        for index in self.concerned(object, refused.is_some()) {
            self.run(
                index,
                world,
                Target::Object(object, world.kind()),
                refused.as_ref(),
                now,
                out,
            );
        }
    }

    /// Runs the checks of pods on an object with control plane pods, which
    /// [`CheckSet::judge_object`] leaves out because they are checked by their flags.
    pub fn judge_control_plane_pods<'a>(
        &'a self,
        world: &'a World,
        object: &'a Object,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        if object.pods().any(|pod| component::is_control_plane(pod, world.kind())) {
            let refused = refusal(world, object);
            for &index in &self.on_pods {
                self.run(index, world, Target::AllPods(object), refused.as_ref(), now, out);
            }
        }
    }

    /// Runs the checks that apply to an object even if nothing runs from it.
    pub fn judge_at_rest<'a>(
        &'a self,
        world: &'a World,
        object: &'a Object,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        let refused = refusal(world, object);
        let concerned = self.concerned(object, refused.is_some());
        for index in concerned.filter(|index| self.checks[*index].check.meta().at_rest) {
            self.run(
                index,
                world,
                Target::Object(object, world.kind()),
                refused.as_ref(),
                now,
                out,
            );
        }
    }

    /// Returns the checks that may have subjects in an object. If it is `refused`, also those of
    /// pods for a workload whose pods may be in the wrong place.
    fn concerned<'a>(
        &'a self,
        object: &'a Object,
        refused: bool,
    ) -> impl Iterator<Item = usize> + 'a {
        let key = (object.group(), object.kind());
        let by_kind = self.by_kind.get(&key).map_or(&[][..], Vec::as_slice);
        let has_pods = object.has_pods() || refused && object.is_workload();
        let on_pods = if has_pods { &self.on_pods[..] } else { &[] };
        let has_images = has_pods || images::has_fields(object);
        let on_images = if has_images { &self.on_images[..] } else { &[] };
        let configures = !self.on_components.is_empty() && component::configures(object);
        let on_components = if configures { &self.on_components[..] } else { &[] };
        [by_kind, on_pods, on_images, on_components, &self.on_every].into_iter().flatten().copied()
    }

    /// Runs the checks of a whole world.
    pub fn judge_world<'a>(
        &'a self,
        world: &'a World,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        for &index in &self.on_worlds {
            self.run(index, world, Target::World(world), None, now, out);
        }
        if !world.is_live() && world.of_kind(kinds::NODE_FACTS).next().is_none() {
            return;
        }
        let seen = programs::seen(world);
        for (index, Registered { check, rule }) in self.checks.iter().enumerate() {
            let meta = check.meta();
            let said = programs::verdict(meta, check.dispatch(), world, &seen);
            if let Some((mut verdict, programs)) = said {
                self.mute(&mut verdict);
                let subject = Subject::World { name: world.name().clone() };
                out(Report { check: meta, rule, index, subject, object: None, programs, verdict });
            }
        }
    }

    /// Runs the checks of facts about an image.
    pub fn judge_image<'a>(
        &'a self,
        image: &'a Image,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        for &index in &self.on_image_facts {
            self.run(index, &NOWHERE, Target::Image(image), None, now, out);
        }
    }

    /// Returns checks whose facts were not requested, or not for every image, each with the first
    /// missing fact.
    pub fn unasked(&self, snapshot: &Snapshot) -> Vec<(&Meta, Fact)> {
        self.metas().filter_map(|meta| Some((meta, missing(meta, snapshot)?))).collect()
    }

    /// Returns the rules of such checks among all existing ones, including those that did not see
    /// every image.
    pub fn unasked_rules(&self, snapshot: &Snapshot) -> Vec<Arc<Rule>> {
        let entries = self.catalog.entries().iter();
        let images = snapshot.facts().images.as_ref();
        let lacks = images.is_some_and(|images| images.has_missing());
        let unasked = entries.filter(|entry| {
            let meta = entry.meta();
            missing(meta, snapshot).is_some() || lacks && meta.needs_images()
        });
        unasked.map(|entry| entry.rule().clone()).collect()
    }

    fn run<'a>(
        &'a self,
        index: usize,
        world: &'a World,
        target: Target<'a>,
        refused: Option<&Claim<'a>>,
        now: Timestamp,
        out: &mut impl FnMut(Report<'a>),
    ) {
        let Registered { check, rule } = &self.checks[index];
        let cx = Cx::new(world, check.meta(), self.kubernetes, now);
        let object = match target {
            Target::Object(object, _) | Target::AllPods(object) => Some(object),
            Target::World(_) | Target::Image(_) => None,
        };
        // Its subjects are counted but not checked.
        let only_files = check.meta().files_only && world.is_live();
        let of_pods = matches!(check.dispatch(), Dispatch::Pods | Dispatch::Images);
        let fragment = of_pods && object.is_some_and(is_fragment);
        let other = check.dispatch() == Dispatch::Every && !object.is_some_and(Object::is_workload);
        let refused = object.zip(refused).filter(|_| !other);
        let (mut seen, mut proven) = (false, false);
        check.run(target, &cx, &mut |subject, program, verdict| {
            let mut verdict = match verdict {
                _ if only_files => Verdict::NotApplicable,
                verdict if fragment => said(verdict),
                verdict => verdict,
            };
            seen = true;
            let silent = match verdict {
                Verdict::Holds => true,
                // For a workload, this may be because its pods cannot be read.
                Verdict::NotApplicable => object.is_some_and(Object::is_workload),
                Verdict::Fails(_) | Verdict::Unknown(_) => false,
            };
            if refused.is_some() && silent {
                proven = true;
                return;
            }
            let programs = program.into_iter().collect();
            self.mute(&mut verdict);
            out(Report { check: check.meta(), rule, index, subject, object, programs, verdict });
        });
        if let Some((object, why)) = refused.filter(|_| proven || !seen) {
            let mut verdict = why.clone().into();
            self.mute(&mut verdict);
            let (subject, check) = (object.subject(None), check.meta());
            let (object, programs) = (Some(object), Vec::new());
            out(Report { check, rule, index, subject, object, programs, verdict });
        }
    }

    fn mute(&self, verdict: &mut Verdict<'_>) {
        let (Verdict::Fails(claims) | Verdict::Unknown(claims)) = verdict else { return };
        for claim in claims.iter_mut().filter(|_| self.wordless) {
            claim.message = self.words(std::mem::take(&mut claim.message));
            claim.advice = self.words(std::mem::take(&mut claim.advice));
        }
    }
}

/// Returns the first fact required by a check that was not requested, or not for every image.
fn missing(meta: &Meta, snapshot: &Snapshot) -> Option<Fact> {
    let given = |kind| snapshot.worlds().iter().any(|world| world.nth(kind, 0).is_some());
    let has = |fact: &Fact| match (fact, &snapshot.facts().images) {
        (Fact::Usage, _) => given(kinds::USAGE_FACTS),
        (Fact::Probes, _) => given(kinds::PROBE_FACTS),
        (_, None) => false,
        // Source trees do not count.
        (Fact::Images, Some(images)) => {
            let all = images.all();
            all.is_empty() || all.iter().any(|image| !image.source_tree)
        }
        (Fact::Vulnerabilities, Some(images)) => {
            images.all().iter().all(|image| image.matches.is_some())
        }
    };
    meta.facts.iter().copied().find(|fact| !has(fact))
}
