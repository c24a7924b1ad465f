//! What a group holds: links by name, in whichever of the four ways they are stored.

use super::header::{Header, kind};
use super::object::{Link, Target};
use super::{Damage, File, number};
use crate::foreign::bytes::{BytesError, Cursor};

/// Links of one group.
const MAX_LINKS: usize = 1_000_000;

impl File {
    /// The links of the group whose header this is; what could not be read is added to `damages`.
    pub(super) fn links(&self, header: &Header, damages: &mut Vec<Damage>) -> Vec<Link> {
        let mut links = Vec::new();
        for message in &header.messages {
            let found = match message.kind {
                kind::LINK => {
                    let link = self.link(&message.body).map_err(Damage::within("a link", message.at));
                    link.map(|link| links.push(link))
                }
                kind::SYMBOL_TABLE => self.symbols(message.at, &message.body, &mut links, damages),
                kind::LINK_INFO => self.dense_links(message.at, &message.body, &mut links, damages),
                _ => Ok(()),
            };
            damages.extend(found.err());
        }
        links
    }

    fn link(&self, body: &[u8]) -> Result<Link, BytesError> {
        let mut cursor = Cursor::new(body);
        let (version, flags) = (cursor.u8()?, cursor.u8()?);
        if version != 1 {
            return Err(cursor.error("a link of version 1", version.to_string()));
        }
        let sort = if flags & 8 != 0 { cursor.u8()? } else { 0 };
        if flags & 4 != 0 {
            cursor.take(8, "an order")?;
        }
        if flags & 0x10 != 0 {
            cursor.u8()?;
        }
        let length = number(&mut cursor, 1 << (flags & 3))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let name = String::from_utf8_lossy(cursor.take(length, "a name")?).into_owned();
        let target = match sort {
            0 => self.place(&mut cursor)?.map_or(Target::None, Target::Object),
            1 => {
                let length = cursor.u16()?;
                Target::Path(String::from_utf8_lossy(cursor.take(length.into(), "a path")?).into_owned())
            }
            _ => Target::OtherFile,
        };
        Ok(Link { name, target })
    }

    /// An older group: a tree of nodes with entries whose names are in a heap.
    fn symbols(
        &self,
        at: u64,
        body: &[u8],
        links: &mut Vec<Link>,
        damages: &mut Vec<Damage>,
    ) -> Result<(), Damage> {
        let mut cursor = Cursor::new(body);
        let mut parse = || Ok((self.place(&mut cursor)?, self.place(&mut cursor)?));
        let (tree, heap) = parse().map_err(Damage::within("a group", at))?;
        let (Some(tree), Some(heap)) = (tree, heap) else { return Ok(()) };
        let heap = self.local_heap(heap)?;
        let key_bytes = usize::from(self.length_size);
        let mut inner = Vec::new();
        let found = self.old_tree(tree, 0, key_bytes, &mut |_, node| {
            if let Err(damage) = self.symbol_node(node, &heap, links) {
                inner.push(damage);
            }
            Ok(())
        });
        damages.extend(found);
        damages.extend(inner);
        Ok(())
    }

    fn symbol_node(
        &self,
        at: u64,
        heap: &super::heap::LocalHeap,
        links: &mut Vec<Link>,
    ) -> Result<(), Damage> {
        const WHAT: &str = "a node of a group";
        let head = self.signed(at, 8, *b"SNOD", WHAT)?;
        let count =
            head.get(6..8).map_or(0, |count| count.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)));
        let entry = 2 * u64::from(self.offset_size) + 24;
        let there = (count * entry).min(self.length.saturating_sub(at + 8));
        let bytes = self.read(at + 8, there, WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        for _ in 0..count {
            let mut parse = || {
                let name = number(&mut cursor, self.offset_size.into())?;
                let place = self.place(&mut cursor)?;
                let cache = cursor.u32()?;
                cursor.take(4, "nothing")?;
                Ok((name, place, cache, cursor.take(16, "a note")?))
            };
            let (name, place, cache, note) = parse().map_err(Damage::within(WHAT, at + 8))?;
            let name = heap.text(name).ok_or_else(|| Damage::new(WHAT, at, "a name", "none"))?;
            let target = match (cache, place) {
                (2, _) => {
                    let path = Cursor::new(note).u32().ok().and_then(|at| heap.text(at.into()));
                    path.map_or(Target::None, Target::Path)
                }
                (cache, Some(place)) => {
                    let mut noted = self.noted();
                    if cache == 1 && noted.len() < MAX_LINKS {
                        noted.insert(place, note.to_vec());
                    }
                    Target::Object(place)
                }
                (_, None) => Target::None,
            };
            if links.len() >= MAX_LINKS {
                return Err(Damage::new(WHAT, at, format!("at most {MAX_LINKS} links"), "more"));
            }
            links.push(Link { name, target });
        }
        Ok(())
    }

    /// A newer, large group: links in a heap, by a tree of their names.
    fn dense_links(
        &self,
        at: u64,
        body: &[u8],
        links: &mut Vec<Link>,
        damages: &mut Vec<Damage>,
    ) -> Result<(), Damage> {
        let Some((heap, tree)) = self.dense(at, body, 8)? else { return Ok(()) };
        let heap = self.fractal_heap(heap)?;
        let mut inner = Vec::new();
        let found = self.new_tree(tree, &mut |sort, record| {
            let id = match sort {
                5 => record.get(4..),
                6 => record.get(8..),
                _ => None,
            };
            let id =
                id.ok_or_else(|| Damage::new("a group", at, "a tree of links", format!("kind {sort}")))?;
            let link = self
                .heap_object(&heap, id)
                .and_then(|(at, bytes)| self.link(&bytes).map_err(Damage::within("a link", at)));
            match link {
                Ok(link) if links.len() < MAX_LINKS => links.push(link),
                Ok(_) => {}
                Err(damage) => inner.push(damage),
            }
            Ok(())
        });
        damages.extend(found);
        damages.extend(inner);
        Ok(())
    }

    /// Where the heap and the tree of names are that an info message states.
    pub(super) fn dense(
        &self,
        at: u64,
        body: &[u8],
        order_bytes: usize,
    ) -> Result<Option<(u64, u64)>, Damage> {
        let mut cursor = Cursor::new(body);
        let mut parse = || {
            let (_, flags) = (cursor.u8()?, cursor.u8()?);
            if flags & 1 != 0 {
                cursor.take(order_bytes, "an order")?;
            }
            Ok((self.place(&mut cursor)?, self.place(&mut cursor)?))
        };
        let (heap, tree) = parse().map_err(Damage::within("a group's account", at))?;
        Ok(heap.zip(tree))
    }
}
