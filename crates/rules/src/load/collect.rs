//! Collects the definitions, overrides and appended parts of all files in order.

use pavisade_yaml::{Kind, NoteKind, Source, Value, read};

use super::exceptions::{self, Exception};
use super::part::{Place, flag, missing, number, text, texts, validate};
use super::{Code, ENGINE, Item, MAX_BYTES, Message, Priority, RuleFile};

/// All definitions in the order of their first occurrence.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) lists: Vec<Definition<Vec<String>>>,
    pub(super) macros: Vec<Definition<String>>,
    pub(super) rules: Vec<Definition<RuleText>>,
    pub(super) errors: Vec<Message>,
    pub(super) warnings: Vec<Message>,
    next: usize,
}

/// A named definition.
pub(super) struct Definition<T> {
    pub(super) name: String,
    /// The first definition.
    pub(super) place: Place,
    /// The order of the first definition: later definitions can use it.
    pub(super) index: usize,
    /// The order of the last definition: it can use earlier ones.
    pub(super) visibility: usize,
    pub(super) value: T,
}

/// The fields of a rule before compilation.
pub(super) struct RuleText {
    pub(super) description: String,
    pub(super) condition: String,
    pub(super) output: String,
    pub(super) priority: Priority,
    pub(super) source: String,
    pub(super) enabled: bool,
    pub(super) tags: Vec<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) warn_event_types: bool,
    pub(super) skip_unknown: bool,
}

/// What an element of a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Append,
    Replace,
}

pub(super) fn collect(files: &[RuleFile<'_>]) -> Collected {
    let mut all = Collected::default();
    for file in files {
        let whole = Place { file: file.name.to_owned(), line: 1 };
        if file.text.len() > MAX_BYTES {
            let text = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
            all.errors.push(whole.message(Code::YamlParse, Item::Content, "", text));
            continue;
        }
        let source = Source::new(file.name, file.text);
        let documents = read(&source);
        for note in documents.notes {
            let place = Place { line: source.line_at(note.span.0), ..whole.clone() };
            match note.kind {
                NoteKind::Unreadable | NoteKind::Limit => {
                    let message = place.message(Code::YamlParse, Item::Content, "", note.message);
                    all.errors.push(message);
                }
                NoteKind::DuplicateKey => {
                    let message = place.message(Code::UnknownKey, Item::Content, "", note.message);
                    all.warnings.push(message);
                }
                NoteKind::DroppedText => {
                    let message = place.message(Code::UnknownKey, Item::Content, "", note.message);
                    all.warnings.push(message);
                }
                // Rules of kubectl about streams, which Falco does not have.
                NoteKind::Refused => {}
            }
        }
        for doc in &documents.docs {
            all.document(doc.root());
        }
    }
    all
}

/// The keys of each item; the first one is its name.
const KEYS: [(Item, &[&str]); 5] = [
    (
        Item::Rule,
        &[
            "rule",
            "desc",
            "condition",
            "output",
            "priority",
            "source",
            "enabled",
            "tags",
            "exceptions",
            "append",
            "override",
            "warn_evttypes",
            "skip-if-unknown-filter",
            "capture",
            "capture_duration",
        ],
    ),
    (Item::Macro, &["macro", "condition", "append", "override"]),
    (Item::List, &["list", "items", "append", "override"]),
    (Item::EngineVersion, &["required_engine_version"]),
    (Item::PluginVersions, &["required_plugin_versions"]),
];

/// The keys of a rule that `override` may append to or replace.
const APPENDABLE: [&str; 5] = ["condition", "output", "desc", "tags", "exceptions"];
const REPLACEABLE: [&str; 11] = [
    "desc",
    "condition",
    "output",
    "priority",
    "enabled",
    "exceptions",
    "tags",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];

impl Collected {
    fn document(&mut self, root: Value<'_>) {
        let content = |text: &str| {
            Place::of(root).message(Code::YamlValidate, Item::Content, "", text.to_owned())
        };
        match root.kind() {
            Kind::Null => {}
            Kind::Sequence => root.items().for_each(|item| self.item(item)),
            Kind::Mapping => {
                self.errors.push(content("Rules content is not yaml array of objects"));
            }
            _ => self.errors.push(content("Rules content is not yaml")),
        }
    }

    fn item(&mut self, value: Value<'_>) {
        let place = Place::of(value);
        // An empty list element.
        if value.is_null() {
            return;
        }
        if value.kind() != Kind::Mapping {
            let text = "Unexpected element type. Each element should be a yaml associative array.";
            self.errors.push(place.message(Code::YamlValidate, Item::Content, "", text.to_owned()));
            return;
        }
        let known = KEYS.into_iter().find(|(_, keys)| value.get(keys[0]).is_some());
        let Some((item, keys)) = known else {
            let text = "Unknown top level object".to_owned();
            self.warnings.push(place.message(Code::UnknownKey, Item::Content, "", text));
            return;
        };
        let name = value.get(keys[0]).and_then(|name| name.scalar_text()).unwrap_or_default();
        for (key, _) in value.entries().filter(|(key, _)| !keys.contains(key)) {
            let text = format!("Unknown key '{key}'");
            self.warnings.push(place.message(Code::UnknownKey, item, &name, text));
        }
        let named = matches!(item, Item::Rule | Item::Macro | Item::List);
        if named && name.is_empty() {
            let text = format!("Mapping for key '{}' is empty", keys[0]);
            self.errors.push(place.message(Code::YamlValidate, item, "", text));
            return;
        }
        if value.bool("append").is_some() {
            let text = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') \
                        under 'override' instead.";
            self.warnings.push(place.message(Code::Deprecated, item, &name, text.to_owned()));
        }
        let done = match item {
            Item::Rule => self.rule(&name, value),
            Item::Macro => self.macro_item(&name, value),
            Item::List => self.list(&name, value),
            Item::EngineVersion => engine(value).map_err(|text| (Code::Validate, text)),
            _ => Ok(()),
        };
        if let Err((code, text)) = done {
            self.errors.push(place.message(code, item, &name, text));
        }
    }

    fn order(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn list(&mut self, name: &str, value: Value<'_>) -> Result<(), (Code, String)> {
        self.check_name(Item::List, name, value);
        let action = simple_action(value, "items")?;
        let items = value.get("items").ok_or_else(|| missing("items"))?;
        if items.kind() != Kind::Sequence {
            return Err(validate("'items' is not a list"));
        }
        let items = items.items().filter_map(|item| item.scalar_text()).map(unquoted).collect();
        let order = self.order();
        let place = Place::of(value);
        let append = action == Some(Action::Append);
        define(&mut self.lists, name, place, order, append, items, Vec::extend)
            .ok_or_else(|| absent("List", "items"))
    }

    fn macro_item(&mut self, name: &str, value: Value<'_>) -> Result<(), (Code, String)> {
        self.check_name(Item::Macro, name, value);
        let action = simple_action(value, "condition")?;
        let condition = text(value, "condition")?.ok_or_else(|| missing("condition"))?;
        let order = self.order();
        let place = Place::of(value);
        let append = action == Some(Action::Append);
        define(&mut self.macros, name, place, order, append, condition, appended)
            .ok_or_else(|| absent("Macro", "condition"))
    }

    fn check_name(&mut self, item: Item, name: &str, value: Value<'_>) {
        let first = name.starts_with(|char: char| char.is_ascii_alphabetic());
        if !first || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            let kind = if item == Item::List { "List" } else { "Macro" };
            let text = format!(
                "{kind} has an invalid name. {kind} names should match a regular expression: \
                 [a-zA-Z]+[a-zA-Z0-9_]*"
            );
            let message = Place::of(value).message(Code::InvalidName, item, name, text);
            self.warnings.push(message);
        }
    }

    fn rule(&mut self, name: &str, value: Value<'_>) -> Result<(), (Code, String)> {
        let order = self.order();
        if let Some(overrides) = value.get("override") {
            if value.bool("append") == Some(true) {
                return Err(validate(
                    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' \
                     entry (e.g. 'condition: append') under 'override' instead.",
                ));
            }
            return self.override_rule(name, value, overrides, order);
        }
        if value.bool("append") == Some(true) {
            let known = self.rules.iter_mut().find(|rule| rule.name == name);
            let rule = known.ok_or_else(|| absent("Rule", "condition"))?;
            if value.get("condition").is_none() && value.get("exceptions").is_none() {
                return Err(validate("Appended rule must have exceptions or condition property"));
            }
            if let Some(condition) = text(value, "condition")? {
                appended(&mut rule.value.condition, condition);
            }
            rule.visibility = order;
            return exceptions::append(&mut rule.value.exceptions, value, &mut self.errors);
        }
        // The element only enables or disables a known rule.
        if value.entries().all(|(key, _)| matches!(key, "rule" | "enabled"))
            && let Some(enabled) = flag(value, "enabled")?
        {
            let known = self.rules.iter_mut().find(|rule| rule.name == name);
            let rule = known.ok_or_else(|| {
                validate("Rule has 'enabled' key but no rule by that name already exists")
            })?;
            rule.value.enabled = enabled;
            return Ok(());
        }
        let needed = |key: &str| text(value, key)?.ok_or_else(|| missing(key));
        let source = text(value, "source")?.filter(|source| !source.is_empty());
        let source = source.unwrap_or_else(|| "syscall".to_owned());
        let mut made = RuleText {
            condition: needed("condition")?,
            output: needed("output")?,
            description: needed("desc")?,
            priority: priority(value)?.ok_or_else(|| missing("priority"))?,
            source,
            enabled: flag(value, "enabled")?.unwrap_or(true),
            tags: texts(value, "tags")?.unwrap_or_default(),
            exceptions: Vec::new(),
            warn_event_types: flag(value, "warn_evttypes")?.unwrap_or(true),
            skip_unknown: flag(value, "skip-if-unknown-filter")?.unwrap_or(false),
        };
        number(value, "capture_duration")?;
        exceptions::define(&mut made.exceptions, value, &mut self.errors)?;
        if let Some(known) = self.rules.iter().find(|rule| rule.name == name)
            && known.value.source != made.source
        {
            return Err(validate("Rule has been re-defined with a different source"));
        }
        let place = Place::of(value);
        define(&mut self.rules, name, place, order, false, made, |_, _| {});
        Ok(())
    }

    fn override_rule(
        &mut self,
        name: &str,
        value: Value<'_>,
        overrides: Value<'_>,
        order: usize,
    ) -> Result<(), (Code, String)> {
        let actions = actions(overrides)?;
        for (key, action) in &actions {
            let (verb, allowed) = match action {
                Action::Append => ("append", &APPENDABLE[..]),
                Action::Replace => ("replace", &REPLACEABLE[..]),
            };
            if !allowed.contains(key) {
                return Err(validate(&format!("Key '{key}' cannot be used with '{verb}'")));
            }
            if value.get(key).is_none() {
                return Err(validate(&format!(
                    "An {verb} override for '{key}' was specified but '{key}' is not defined"
                )));
            }
        }
        for (key, _) in value.entries() {
            if !matches!(key, "rule" | "override")
                && !actions.iter().any(|(other, _)| *other == key)
            {
                return Err(validate(&format!(
                    "Unexpected key '{key}': no corresponding entry under 'override' is defined."
                )));
            }
        }
        let Some(rule) = self.rules.iter_mut().find(|rule| rule.name == name) else {
            return Err(if actions.iter().any(|(_, action)| *action == Action::Replace) {
                validate(
                    "An 'override.<key>: replace' to a rule was requested but no rule by that name \
                     already exists",
                )
            } else {
                absent("Rule", "<key>")
            });
        };
        rule.visibility = order;
        for (key, action) in actions {
            let replace = action == Action::Replace;
            let put = |old: &mut String, new: Option<String>| match new {
                Some(new) if replace => *old = new,
                Some(new) => appended(old, new),
                None => {}
            };
            match key {
                "condition" => put(&mut rule.value.condition, text(value, key)?),
                "output" => put(&mut rule.value.output, text(value, key)?),
                "desc" => put(&mut rule.value.description, text(value, key)?),
                "tags" => {
                    let tags = texts(value, key)?.unwrap_or_default();
                    if replace {
                        rule.value.tags.clear();
                    }
                    rule.value.tags.extend(tags);
                }
                "priority" => {
                    rule.value.priority = priority(value)?.ok_or_else(|| missing(key))?;
                }
                "enabled" => rule.value.enabled = flag(value, key)?.unwrap_or(true),
                "warn_evttypes" => {
                    rule.value.warn_event_types = flag(value, key)?.unwrap_or(true);
                }
                "skip-if-unknown-filter" => {
                    rule.value.skip_unknown = flag(value, key)?.unwrap_or(false);
                }
                "exceptions" if replace => {
                    rule.value.exceptions.clear();
                    exceptions::define(&mut rule.value.exceptions, value, &mut self.errors)?;
                }
                "exceptions" => {
                    exceptions::append(&mut rule.value.exceptions, value, &mut self.errors)?;
                }
                "capture_duration" => number(value, key)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Defines an item or appends to it; `None` if there is nothing to append to.
fn define<T>(
    all: &mut Vec<Definition<T>>,
    name: &str,
    place: Place,
    order: usize,
    append: bool,
    value: T,
    join: impl FnOnce(&mut T, T),
) -> Option<()> {
    match all.iter_mut().find(|other| other.name == name) {
        Some(known) => {
            known.visibility = order;
            if append {
                join(&mut known.value, value);
            } else {
                known.value = value;
            }
        }
        None if append => return None,
        None => {
            let name = name.to_owned();
            all.push(Definition { name, place, index: order, visibility: order, value });
        }
    }
    Some(())
}

fn appended(text: &mut String, more: String) {
    text.push(' ');
    text.push_str(&more);
}

/// Returns the action for a list or macro, whose only overridable key is `key`.
fn simple_action(value: Value<'_>, key: &str) -> Result<Option<Action>, (Code, String)> {
    let append = (value.bool("append") == Some(true)).then_some(Action::Append);
    let Some(overrides) = value.get("override") else { return Ok(append) };
    let actions = actions(overrides)?;
    match actions[..] {
        [(only, action)] if only == key && append.is_none() => Ok(Some(action)),
        _ => Err(validate(&format!("'override' may name '{key}' alone, without 'append'"))),
    }
}

fn actions<'d>(overrides: Value<'d>) -> Result<Vec<(&'d str, Action)>, (Code, String)> {
    let action = |(key, value): (&'d str, Value<'d>)| match value.as_str() {
        Some("append") => Ok((key, Action::Append)),
        Some("replace") => Ok((key, Action::Replace)),
        _ => Err(validate(&format!("'override.{key}' must be 'append' or 'replace'"))),
    };
    overrides.entries().map(action).collect()
}

fn absent(kind: &str, key: &str) -> (Code, String) {
    let lower = kind.to_ascii_lowercase();
    validate(&format!(
        "{kind} uses 'append' or 'override.{key}: append' but no {lower} by that name already exists"
    ))
}

fn priority(value: Value<'_>) -> Result<Option<Priority>, (Code, String)> {
    match text(value, "priority")? {
        None => Ok(None),
        Some(name) => match Priority::parse(&name) {
            Some(priority) => Ok(Some(priority)),
            None => {
                let known = Priority::ALL.map(Priority::name).join(", ");
                let text = format!("Invalid priority '{name}'; there are {known}");
                Err((Code::YamlValidate, text))
            }
        },
    }
}

/// Removes quotes of the filter language inside a YAML string.
fn unquoted(text: std::borrow::Cow<'_, str>) -> String {
    match crate::filter::unescape(text.as_bytes()).map(String::from_utf8) {
        Ok(Ok(inner)) if text.len() > 1 => inner,
        _ => text.into_owned(),
    }
}

/// Rejects files for a newer engine, whose language may differ.
fn engine(value: Value<'_>) -> Result<(), String> {
    let wanted = value.get("required_engine_version").and_then(|value| value.scalar_text());
    let wanted = wanted.unwrap_or_default();
    // A single number is the minor version.
    let numbers: Option<Vec<u32>> = wanted.split('.').map(|part| part.parse().ok()).collect();
    let wants = match numbers.as_deref() {
        Some([minor]) => [0, *minor, 0],
        Some([major, minor, patch]) => [*major, *minor, *patch],
        _ => return Err(format!("'{wanted}' is not a version")),
    };
    if wants > ENGINE {
        let [major, minor, patch] = ENGINE;
        return Err(format!(
            "the rules need engine version {wanted}, but this one understands {major}.{minor}.{patch}"
        ));
    }
    Ok(())
}
