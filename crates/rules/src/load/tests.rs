use super::*;

fn loaded(texts: &[&str]) -> Loaded {
    let names: Vec<_> = (1..=texts.len()).map(|number| format!("{number}.yaml")).collect();
    let files: Vec<_> =
        names.iter().zip(texts).map(|(name, text)| RuleFile { name, text }).collect();
    load(&files, &Options::default())
}

const RULE: &str = "\
- list: shells
  items: [bash, sh]
- macro: user_known
  condition: (never_true)
- rule: Shell
  desc: A shell
  condition: evt.type = execve and proc.name in (shells) and not user_known
  output: shell %proc.name
  priority: NOTICE
";

#[test]
fn a_bad_item_hides_no_other() {
    let text = format!(
        "- macro: never_true\n  condition: evt.num = 0\n- rule: Bad\n  desc: x\n  condition: proc.nam = a\n  output: x\n  priority: INFO\n{RULE}"
    );
    let loaded = loaded(&[&text]);
    let shown: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["1.yaml:3: rule \"Bad\": filter_check called with nonexistent field proc.nam"]
    );
    assert_eq!(loaded.rules.len(), 1);
    assert_eq!(
        loaded.rules[0].compiled,
        "(evt.type = execve and proc.name in (bash, sh) and not evt.num = 0)"
    );
    assert!(loaded.rules[0].event_types.contains("execve"));
    assert!(!loaded.rules[0].event_types.contains("open"));
}

#[test]
fn a_later_file_tunes_an_earlier_one() {
    let first = format!("- macro: never_true\n  condition: evt.num = 0\n{RULE}");
    let second = "- macro: user_known\n  condition: proc.pname = cron\n- list: shells\n  items: [zsh]\n  override: {items: append}\n";
    let loaded = loaded(&[&first, second]);
    assert_eq!(loaded.errors, []);
    assert_eq!(
        loaded.rules[0].compiled,
        "(evt.type = execve and proc.name in (bash, sh, zsh) and not proc.pname = cron)"
    );
}

#[test]
fn macros_in_circles_end() {
    let text = "- macro: a\n  condition: evt.num = 0\n- macro: b\n  condition: a\n- macro: a\n  condition: b and b\n";
    let loaded = loaded(&[text]);
    assert!(loaded.errors.iter().any(|error| error.text.contains("too large")), "{loaded:?}");
}

#[test]
fn an_exception_excludes_its_tuples_alone() {
    let text = "\
- rule: Open
  desc: x
  condition: evt.type = open
  output: x
  priority: INFO
  exceptions:
    - name: programs
      fields: [proc.name, fd.name]
      comps: [=, startswith]
      values:
        - [cat, /tmp/a b]
        - [ls, /opt]
    - name: users
      fields: user.name
      values: [root, 'my user']
";
    let loaded = loaded(&[text]);
    assert_eq!(loaded.errors, []);
    assert_eq!(
        loaded.rules[0].compiled,
        "(evt.type = open and not ((proc.name = cat and fd.name startswith \"/tmp/a b\") or \
         (proc.name = ls and fd.name startswith /opt)) and not user.name in (root, \"my user\"))"
    );
}

#[test]
fn an_event_that_does_not_exist_is_an_error() {
    let text =
        "- rule: R\n  desc: x\n  condition: evt.type = opne\n  output: x\n  priority: INFO\n";
    assert_eq!(loaded(&[text]).errors[0].text, "unknown event type opne");
}

#[test]
fn a_rule_that_asks_for_fields_of_another_source_is_skipped_and_told() {
    let rule = |source: &str, condition: &str| {
        format!(
            "- rule: R\n  desc: x\n  source: {source}\n  condition: {condition}\n  output: x\n  priority: INFO\n"
        )
    };
    for (source, condition, kept) in [
        ("k8s_audit", "proc.name = a", false),
        ("k8s_audit", "container.id = a", false),
        ("k8s_audit", "ka.verb = get and evt.source = a", true),
        ("syscall", "evt.type = open and ka.verb = get", false),
        ("syscall", "evt.type = open and container.id = a", true),
    ] {
        let loaded = loaded(&[&rule(source, condition)]);
        assert_eq!(loaded.errors, []);
        assert_eq!(loaded.rules.len(), usize::from(kept), "{source}: {condition}");
        let skipped = loaded.warnings.iter().any(|warning| warning.code == Code::UnknownFilter);
        assert_eq!(skipped, !kept, "{source}: {condition}");
    }
    let (name, text) = ("a.yaml", rule("k8s_audit", "proc.name = a"));
    let options = Options { strict: true, ..Options::default() };
    assert_eq!(load(&[RuleFile { name, text: &text }], &options).errors.len(), 1);
}

#[test]
fn a_mistake_in_an_appended_exception_is_told() {
    let rule =
        "- rule: R\n  desc: x\n  condition: evt.type = open\n  output: x\n  priority: INFO\n";
    let more = "- rule: R\n  exceptions: [{name: e, values: [[a]]}]\n  append: true\n";
    let errors = loaded(&[rule, more]).errors;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].text, "Item has no mapping for key 'fields'");
}
