//! fanotify, on a small tmpfs so that nothing else is watched. Needs root.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pavisade_files::watch::{Event, Seen, Watch, What};

use crate::{is_root, scope};

struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Option<Self> {
        if !is_root() {
            println!("skipped: only root can watch a file system");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256m", "tmpfs"])
            .arg(folder.path())
            .status();
        if !done.is_ok_and(|done| done.success()) {
            println!("skipped: tmpfs cannot be mounted");
            return None;
        }
        fs::create_dir(folder.path().join("tree")).unwrap();
        Some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn watch(&self) -> Option<Watch> {
        match Watch::new(self.path(), &scope(&["/tree"]), true) {
            Ok(watch) => Some(watch),
            Err(error) => {
                println!("skipped: fanotify: {error}");
                None
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of delays")]
fn now() -> Instant {
    Instant::now()
}

/// Reads until nothing happens for a second, or until enough was seen.
fn read(watch: &mut Watch, enough: usize) -> (Vec<Event>, usize) {
    let (mut events, mut missed, mut last) = (Vec::new(), 0, now());
    while now().duration_since(last) < Duration::from_millis(1200) && events.len() < enough {
        let before = events.len();
        watch
            .read(Duration::from_millis(100), |seen| match seen {
                Seen::Event(event) => events.push(*event),
                Seen::Missed(_) => missed += 1,
            })
            .unwrap();
        if events.len() > before {
            last = now();
        }
    }
    (events, missed)
}

fn shell(script: &str, folder: &Path) {
    assert!(
        Command::new("sh").arg("-c").arg(script).current_dir(folder).status().unwrap().success()
    );
}

#[test]
fn who_changed_what() {
    let Some(disk) = Disk::new() else { return };
    let Some(mut watch) = disk.watch() else { return };
    let script = "echo a > tree/a; chmod 600 tree/a; mv tree/a tree/b; rm tree/b; mkdir tree/d; \
                  echo x > tree/d/x; mv tree/d tree/e; echo y > tree/e/y; echo n > not-watched; sleep 0.1; :";
    shell(script, disk.path());
    let (events, missed) = read(&mut watch, usize::MAX);
    assert_eq!(missed, 0);
    let all: BTreeSet<_> = events
        .iter()
        .flat_map(|event| {
            event.what.iter().map(|what| (String::from_utf8_lossy(&event.path).into_owned(), *what))
        })
        .collect();
    for expect in [
        ("/tree/a", What::Written),
        ("/tree/a", What::Attributes),
        ("/tree/a", What::MovedAway),
        ("/tree/b", What::MovedHere),
        ("/tree/b", What::Deleted),
        ("/tree/d", What::Created),
        ("/tree/e", What::MovedHere),
        ("/tree/e/y", What::Written),
    ] {
        assert!(all.contains(&(expect.0.to_owned(), expect.1)), "{expect:?} is not in {all:#?}");
    }
    assert!(all.iter().all(|(path, _)| path.starts_with("/tree")), "{all:?}");
    let chmod = events.iter().find(|event| event.what.contains(&What::Attributes)).unwrap();
    assert!(chmod.process.as_ref().is_none_or(|process| ["chmod", "sh"].contains(&&*process.name)));
}

#[test]
fn a_file_that_stays_open_is_reported() {
    use std::io::Write as _;
    let Some(disk) = Disk::new() else { return };
    let mut open = fs::File::create(disk.path().join("tree/log")).unwrap();
    let Some(mut watch) = disk.watch() else { return };
    // Changes of this process are not reported, so another one writes.
    let mut child = Command::new("sh")
        .args(["-c", "exec 3>>tree/log; echo line >&3; sleep 3; :"])
        .current_dir(disk.path())
        .spawn()
        .unwrap();
    open.write_all(b"own").unwrap();
    let started = now();
    let (events, _) = read(&mut watch, 1);
    assert!(now().duration_since(started) < Duration::from_millis(2500));
    assert_eq!(events.len(), 1);
    assert_eq!(&*events[0].path, b"/tree/log");
    assert_eq!(events[0].process.as_ref().map(|process| process.name.as_str()), Some("sh"));
    child.wait().unwrap();
}

#[test]
fn writes_in_writable_layers_are_of_the_container() {
    let Some(disk) = Disk::new() else { return };
    let layer = "store/io.containerd.snapshotter.v1.overlayfs/snapshots/7";
    fs::create_dir_all(disk.path().join(layer).join("fs/etc")).unwrap();
    fs::create_dir_all(disk.path().join(layer).join("work/work")).unwrap();
    let Some(mut watch) = disk.watch() else { return };
    shell(&format!("echo x > {layer}/fs/etc/passwd; echo x > {layer}/work/work/#1"), disk.path());
    let (events, _) = read(&mut watch, usize::MAX);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(&*events[0].path, b"/etc/passwd");
    assert!(events[0].layer.as_ref().unwrap().ends_with(b"snapshots/7/fs"));
}

#[test]
fn a_flood_is_said_and_does_not_fill_memory() {
    let limit = fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events").ok();
    let limit: usize = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(16_384);
    // More events than the queue of the kernel holds, before the first is read.
    let files = limit.saturating_add(5000);
    if files > 100_000 {
        println!("skipped: the queue of the kernel holds {limit} events");
        return;
    }
    let Some(disk) = Disk::new() else { return };
    let Some(mut watch) = disk.watch() else { return };
    let script = format!("i=0; while [ $i -lt {files} ]; do : > tree/f$i; i=$((i+1)); done; :");
    shell(&script, disk.path());
    let (events, missed) = read(&mut watch, usize::MAX);
    assert!(missed > 0, "{} events", events.len());
    assert!(events.len() <= limit + 4000, "{}", events.len());
    // It goes on afterwards.
    shell("echo x > tree/after", disk.path());
    let (events, missed) = read(&mut watch, usize::MAX);
    assert!(events.iter().any(|event| &*event.path == b"/tree/after"));
    assert_eq!(missed, 0);
}

#[test]
fn other_file_systems_below_are_said() {
    let Some(disk) = Disk::new() else { return };
    let inner = disk.path().join("tree/in side");
    fs::create_dir(&inner).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&inner).status();
    assert!(mounted.unwrap().success());
    let gaps = disk.watch().map(|watch| watch.gaps);
    let _ = Command::new("umount").arg(&inner).status();
    let Some(gaps) = gaps else { return };
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(&*gaps[0].path, b"/tree/in side");
}

/// A cgroup with the name of a pod's container, and nothing that limits it.
struct Cgroup(std::path::PathBuf);

impl Cgroup {
    fn new(uid: &str, container: &str) -> Option<Self> {
        let tops = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let top = tops.into_iter().find(|top| Path::new(top).join("cgroup.procs").exists())?;
        let own = format!("pavisade-watch-{}", std::process::id());
        let path =
            Path::new(top).join(own).join("kubepods").join(format!("pod{uid}")).join(container);
        fs::create_dir_all(&path).ok()?;
        let made = Self(path);
        // Another controller, or a limit of the container this runs in, may forbid it.
        let script = format!("echo $$ > {}/cgroup.procs", made.0.display());
        let moved = Command::new("sh").arg("-c").arg(script).stderr(Stdio::null()).status();
        moved.is_ok_and(|moved| moved.success()).then_some(made)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in self.0.ancestors().take(4) {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[test]
fn a_thousand_writes_by_twenty_processes_are_told_apart() {
    const PROCESSES: usize = 20;
    const WRITES: usize = 50;
    let Some(disk) = Disk::new() else { return };
    let logs = disk.path().join("var/log/pods");
    let groups: Vec<_> = (0..PROCESSES / 2)
        .map_while(|number| {
            let uid = format!("0f7e2d1c-1111-2222-3333-4444555500{number:02}");
            fs::create_dir_all(logs.join(format!("shop_web-{number}_{uid}"))).unwrap();
            Some((Cgroup::new(&uid, &format!("{number:064x}"))?, uid))
        })
        .collect();
    if groups.is_empty() {
        println!("without pods: no process can be moved into a new cgroup");
    }
    let Some(mut watch) = disk.watch() else { return };
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let join = match groups.get(number) {
                Some((group, _)) => format!("echo $$ > {}/cgroup.procs;", group.0.display()),
                None => String::new(),
            };
            let script = format!(
                "{join} i=0; while [ $i -lt {WRITES} ]; do echo x > tree/p{number}-$i; i=$((i+1)); \
                 done; sleep 1; :"
            );
            Command::new("sh").arg("-c").arg(script).current_dir(disk.path()).spawn().unwrap()
        })
        .collect();
    let pids: Vec<_> = children.iter().map(|child| child.id().cast_signed()).collect();
    let (mut written, mut late, started) = (BTreeSet::new(), 0, now());
    while written.len() < PROCESSES * WRITES
        && now().duration_since(started) < Duration::from_secs(30)
    {
        watch
            .read(Duration::from_millis(50), |seen| {
                let Seen::Event(event) = seen else { panic!("missed") };
                if !event.what.contains(&What::Written) {
                    return;
                }
                let name = String::from_utf8_lossy(&event.path).into_owned();
                let number: usize = name
                    .strip_prefix("/tree/p")
                    .unwrap()
                    .split('-')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap();
                assert_eq!(event.pid, pids[number], "{name}");
                let process = event.process.as_ref().unwrap();
                assert_eq!(process.name, "sh");
                let pod = process.pod.as_ref().map(|pod| (pod.uid.as_str(), pod.name.clone()));
                let expect = groups.get(number).map(|(_, uid)| {
                    (uid.as_str(), Some(("shop".to_owned(), format!("web-{number}"))))
                });
                assert_eq!(pod, expect, "{name}");
                let file = disk.path().join(name.trim_start_matches('/'));
                let age = fs::metadata(file).unwrap().modified().unwrap().elapsed().unwrap();
                late += usize::from(age > Duration::from_secs(1));
                written.insert(name);
            })
            .unwrap();
    }
    for mut child in children {
        child.wait().unwrap();
    }
    assert_eq!(written.len(), PROCESSES * WRITES);
    println!("{} writes, {late} reported after more than a second", written.len());
}
