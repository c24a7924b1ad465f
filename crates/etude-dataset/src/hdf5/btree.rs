//! Trees: the older ones of groups and chunks, and the newer ones of records of any kind.

use super::{Damage, File, bytes_for, is_sound, number};
use crate::foreign::bytes::{BytesError, Cursor};
use std::collections::HashSet;

/// Nodes of one tree.
const MAX_NODES: usize = 200_000;
/// Levels of a tree.
const MAX_LEVELS: u16 = 32;

/// What is done with a key and its child.
type EachKey<'e> = dyn FnMut(&[u8], u64) -> Result<(), Damage> + 'e;
/// What is done with a level, a key and its child.
type EachEntry<'e> = dyn FnMut(u8, &[u8], u64) -> Result<(), Damage> + 'e;
/// What is done with a record of a kind.
type EachRecord<'e> = dyn FnMut(u8, &[u8]) -> Result<(), Damage> + 'e;
/// A node: where it is, how many records it has, how many levels are below it.
type Node = (u64, u64, usize);

/// A newer tree's head.
#[derive(Debug)]
struct Shape {
    kind: u8,
    node_bytes: u64,
    record_bytes: u64,
    /// Of each level: records that a node holds at most, and those below it.
    most: Vec<(u64, u64)>,
}

impl File {
    /// Calls `each` with the key and child of every leaf entry of an older tree; what is damaged is told and left out.
    pub(super) fn old_tree(
        &self,
        root: u64,
        kind: u8,
        key_bytes: usize,
        each: &mut EachKey<'_>,
    ) -> Vec<Damage> {
        let mut damages = Vec::new();
        let mut seen = HashSet::new();
        // Children in order: the last that is put down is the next to be looked at.
        let mut open = vec![(root, None::<u8>)];
        while let Some((at, level)) = open.pop() {
            if !seen.insert(at) || seen.len() > MAX_NODES {
                let expected = format!("a tree of at most {MAX_NODES} different nodes");
                damages.push(Damage::new("a tree", at, expected, "a circle or more"));
                break;
            }
            let mut children = Vec::new();
            let found = self.old_node(at, (kind, level), key_bytes, &mut |level, key, child| {
                if level == 0 {
                    return each(key, child);
                }
                children.push((child, Some(level - 1)));
                Ok(())
            });
            damages.extend(found.err());
            open.extend(children.into_iter().rev());
        }
        damages
    }

    fn old_node(
        &self,
        at: u64,
        (kind, level): (u8, Option<u8>),
        key_bytes: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), Damage> {
        const WHAT: &str = "a node of a tree";
        let o = u64::from(self.offset_size);
        let head = self.signed(at, 8, *b"TREE", WHAT)?;
        let mut cursor = Cursor::new(&head);
        let mut parse = || {
            cursor.take(4, "a signature")?;
            Ok((cursor.u8()?, cursor.u8()?, cursor.u16()?))
        };
        let (found_kind, found_level, entries) = parse().map_err(Damage::within(WHAT, at))?;
        if found_kind != kind || level.is_some_and(|level| level != found_level) {
            return Err(Damage::new(WHAT, at, "the kind and level that its parent states", "others"));
        }
        let from = at + 8 + 2 * o;
        let length = u64::from(entries) * (key_bytes as u64 + o);
        let there = length.min(self.length.saturating_sub(from));
        let bytes = self.read(from, there, WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        for _ in 0..entries {
            let key = cursor.take(key_bytes, "a key").map_err(Damage::within(WHAT, from))?;
            if let Some(child) = self.place(&mut cursor).map_err(Damage::within(WHAT, from))? {
                each(found_level, key, child)?;
            }
        }
        Ok(())
    }

    /// Calls `each` with every record of a newer tree.
    pub(super) fn new_tree(&self, at: u64, each: &mut EachRecord<'_>) -> Vec<Damage> {
        let (shape, root) = match self.tree_head(at) {
            Ok(found) => found,
            Err(damage) => return vec![damage],
        };
        let mut damages = Vec::new();
        let mut seen = HashSet::new();
        let mut open: Vec<Node> = root.into_iter().collect();
        while let Some((at, records, level)) = open.pop() {
            if !seen.insert(at) || seen.len() > MAX_NODES {
                let expected = format!("a tree of at most {MAX_NODES} different nodes");
                damages.push(Damage::new("a tree", at, expected, "a circle or more"));
                break;
            }
            if let Err(damage) = self.new_node(&shape, (at, records, level), &mut open, each) {
                damages.push(damage);
            }
        }
        damages
    }

    fn tree_head(&self, at: u64) -> Result<(Shape, Option<Node>), Damage> {
        const WHAT: &str = "a tree";
        let length = 22 + u64::from(self.offset_size) + u64::from(self.length_size);
        let bytes = self.signed(at, length, *b"BTHD", WHAT)?;
        if !is_sound(&bytes) {
            return Err(Damage::new(WHAT, at, "its checksum", "another"));
        }
        let mut cursor = Cursor::new(&bytes);
        let mut parse = || {
            cursor.take(5, "a signature")?;
            let (kind, node_bytes, record_bytes) = (cursor.u8()?, cursor.u32()?, cursor.u16()?);
            let depth = cursor.u16()?;
            cursor.u16()?;
            let root = self.place(&mut cursor)?;
            Ok((kind, node_bytes, record_bytes, depth, root, cursor.u16()?))
        };
        let (kind, node_bytes, record_bytes, depth, root, records) =
            parse().map_err(Damage::within(WHAT, at))?;
        let (node_bytes, record_bytes) = (u64::from(node_bytes), u64::from(record_bytes));
        if depth > MAX_LEVELS || record_bytes == 0 || node_bytes < 10 + record_bytes {
            return Err(Damage::new(
                WHAT,
                at,
                "a sound shape",
                format!("depth {depth}, {record_bytes} bytes"),
            ));
        }
        let leaf = (node_bytes - 10) / record_bytes;
        let mut most = vec![(leaf, leaf)];
        for level in 1..=usize::from(depth) {
            let pointer = self.pointer_bytes(&most, level);
            let most_here = node_bytes.saturating_sub(10 + pointer) / (record_bytes + pointer);
            let below = most.last().map_or(0, |(_, all)| *all);
            most.push((most_here, (most_here + 1).saturating_mul(below).saturating_add(most_here)));
        }
        let shape = Shape { kind, node_bytes, record_bytes, most };
        Ok((shape, root.map(|root| (root, records.into(), depth.into()))))
    }

    /// Bytes of a pointer to a node below this level.
    fn pointer_bytes(&self, most: &[(u64, u64)], level: usize) -> u64 {
        let leaf = most.first().map_or(0, |(leaf, _)| *leaf);
        let below = most.get(level.saturating_sub(1)).map_or(0, |(_, all)| *all);
        let all = if level > 1 { bytes_for(below) } else { 0 };
        u64::from(self.offset_size) + (bytes_for(leaf) + all) as u64
    }

    fn new_node(
        &self,
        shape: &Shape,
        (at, records, level): Node,
        open: &mut Vec<Node>,
        each: &mut EachRecord<'_>,
    ) -> Result<(), Damage> {
        const WHAT: &str = "a node of a tree";
        let signature = if level == 0 { *b"BTLF" } else { *b"BTIN" };
        let pointer = if level == 0 { 0 } else { self.pointer_bytes(&shape.most, level) * (records + 1) };
        let length = 6 + records * shape.record_bytes + pointer + 4;
        if length > shape.node_bytes {
            let found = format!("{records} records");
            return Err(Damage::new(WHAT, at, "no more records than a node holds", found));
        }
        let bytes = self.signed(at, length, signature, WHAT)?;
        if !is_sound(&bytes) {
            return Err(Damage::new(WHAT, at, "its checksum", "another"));
        }
        let mut cursor = Cursor::new(&bytes);
        cursor.take(6, "a signature").map_err(Damage::within(WHAT, at))?;
        for _ in 0..records {
            let record = cursor.take(shape.record_bytes as usize, "a record");
            each(shape.kind, record.map_err(Damage::within(WHAT, at))?)?;
        }
        if level == 0 {
            return Ok(());
        }
        let leaf = shape.most.first().map_or(0, |(leaf, _)| *leaf);
        let below = shape.most.get(level - 1).map_or(0, |(_, all)| *all);
        for _ in 0..=records {
            let mut parse = || {
                let place = self.place(&mut cursor)?;
                let records = number(&mut cursor, bytes_for(leaf))?;
                if level > 1 {
                    number(&mut cursor, bytes_for(below))?;
                }
                Ok::<_, BytesError>((place, records))
            };
            if let (Some(place), records) = parse().map_err(Damage::within(WHAT, at))? {
                open.push((place, records, level - 1));
            }
        }
        Ok(())
    }
}
