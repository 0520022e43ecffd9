//! Reads the layers of an image in parallel and applies them in order.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use pavisade_model::{LayerVisitor, Note};

use crate::digest::Checked;
use crate::registry::failed;
use crate::store::{LayerSource, Opened};
use crate::{Budget, Image, LayerRead, Refusal, Store, Tree, folder, read_layer};

/// The result of reading all layers of an image.
#[derive(Debug)]
pub struct Contents {
    /// The root file system.
    pub tree: Tree,
    /// The uncompressed size of each layer in bytes.
    pub bytes: Vec<u64>,
    /// What was not read.
    pub notes: Vec<Note>,
}

/// The layers read so far. A layer waits for those below it.
struct Joined<V, T> {
    contents: Contents,
    next: u16,
    waiting: BTreeMap<u16, Read<V>>,
    take: T,
    refused: BTreeMap<u16, Refusal>,
}

type Read<V> = (LayerRead, Vec<Note>, V);

impl Store {
    /// Streams each layer of an image once, in parallel, and applies them in order. `visitor`
    /// creates the visitor of a layer; `take` receives the visitors in the order of the layers.
    ///
    /// # Errors
    /// A layer is missing, malformed, does not match its digest or exceeds the limits. The error is
    /// that of the lowest such layer.
    pub fn read_layers<V: LayerVisitor + Send>(
        &self,
        image: &Image,
        visitor: impl Fn(u16) -> V + Sync + Send,
        take: impl FnMut(u16, V) + Send,
    ) -> Result<Contents, Refusal> {
        let limits = self.limits;
        if image.layers.len() > limits.layers {
            return Err(Refusal::TooManyLayers(limits.layers));
        }
        let budget = Budget::new(limits);
        let (tree, bytes, notes) = (Tree::new(&limits), Vec::new(), Vec::new());
        let joined = Mutex::new(Joined {
            contents: Contents { tree, bytes, notes },
            next: 0,
            waiting: BTreeMap::new(),
            take,
            refused: BTreeMap::new(),
        });
        // Do not read layers above one that was rejected.
        let refused_at = AtomicU16::new(u16::MAX);
        let read = || {
            rayon::scope_fifo(|scope| {
                for number in (0..).take(image.layers.len()) {
                    let (joined, refused_at, visitor, budget) =
                        (&joined, &refused_at, &visitor, &budget);
                    scope.spawn_fifo(move |_| {
                        if number > refused_at.load(Ordering::Relaxed) {
                            return;
                        }
                        let mut visitor = visitor(number);
                        let read = self.read_one(image, number, budget, &mut visitor);
                        let Ok(mut joined) = joined.lock() else { return };
                        let read = read.map(|(layer, notes)| (layer, notes, visitor));
                        if let Err((number, refusal)) = joined.add(number, read) {
                            refused_at.fetch_min(number, Ordering::Relaxed);
                            joined.refused.insert(number, refusal);
                        }
                    });
                }
            });
        };
        match self.is_far().then(waiting_threads).flatten() {
            Some(threads) => threads.install(read),
            None => read(),
        }
        let joined = joined.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match joined.refused.into_iter().next() {
            Some((_, refusal)) => Err(refusal),
            None => Ok(joined.contents),
        }
    }

    /// Streams one layer again.
    ///
    /// # Errors
    /// See [`Store::read_layers`].
    pub fn read_again(
        &self,
        image: &Image,
        layer: u16,
        visitor: &mut dyn LayerVisitor,
    ) -> Result<(), Refusal> {
        self.read_one(image, layer, &Budget::new(self.limits), visitor).map(|_| ())
    }

    fn read_one(
        &self,
        image: &Image,
        number: u16,
        budget: &Budget,
        visitor: &mut dyn LayerVisitor,
    ) -> Result<(LayerRead, Vec<Note>), Refusal> {
        let what = || format!("layer {number}");
        let Some(layer) = image.layers.get(usize::from(number)) else {
            return Err(Refusal::NotAnImage(format!("there is no {}", what())));
        };
        if let LayerSource::Folder(root) = &layer.source {
            return folder::read(root, number, budget, visitor);
        }
        let kept = self.cache.as_ref().and_then(|cache| {
            let (diff_id, blob) = (layer.diff_id.as_ref()?, layer.digest.as_ref()?);
            Some((cache, cache.key(diff_id, blob, layer.size, &visitor.keeps()?)))
        });
        if let Some((cache, key)) = &kept
            && let Some(read) = cache.get(key, number, budget, visitor)?
        {
            return Ok((read, Vec::new()));
        }
        let Opened { bytes, length, slot } = self.open_layer(layer)?;
        if let (Some(wanted), Some(found)) = (layer.size, length)
            && wanted != found
        {
            return Err(Refusal::Size { what: what(), wanted, found });
        }
        let diff_id = layer.diff_id.as_ref();
        let Some(digest) = &layer.digest else {
            return Ok((read_layer(bytes, number, diff_id, budget, visitor)?, Vec::new()));
        };
        let mut checked = Checked::new(bytes, digest.clone());
        let read = read_layer(&mut checked, number, diff_id, budget, visitor);
        let read = read.map_err(|refusal| failed(&slot, refusal))?;
        let verified = checked.verify();
        match verified.map_err(|error| failed(&slot, Refusal::Io { what: what(), error }))? {
            (_, Ok(())) => {
                if let Some((cache, key)) = &kept {
                    cache.put(key, &read, visitor);
                }
                Ok((read, Vec::new()))
            }
            (_, Err(found)) => Err(Refusal::Digest { what: what(), wanted: digest.clone(), found }),
        }
    }
}

/// Returns a thread pool for layers from the network. It has more threads than cores, because each
/// connection has its own speed.
fn waiting_threads() -> Option<rayon::ThreadPool> {
    const CONNECTIONS: usize = 4;
    let count = rayon::current_num_threads().max(CONNECTIONS);
    rayon::ThreadPoolBuilder::new().num_threads(count).build().ok()
}

impl<V, T: FnMut(u16, V)> Joined<V, T> {
    /// Applies a layer and those that waited for it.
    fn add(&mut self, number: u16, read: Result<Read<V>, Refusal>) -> Result<(), (u16, Refusal)> {
        self.waiting.insert(number, read.map_err(|refusal| (number, refusal))?);
        while let Some((layer, notes, visitor)) = self.waiting.remove(&self.next) {
            let (number, tree) = (self.next, &mut self.contents.tree);
            let applied =
                layer.each(number, |id, path, mode, said| tree.apply(id, path, mode, said));
            applied.map_err(|refusal| (number, refusal))?;
            self.contents.bytes.push(layer.bytes);
            self.contents.notes.extend(notes);
            (self.take)(number, visitor);
            self.next += 1;
        }
        Ok(())
    }
}
