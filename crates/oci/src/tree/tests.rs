use super::*;

/// Applies entries `(layer, path, what)`; `what` is `dir`, `file`, `-> target` or `= target`.
fn tree(entries: &[(u16, &str, &str)]) -> Result<Tree, Refusal> {
    let mut tree = Tree::new(&Limits::default());
    for ((layer, path, what), entry) in entries.iter().zip(0..) {
        let said = match what.split_once(' ') {
            Some(("->", target)) => Said::Link(target.as_bytes()),
            Some(("=", target)) => Said::HardLink(target.as_bytes()),
            _ if *what == "dir" => Said::Folder,
            _ => Said::File,
        };
        tree.apply(FileId { layer: *layer, entry }, path.as_bytes(), 0o644, said)?;
    }
    Ok(tree)
}

/// Returns the paths of all files in order.
fn files(tree: &Tree) -> Vec<String> {
    let mut paths = Vec::new();
    tree.each(|path, kind, _, _| {
        if matches!(kind, Kind::File(_)) {
            paths.push(String::from_utf8_lossy(path).into_owned());
        }
    });
    paths.sort();
    paths
}

#[test]
fn whiteouts_remove_what_is_of_lower_layers() {
    for (entries, expect) in [
        // The order of entries within a layer does not matter.
        (
            &[(0, "d/old", "file"), (1, "d/new", "file"), (1, "d/.wh..wh..opq", "file")][..],
            &["d/new"][..],
        ),
        (&[(0, "d/old", "file"), (1, "d/.wh..wh..opq", "file"), (1, "d/new", "file")], &["d/new"]),
        (&[(0, "d/a", "file"), (1, "d/a", "file"), (1, ".wh.d", "file")], &["d/a"]),
        (&[(0, "d/a", "file"), (1, ".wh.d", "file"), (2, "d/b", "file")], &["d/b"]),
        (
            &[
                (0, "d/e/a", "file"),
                (0, "d/e/b", "file"),
                (1, "d/e/b", "file"),
                (1, "d/.wh..wh..opq", "file"),
            ],
            &["d/e/b"],
        ),
        // Twice in one layer, and again in the next.
        (
            &[
                (0, "d/a", "file"),
                (1, "d/.wh..wh..opq", "file"),
                (1, "d/b", "file"),
                (1, "d/.wh..wh..opq", "file"),
                (2, ".wh.d", "file"),
            ],
            &[],
        ),
        (
            &[
                (0, "d/a", "file"),
                (1, "d/b/c", "file"),
                (1, "d/.wh..wh..opq", "file"),
                (2, "d/.wh..wh..opq", "file"),
                (2, "e", "file"),
            ],
            &["e"],
        ),
        // Metadata of aufs, and directories whose names only look like whiteouts.
        (&[(0, "a", "file"), (1, ".wh..wh.plnk", "file")], &["a"]),
        (&[(0, "a", "file"), (1, ".wh.a/b", "file")], &[".wh.a/b", "a"]),
        // Through a link, within the root.
        (&[(0, "d/a", "file"), (0, "l", "-> /d"), (1, "l/.wh.a", "file")], &[]),
        (&[(0, "a", "file"), (0, "l", "-> ../.."), (1, "l/.wh.a", "file")], &[]),
    ] {
        assert_eq!(files(&tree(entries).unwrap()), expect, "{entries:?}");
    }
    for name in [".wh.", "d/.wh..", "d/.wh..."] {
        assert!(matches!(tree(&[(0, name, "file")]), Err(Refusal::Whiteout(_))), "{name}");
    }
}

#[test]
fn what_is_replaced_takes_what_was_in_it_along() {
    for (entries, expect) in [
        (&[(0, "d/a", "file"), (1, "d", "file")][..], &["d"][..]),
        (&[(0, "d/a", "file"), (1, "d", "-> e"), (1, "d/b", "file")], &["e/b"]),
        (&[(0, "d", "file"), (1, "d/a", "file")], &["d/a"]),
        (&[(0, "d/a", "file"), (0, "d", "file"), (0, "d/b", "file")], &["d/b"]),
        (&[(0, "d/a", "file"), (1, "d", "dir")], &["d/a"]),
        // A link that changes its target.
        (
            &[(0, "l", "-> d"), (0, "l/a", "file"), (0, "l", "-> e"), (0, "l/b", "file")],
            &["d/a", "e/b"],
        ),
        (
            &[
                (0, "x/l", "-> /d"),
                (0, "x/l/a", "file"),
                (1, ".wh.x", "file"),
                (1, "x/l/b", "file"),
            ],
            &["d/a", "x/l/b"],
        ),
    ] {
        assert_eq!(files(&tree(entries).unwrap()), expect, "{entries:?}");
    }
}

#[test]
fn hard_links_share_a_file_that_stays_when_one_name_goes() {
    let tree = tree(&[(0, "a", "file"), (1, "b", "= a"), (2, ".wh.a", "file")]).unwrap();
    assert_eq!(tree.file(b"b").unwrap(), Some(FileId { layer: 0, entry: 0 }));
    assert_eq!(tree.file(b"a").unwrap(), None);
    for entries in [&[(0, "b", "= a")][..], &[(0, "a", "dir"), (0, "b", "= a")]] {
        assert!(matches!(self::tree(entries), Err(Refusal::HardLink(_))), "{entries:?}");
    }
}

#[test]
fn ways_that_do_not_end_are_refused() {
    let circle = [(0, "a", "-> b"), (0, "b", "-> a"), (0, "a/c", "file")];
    assert!(matches!(tree(&circle), Err(Refusal::TooManyLinks(_))));
    let deep = "a/".repeat(600);
    assert!(matches!(tree(&[(0, &deep, "file")]), Err(Refusal::TooDeep(_))));
    // A link loop that grows the path up to its limit.
    let long = format!("-> {}l", "../".repeat(300));
    let entries = [(0, "l", &*long), (0, "l/a/b/c", "file")];
    assert!(matches!(tree(&entries), Err(Refusal::TooDeep(_) | Refusal::TooManyLinks(_))));
    // Links that lead deeper than any path.
    let half = "a/".repeat(400);
    let mut entries = vec![(0, half.clone(), "dir".to_owned())];
    for number in 0..20 {
        let from = if number == 0 { half.clone() } else { format!("l{}/{half}", number - 1) };
        entries.push((0, format!("l{number}"), format!("-> {from}")));
        entries.push((0, format!("l{number}/{half}"), "dir".to_owned()));
    }
    let entries: Vec<_> = entries.iter().map(|(l, p, w)| (*l, p.as_str(), w.as_str())).collect();
    assert!(matches!(tree(&entries), Err(Refusal::TooDeep(_) | Refusal::TooManyLinks(_))));
}

/// Each case would take minutes if the work were quadratic in the number of entries.
#[test]
fn work_grows_with_the_entries() {
    const MANY: u32 = 30_000;
    let mut tree = Tree::new(&Limits::default());
    let mut entry = 0;
    let mut apply = |layer, path: &str, said: Said<'_>| {
        entry += 1;
        tree.apply(FileId { layer, entry }, path.as_bytes(), 0o644, said)
    };
    for number in 0..MANY {
        apply(0, &format!("d/e/{number}"), Said::File).unwrap();
    }
    for number in 0..MANY {
        apply(1, &format!("d/e/new-{number}"), Said::File).unwrap();
    }
    for _ in 0..MANY {
        apply(1, "d/e/.wh..wh..opq", Said::File).unwrap();
        apply(1, "d/.wh..wh..opq", Said::File).unwrap();
        apply(1, ".wh.d", Said::File).unwrap();
    }
    for number in 0..MANY {
        apply(2, &format!("d/e/.wh.new-{number}"), Said::File).unwrap();
        apply(2, &format!("d/e/.wh.{number}"), Said::File).unwrap();
    }
    for number in 0..MANY {
        apply(2, "f", Said::Folder).unwrap();
        apply(2, &format!("f/{number}"), Said::File).unwrap();
        apply(2, "f", Said::File).unwrap();
    }
    // Paths of 20,000 components through links.
    let half = "../".repeat(500);
    for number in 1..40 {
        apply(2, &format!("l{number}"), Said::Link(format!("{half}l{}", number - 1).as_bytes()))
            .unwrap();
    }
    let through = (0..MANY).map(|number| apply(2, &format!("l39/{number}/a"), Said::File));
    let refused = through.collect::<Result<Vec<_>, _>>();
    assert!(matches!(refused, Err(Refusal::TooManyLinks(_))), "{:?}", refused.err());
}
