//! The elements of a page.
//!
//! bbolt writes the keys and values without gaps right after the elements, and fills the rest with
//! zeros. So a wrong number of elements, and elements that overlap, are recognized.

use crate::bytes::{le16, le32, le64};

const HEADER: usize = 16;
const ELEMENT: usize = 16;
const LEAF: u16 = 0x02;
/// The flag of a leaf element that is a bucket.
const BUCKET: u32 = 0x01;

/// The root of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A page.
    Page(u64),
    /// A page inside the value of the bucket.
    Inline(Vec<u8>),
}

/// An element of a leaf page.
pub(crate) struct Element<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) is_bucket: bool,
}

/// Returns the elements of a leaf page up to the first damage, and what that is. `slack` is the
/// largest number of bytes after them.
pub(crate) fn leaf(page: &[u8], slack: usize) -> (Vec<Element<'_>>, Option<String>) {
    elements(page, slack, |at, place| {
        let (key, value) = (le32(page, at + 8)? as usize, le32(page, at + 12)? as usize);
        let flags = le32(page, at).filter(|flags| flags & !BUCKET == 0)?;
        let middle = place.checked_add(key)?;
        let end = middle.checked_add(value)?;
        (at.checked_add(le32(page, at + 4)? as usize)? == place).then_some(())?;
        let (key, value) = (page.get(place..middle)?, page.get(middle..end)?);
        Some((Element { key, value, is_bucket: flags == BUCKET }, end))
    })
}

/// Returns the keys and pages of a branch page up to the first damage, and what that is.
pub(crate) fn branch(page: &[u8], slack: usize) -> (Vec<(&[u8], u64)>, Option<String>) {
    let (elements, why) = elements(page, slack, |at, place| {
        let end = place.checked_add(le32(page, at + 4)? as usize)?;
        (at.checked_add(le32(page, at)? as usize)? == place).then_some(())?;
        Some(((page.get(place..end)?, le64(page, at + 8)?), end))
    });
    let empty = elements.is_empty() && why.is_none();
    (elements, if empty { Some("a branch page without elements".to_owned()) } else { why })
}

/// Calls `read` with the place of each element and that of its data. It returns the element and the
/// end of its data.
fn elements<T>(
    page: &[u8],
    slack: usize,
    read: impl Fn(usize, usize) -> Option<(T, usize)>,
) -> (Vec<T>, Option<String>) {
    let count = usize::from(le16(page, 10).unwrap_or(0));
    let mut place = HEADER + count * ELEMENT;
    let mut found = Vec::new();
    for index in 0..count {
        let Some((element, end)) = read(HEADER + index * ELEMENT, place) else {
            return (found, Some(format!("element {index} is not where it must be")));
        };
        found.push(element);
        place = end;
    }
    // Without elements, only the zeros tell that none is lost.
    let clean = page.get(place..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
    let why = if count == 0 && !clean {
        Some("it has no elements but is not empty".to_owned())
    } else {
        // Others could hide in pages that it does not need.
        let more = page.len().saturating_sub(place) > slack;
        more.then(|| "it is larger than its elements".to_owned())
    };
    (found, why)
}

/// Returns the root of a bucket from its value: a page number and a sequence number and, if the page
/// number is 0, the page itself.
pub(crate) fn bucket(value: &[u8]) -> Option<Root> {
    let page = le64(value, 0)?;
    let inline = value.get(HEADER..)?;
    if page != 0 {
        return inline.is_empty().then_some(Root::Page(page));
    }
    let head = le64(inline, 0) == Some(0) && le16(inline, 8) == Some(LEAF);
    (head && le32(inline, 12) == Some(0)).then(|| Root::Inline(inline.to_vec()))
}
