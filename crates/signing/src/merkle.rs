//! Proofs that a tree of hashes holds an entry (RFC 6962, section 2.1.1; RFC 9162, section 2.1.3.2).

use crate::hash::Hash;

type Node = [u8; 32];

/// Whether `path` leads from an entry to the root of the tree.
pub(crate) fn includes(entry: &[u8], index: u64, size: u64, path: &[Vec<u8>], root: &[u8]) -> bool {
    let path: Option<Vec<Node>> = path.iter().map(|one| one.as_slice().try_into().ok()).collect();
    let Some(path) = path else { return false };
    lead(leaf(entry), index, size, &path).is_some_and(|found| found == root)
}

fn leaf(entry: &[u8]) -> Node {
    joined(&[&[0], entry])
}

fn joined(parts: &[&[u8]]) -> Node {
    let mut node = [0; 32];
    let digest = Hash::Sha256.of(&parts.concat());
    node.copy_from_slice(&digest);
    node
}

fn lead(leaf: Node, index: u64, size: u64, path: &[Node]) -> Option<Node> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut node) = (index, size - 1, leaf);
    for other in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            node = joined(&[&[1], other, &node]);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = joined(&[&[1], &node, other]);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of a tree and the path of one of its entries, by the definition.
    fn tree(leaves: &[Node], index: usize) -> (Node, Vec<Node>) {
        if leaves.len() == 1 {
            return (leaves[0], Vec::new());
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let ((left, mut path), (right, other)) = if index < split {
            (tree(left, index), tree(right, 0))
        } else {
            let (right, path) = tree(right, index - split);
            ((tree(left, 0).0, path), (right, Vec::new()))
        };
        let _ = other;
        path.push(if index < split { right } else { left });
        (joined(&[&[1], &left, &right]), path)
    }

    #[test]
    fn every_entry_of_every_small_tree_and_nothing_else() {
        for size in 1..20_usize {
            let leaves: Vec<Node> = (0..size).map(|n| leaf(&[n as u8])).collect();
            for index in 0..size {
                let (root, path) = tree(&leaves, index);
                let path: Vec<Vec<u8>> = path.iter().map(|node| node.to_vec()).collect();
                let holds = |entry: u8, index: usize, size: usize, path: &[Vec<u8>]| {
                    includes(&[entry], index as u64, size as u64, path, &root)
                };
                assert!(holds(index as u8, index, size, &path), "{index} of {size}");
                assert!(!holds(index as u8 + 1, index, size, &path));
                assert!(!holds(index as u8, index + size, size, &path));
                let mut longer = path.clone();
                longer.push(vec![0; 32]);
                assert!(!holds(index as u8, index, size, &longer));
                if !path.is_empty() {
                    assert!(!holds(index as u8, index, size, &path[1..]));
                    let mut bent = path.clone();
                    bent[0][0] ^= 1;
                    assert!(!holds(index as u8, index, size, &bent));
                }
            }
        }
    }
}
