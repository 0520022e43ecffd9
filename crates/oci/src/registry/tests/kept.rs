//! Layers cached by another run.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::LayerCache;

fn cache(folder: &Path, limit: u64, program: &str) -> Arc<LayerCache> {
    Arc::new(LayerCache::new(folder.join("layers"), limit, program))
}

/// Returns the packages of the sample read through a cache, and the number of requests for its
/// layer.
fn through(cache: &Arc<LayerCache>) -> (Vec<String>, usize) {
    through_of(cache, Sample::new())
}

fn through_of(cache: &Arc<LayerCache>, sample: Sample) -> (Vec<String>, usize) {
    let path = sample.blob_path();
    let server = Server::start(move |request| sample.answer(request));
    let registries = Registries::new(access(&[&server]));
    let store = Store::fetch(&registries, remote(&server, "1"), Limits::default())
        .with_cache(Some(cache.clone()));
    let found = packages(&store, "linux/amd64").unwrap();
    let asked = server.requests().iter().filter(|request| request.path == path).count();
    (found, asked)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.join("layers")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_layer_is_asked_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = through(&cache(folder.path(), 1 << 30, "a"));
    assert_eq!(first, (vec!["left-pad 1.0.0".to_owned()], 1));
    let again = through(&cache(folder.path(), 1 << 30, "a"));
    assert_eq!(again, (first.0, 0));
    // Another program does not use the entry, nor does another layer.
    assert_eq!(through(&cache(folder.path(), 1 << 30, "b")).1, 1);
    let other = Sample::of("2.0.0", 100);
    let found = through_of(&cache(folder.path(), 1 << 30, "a"), other);
    assert_eq!(found, (vec!["left-pad 2.0.0".to_owned()], 1));
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn what_is_damaged_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 1 << 30, "a");
    let good = through(&cache).0;
    let file = files(folder.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let mut damaged = vec![Vec::new(), whole[..5].to_vec(), b"something else".to_vec()];
    damaged.push(whole[..whole.len() - 1].to_vec());
    for at in (0..whole.len()).step_by(whole.len() / 12) {
        let mut other = whole.clone();
        other[at] ^= 0x55;
        damaged.push(other);
    }
    for bytes in damaged {
        fs::write(&file, &bytes).unwrap();
        assert_eq!(through(&cache), (good.clone(), 1), "{} bytes", bytes.len());
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn the_oldest_go_when_there_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let small = |limit| cache(folder.path(), limit, "a");
    through_of(&small(1 << 30), Sample::of("1.0.0", 10));
    let first = files(folder.path()).remove(0);
    let length = fs::metadata(&first).unwrap().len();
    let old = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options().append(true).open(&first).unwrap().set_modified(old).unwrap();
    let foreign = folder.path().join("layers/notes.txt");
    fs::write(&foreign, vec![b'x'; 1 << 16]).unwrap();
    through_of(&small(length * 2), Sample::of("2.0.0", 10));
    // Two entries fit; a third one displaces the oldest.
    assert!(first.exists());
    through_of(&small(length * 2 + length / 2), Sample::of("3.0.0", 10));
    assert!(!first.exists() && foreign.exists());
    assert_eq!(files(folder.path()).len(), 3);
}

#[test]
fn several_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let folder = folder.path();
            scope.spawn(move || {
                let sample = Sample::of("1.0.0", 1000 + number % 2);
                let found = through_of(&cache(folder, 1 << 30, "a"), sample);
                assert_eq!(found.0, ["left-pad 1.0.0"]);
            });
        }
    });
    assert_eq!(files(folder.path()).len(), 2);
}

#[test]
fn without_a_folder_layers_are_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("layers"), "a file").unwrap();
    let cache = cache(folder.path(), 1 << 30, "a");
    assert_eq!(through(&cache).1, 1);
    assert!(cache.problem().is_some());
}

#[cfg(unix)]
#[test]
fn a_folder_in_which_others_may_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let layers = folder.path().join("layers");
    fs::create_dir(&layers).unwrap();
    fs::set_permissions(&layers, fs::Permissions::from_mode(0o777)).unwrap();
    let cache = cache(folder.path(), 1 << 30, "a");
    through(&cache);
    assert!(cache.problem().unwrap().contains("other users can write"));
    assert!(files(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn what_others_may_have_put_there_is_not_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let cache = || cache(folder.path(), 1 << 30, "a");
    let good = through(&cache()).0;
    let file = files(folder.path()).remove(0);
    let allow =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    // An entry that others can write to, a link, and a pipe without a writer are replaced.
    let elsewhere = folder.path().join("elsewhere");
    fs::copy(&file, &elsewhere).unwrap();
    for make in [
        &|| allow(&file, 0o666),
        &|| std::os::unix::fs::symlink(&elsewhere, &file).unwrap(),
        &|| assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success()),
    ] as [&dyn Fn(); 3]
    {
        make();
        assert_eq!(through(&cache()), (good.clone(), 1));
        assert_eq!(through(&cache()), (good.clone(), 0));
        fs::remove_file(&file).unwrap();
    }
    assert_eq!(through(&cache()), (good.clone(), 1));
    let layers = folder.path().join("layers");
    allow(&layers, 0o777);
    let open = cache();
    assert_eq!(through(&open), (good, 1));
    assert!(open.problem().unwrap().contains("other users can write"));
}

#[test]
fn a_layer_that_is_kept_hides_no_wrong_digest() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 1 << 30, "a");
    through(&cache);
    // The same bytes under another digest and size.
    for (digest, more) in [(text(b"other"), 0), (text(&Sample::new().layer), 1)] {
        let mut sample = Sample::new();
        let mut manifest: serde_json::Value = serde_json::from_slice(&sample.manifest).unwrap();
        manifest["layers"][0]["digest"] = json!(digest);
        manifest["layers"][0]["size"] = json!(sample.layer.len() + more);
        sample.manifest = manifest.to_string().into_bytes();
        let server = Server::start(move |request| match request.path.ends_with(&digest) {
            true => Reply::new(200, &*sample.layer),
            false => sample.answer(request),
        });
        let registries = Registries::new(access(&[&server]));
        let store = |cache| {
            Store::fetch(&registries, remote(&server, "1"), Limits::default()).with_cache(cache)
        };
        let told = |cache| packages(&store(cache), "linux/amd64").unwrap_err().to_string();
        assert_eq!(told(Some(cache.clone())), told(None));
    }
}
