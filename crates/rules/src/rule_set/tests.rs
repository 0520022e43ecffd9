use super::*;
use crate::load::{Options, RuleFile, load};
use crate::ours::OURS;
use crate::recorded::Recorded;

/// Rules whose conditions share parts, with guards of all kinds.
const RULES: &str = r#"
- list: shells
  items: [bash, sh]
- macro: spawned
  condition: (evt.type in (execve, execveat) and evt.dir = <)
- macro: shell
  condition: (proc.name in (shells))
- {rule: A, desc: d, output: o, priority: INFO, condition: spawned and shell}
- {rule: B, desc: d, output: o, priority: INFO, condition: spawned and proc.name = vi and proc.pname in (shells)}
- {rule: C, desc: d, output: o, priority: INFO, condition: evt.type = openat and fd.name startswith /etc and not shell}
- {rule: D, desc: d, output: o, priority: INFO, condition: "evt.type != openat and proc.name regex 'b.*'"}
- {rule: E, desc: d, output: o, priority: INFO, condition: "not evt.type in (execve) and (proc.name regex '.*sh' or proc.aname[1] = init)"}
- {rule: F, desc: d, output: o, priority: INFO, condition: "proc.aname intersects (init, cron) and fd.name pmatch (/etc, /var/log)"}
- {rule: G, desc: d, output: o, priority: INFO, condition: "evt.type = connect and fd.sip in (10.0.0.1) and proc.name != sh"}
- {rule: J, desc: d, output: o, priority: INFO, condition: "evt.type = openat and fd.name pmatch (/var/log/a, /tmp)"}
- {rule: K, desc: d, output: o, priority: INFO, condition: "evt.type = openat and fd.name endswith /b and proc.name exists"}
- {rule: L, desc: d, output: o, priority: INFO, condition: "proc.name contains as and proc.name contains h"}
- {rule: M, desc: d, output: o, priority: INFO, condition: 'concat(proc.name, "proc.pname") = "shproc.pname"'}
- {rule: N, desc: d, output: o, priority: INFO, condition: 'concat(proc.name, proc.pname) = "shproc.pname"'}
- {rule: O, desc: d, output: o, priority: INFO, condition: 'concat(proc.name, proc.pname) = "shbash"'}
- {rule: P, desc: d, output: o, priority: INFO, condition: "evt.is_open_write = true and proc.name != vi"}
- {rule: Q, desc: d, output: o, priority: INFO, condition: "evt.is_open_write = false and not proc.name exists"}
- {rule: R, desc: d, output: o, priority: INFO, condition: "evt.type = openat and (proc.name = vi or fd.name startswith /etc or evt.is_open_write = true)"}
- {rule: S, desc: d, output: o, priority: INFO, condition: "evt.type = openat and (proc.name = vi or not fd.name exists)"}
- {rule: T, desc: d, output: o, priority: INFO, condition: "proc.name = vi and (fd.name = /tmp or proc.name contains as)"}
- {rule: U, desc: d, output: o, priority: INFO, condition: "proc.name in () or fd.name pmatch (/)"}
- {rule: H, desc: d, output: o, priority: INFO, enabled: false, condition: "spawned"}
- {rule: I, desc: d, output: o, priority: INFO, source: k8s_audit, condition: "ka.verb = get"}
"#;

fn pick<'t>(seed: &mut u64, from: &[&'t str]) -> &'t str {
    // xorshift64*, enough for cases.
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    from[usize::try_from(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % from.len()]
}

#[test]
fn the_index_finds_what_each_condition_finds() {
    let loaded = load(&[RuleFile { name: "r", text: RULES }], &Options::default());
    assert_eq!(loaded.errors, []);
    let set = RuleSet::new(&loaded.rules, "syscall");
    assert_eq!(set.rules().len(), 19);
    let mut scratch = Scratch::default();
    let mut seed = 7;
    let mut alerts = 0;
    for _ in 0..5000 {
        let mut event = Recorded::default();
        let mut set_one = |field, from: &[&'static str]| {
            let value = pick(&mut seed, from);
            if !value.is_empty() {
                event.set(field, Values::One(Value::text(value))).unwrap();
            }
        };
        set_one("evt.type", &["execve", "execveat", "openat", "connect", "close"]);
        set_one("evt.dir", &["<", ">", ""]);
        set_one("proc.name", &["bash", "sh", "vi", "b", ""]);
        set_one("proc.pname", &["bash", "init", ""]);
        set_one("proc.aname[1]", &["init", "cron", ""]);
        set_one("fd.name", &["/etc/passwd", "/etc", "/var/log/a/b", "//var/log//a", "/tmp", ""]);
        let names = [pick(&mut seed, &["init", "cron", "x"]), pick(&mut seed, &["init", "y"])];
        event.set("proc.aname", Values::Many(names.map(Value::text).to_vec())).unwrap();
        match pick(&mut seed, &["true", "false", ""]) {
            "" => {}
            text => {
                let written = Values::One(Value::Bool(text == "true"));
                event.set("evt.is_open_write", written).unwrap();
            }
        }
        if pick(&mut seed, &["a", "b"]) == "a" {
            let address = Value::Address("10.0.0.1".parse().unwrap());
            event.set("fd.sip", Values::One(address)).unwrap();
        }
        let one_by_one =
            |rule: &&Rule| rule.enabled && rule.source == "syscall" && rule.filter.matches(&event);
        let want: Vec<_> = loaded.rules.iter().filter(one_by_one).map(|r| &r.name).collect();
        let got: Vec<_> = set.matching(&event, &mut scratch).map(|rule| &rule.name).collect();
        assert_eq!(got, want, "{event:?}");
        alerts += want.len();
    }
    assert!(alerts > 1000, "{alerts}");
}

#[test]
fn what_conditions_share_is_one_node() {
    let loaded = load(&[RuleFile { name: "r", text: RULES }], &Options::default());
    let set = RuleSet::new(&loaded.rules, "syscall");
    let tests = set.graph.nodes.iter().filter(|op| matches!(op, Op::Test(_))).count();
    let expressions = set.graph.nodes.iter().filter(|op| matches!(op, Op::Expression(_))).count();
    // `spawned` and `shell` once each; both expressions on `proc.name` in one set.
    assert_eq!(expressions, 4);
    assert_eq!(set.graph.expressions.len(), 1);
    assert!(tests <= 30, "{tests}");
    // An event that no rule names is asked about those alone that could hold for it.
    let plan = &set.other;
    let guards = plan.guards.iter().flat_map(|field| &field.guards);
    let guarded = guards.flat_map(|guard| guard.rules.values()).flatten().count();
    // M, N and O compare what transformers make, and U takes every path.
    assert_eq!((plan.always.len(), guarded, plan.expressions.len()), (4, 6, 3));
}

#[test]
fn conditions_are_read_again_as_they_are_printed() {
    let loaded = load(OURS, &Options::default());
    for rule in &loaded.rules {
        let printed = parse(&rule.compiled).unwrap().to_string();
        assert_eq!(printed, rule.compiled, "{}", rule.name);
    }
}
