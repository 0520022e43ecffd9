//! What is a difference, and what is not.

use pavisade_integrity::{Aspect, ChangeKind, Content, Doubt, Entry, Kind, Time, compare};

use crate::file;

fn changed(change: impl FnOnce(&mut Entry)) -> (Vec<ChangeKind>, Vec<Aspect>, usize) {
    let was = file("/a", "content");
    let mut is = was.clone();
    change(&mut is);
    let found = compare(&[was], &[is], &[]);
    let kinds = found.changes.iter().map(|change| change.kind).collect();
    let aspects = found.changes.into_iter().flat_map(|change| change.aspects).collect();
    (kinds, aspects, found.doubts.len())
}

#[test]
fn aspects() {
    type Edit = fn(&mut Entry);
    let cases: [(Edit, Vec<Aspect>); 12] = [
        (|is| is.content = file("/a", "CONTENT").content, vec![Aspect::Content]),
        (|is| is.mode = 0o4755, vec![Aspect::Mode]),
        (|is| is.uid = 1, vec![Aspect::Owner]),
        (|is| is.gid = 1, vec![Aspect::Group]),
        (|is| is.links = Some(2), vec![Aspect::Links]),
        (|is| is.flags = (true, false), vec![Aspect::Flags]),
        (
            |is| is.attributes = Ok(vec![("security.capability".into(), b"x"[..].into())]),
            vec![Aspect::Capabilities],
        ),
        (
            |is| is.attributes = Ok(vec![("system.posix_acl_access".into(), b"x"[..].into())]),
            vec![Aspect::Acl],
        ),
        (
            |is| is.attributes = Ok(vec![("user.x".into(), b"x"[..].into())]),
            vec![Aspect::Attribute("user.x".into())],
        ),
        (|is| (is.kind, is.content) = (Kind::Fifo, Content::Nothing), vec![Aspect::Type]),
        // None of these is a change.
        (|is| (is.mtime, is.ctime, is.inode) = (Time(1, 2), Time(3, 4), Some(9)), vec![]),
        // overlayfs, before or after.
        (|is| (is.inode, is.links) = (None, None), vec![]),
    ];
    for (edit, expect) in cases {
        let (kinds, aspects, doubts) = changed(edit);
        assert_eq!(aspects, expect);
        assert_eq!((kinds.len(), doubts), (usize::from(!expect.is_empty()), 0));
    }
}

#[test]
fn what_was_not_read_is_not_equal() {
    let unread = |is: &mut Entry| is.content = Content::Unread("permission denied".into());
    assert_eq!(changed(unread), (vec![], vec![], 1));
    // Its size proves that it changed.
    let (_, aspects, doubts) = changed(|is| {
        unread(is);
        is.size = 1;
    });
    assert_eq!((aspects, doubts), (vec![Aspect::Content], 1));
    // Metadata is still compared.
    let (_, aspects, _) = changed(|is| {
        unread(is);
        is.mode = 0o777;
    });
    assert_eq!(aspects, [Aspect::Mode]);
    assert_eq!(changed(|is| is.attributes = Err("no".into())), (vec![], vec![], 1));
    let (was, mut is) = (file("/a", "x"), file("/a", "x"));
    let mut blind = was.clone();
    blind.content = Content::Unread("it changed while it was read".into());
    is.mode = was.mode;
    assert_eq!(compare(&[blind], &[is], &[]).doubts.len(), 1);
}

#[test]
fn what_is_missing_below_a_gap_is_not_removed() {
    let was = [file("/a/b/c", "1"), file("/a/bc", "2"), file("/x", "3")];
    let gap = Doubt { path: b"/a/b"[..].into(), why: "permission denied".into() };
    let found = compare(&was, &[], &[gap]);
    let paths: Vec<_> = found.changes.iter().map(|change| change.path()).collect();
    assert_eq!(paths, [&b"/a/bc"[..], b"/x"]);
    assert_eq!(found.doubts.len(), 1);
}

#[test]
fn renames_are_by_inode_and_content() {
    let was = file("/old", "same");
    let mut is = was.clone();
    is.path = b"/new"[..].into();
    let found = compare(std::slice::from_ref(&was), std::slice::from_ref(&is), &[]);
    assert_eq!(found.changes[0].kind, ChangeKind::Renamed);
    // A copy has another inode.
    is.inode = Some(1);
    let found = compare(&[was], &[is], &[]);
    let kinds: Vec<_> = found.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Removed]);
}

#[test]
fn forged_times_and_silent_changes() {
    let mut was = file("/a", "content");
    (was.mtime, was.ctime) = (Time(5, 0), Time(5, 0));
    let mut is = was.clone();
    is.content = file("/a", "CONTENT").content;
    let one = |is: &Entry| {
        compare(std::slice::from_ref(&was), std::slice::from_ref(is), &[]).changes.remove(0)
    };
    assert!(one(&is).is_silent() && !one(&is).has_forged_time());
    is.ctime = Time(9, 0);
    assert!(one(&is).has_forged_time() && !one(&is).is_silent());
    is.mtime = Time(9, 0);
    assert!(!one(&is).has_forged_time() && !one(&is).gains_rights());
    is.mode = 0o4755;
    assert!(one(&is).gains_rights());
}
