//! Runtime rules: events per second, and how that changes with the number of rules.
//!
//! The events are a mix as a busy node has it (5 % program starts), with the fields that rules ask
//! for. Decoding the recorded lines is measured apart: a sensor fills events without text.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use pavisade_rules::{OURS, Options, Recorded, RuleFile, RuleSet, Scratch, load};
use pavisade_yaml::{Source, read};

use crate::random::Random;

/// Distinct events; they are asked again and again.
const EVENTS: usize = 20_000;
const ROUNDS: usize = 20;

/// Measures our own rules, and 100, 500 and 2,000 rules made from them.
pub(super) fn run() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        println!("this build is not optimised: `cargo run --release -p xtask -- bench rules`");
    }
    let lines = events();
    let start = Instant::now();
    let sources: Vec<_> = lines.iter().map(|line| read(&Source::new("event", line))).collect();
    let roots = sources.iter().filter_map(|documents| documents.docs.first());
    let events: Vec<_> = roots.filter_map(|doc| Recorded::read(doc.root()).ok()).collect();
    let decoding = start.elapsed().as_secs_f64();
    println!("decoding: {:.0} lines/s, one thread", EVENTS as f64 / decoding);
    anyhow::ensure!(events.len() == EVENTS, "{} of {EVENTS} events were read", events.len());
    println!("rules   load ms   events/s, one thread   two threads   alerts in {EVENTS}");
    for count in [0, 100, 500, 2000] {
        let more = made(count);
        let own = OURS.iter().copied();
        let files: Vec<_> = own.chain([RuleFile { name: "made", text: &more }]).collect();
        let start = Instant::now();
        let loaded = load(&files, &Options::default());
        anyhow::ensure!(loaded.errors.is_empty(), "{:?}", loaded.errors.first());
        let set = RuleSet::new(&loaded.rules, "syscall");
        let load_ms = start.elapsed().as_secs_f64() * 1e3;
        let ask = || {
            let mut scratch = Scratch::default();
            let mut alerts = 0;
            for _ in 0..ROUNDS {
                alerts = events.iter().map(|event| set.matching(event, &mut scratch).count()).sum();
            }
            black_box(alerts)
        };
        let start = Instant::now();
        let alerts: usize = ask();
        let one = start.elapsed().as_secs_f64();
        let start = Instant::now();
        thread::scope(|scope| {
            let other = scope.spawn(ask);
            ask();
            drop(other.join());
        });
        let two = start.elapsed().as_secs_f64();
        let asked = (EVENTS * ROUNDS) as f64;
        println!(
            "{:>5}   {load_ms:>7.0}   {:>20.0}   {:>11.0}   {alerts:>6}",
            set.rules().len(),
            asked / one,
            2.0 * asked / two
        );
    }
    Ok(())
}

/// Rules as users write them: macros in common, and lists of names, paths, ports and images.
fn made(count: usize) -> String {
    let mut text = String::from(
        "- macro: made_spawned\n  condition: (evt.type in (execve, execveat) and container.id != host)\n\
         - macro: made_open\n  condition: (evt.type in (open, openat, openat2) and fd.num >= 0)\n",
    );
    for number in 0..count {
        let condition = match number % 8 {
            0 => format!("made_spawned and proc.name in (tool{number}, tool{number}-cli)"),
            1 => {
                format!("made_spawned and proc.pname = server{number} and not proc.name in (a, b)")
            }
            2 => format!(
                "made_open and evt.is_open_write = true and fd.name startswith /srv/{number}/"
            ),
            3 => format!("made_open and fd.name pmatch (/data/{number}, /data/{number}/x)"),
            4 => format!(
                "evt.type = connect and fd.sport = {} and not proc.name = app",
                20_000 + number
            ),
            5 => format!("made_spawned and proc.cmdline contains \"--flag-{number}\""),
            6 => format!(
                "made_spawned and container.image.repository endswith /image{number} and proc.tty != 0"
            ),
            _ => format!("made_spawned and proc.cmdline regex \"run {number} [a-z]+\""),
        };
        let rule = format!(
            "- rule: Made {number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
        );
        text.push_str(&rule);
    }
    text
}

fn events() -> Vec<String> {
    let mut random = Random(3);
    let programs =
        ["app", "nginx", "bash", "sh", "node", "java", "cat", "runc", "tool8", "python3"];
    let paths =
        ["/etc/hosts", "/usr/lib/libc.so.6", "/data/11/x", "/proc/self/stat", "/srv/2/a", "/tmp/a"];
    let event = |_| {
        let program = *random.pick(&programs);
        let common = format!(
            "\"proc.name\":\"{program}\",\"proc.pname\":\"{}\",\"proc.exepath\":\"/usr/bin/{program}\",\"proc.tty\":0,\
             \"container.id\":\"{}\",\"container.image.repository\":\"registry.example/image{}\",\"user.uid\":0",
            random.pick(&programs),
            random.pick(&["host", "3f6a1b", "77aa01"]),
            random.below(50),
        );
        let own = match random.below(100) {
            0..5 => format!(
                "\"evt.type\":\"execve\",\"proc.cmdline\":\"{program} run {} now\",\"proc.is_exe_upper_layer\":false",
                random.below(600)
            ),
            5..35 => format!(
                "\"evt.type\":\"openat\",\"fd.num\":3,\"fd.name\":\"{}\",\"evt.is_open_read\":true,\"evt.is_open_write\":false",
                random.pick(&paths)
            ),
            35..50 => format!(
                "\"evt.type\":\"connect\",\"fd.typechar\":\"4\",\"fd.sip\":\"10.0.0.{}\",\"fd.sport\":{}",
                random.below(250),
                random.pick(&["443", "5432", "20004", "80"])
            ),
            50..85 => "\"evt.type\":\"close\",\"fd.num\":3".to_owned(),
            _ => "\"evt.type\":\"read\",\"fd.num\":3".to_owned(),
        };
        format!("{{{own},{common}}}")
    };
    (0..EVENTS).map(event).collect()
}
