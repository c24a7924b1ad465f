//! Object headers: the row of messages that says what an object is.

use super::{Damage, File, is_sound};
use crate::foreign::bytes::Cursor;

const WHAT: &str = "an object header";
/// Messages of one object; a group with compact links has one for each.
const MAX_MESSAGES: usize = 200_000;
/// Pieces that one header may be continued in.
const MAX_PIECES: usize = 4096;
/// Bytes of all pieces of a header.
const MAX_BYTES: u64 = 64 << 20;

/// Kinds of messages.
pub(super) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
}

/// One message of an object header.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    /// Where its body begins, from the first byte of the file.
    pub(super) at: u64,
    pub(super) body: Vec<u8>,
    /// Whether the body says where the message is, instead of being it.
    pub(super) is_shared: bool,
}

/// The messages that can be read, and what could not.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) messages: Vec<Message>,
    pub(super) damages: Vec<Damage>,
}

/// How messages of one version of header stand.
#[derive(Clone, Copy)]
struct Form {
    is_old: bool,
    has_order: bool,
}

impl File {
    /// The messages of the object at an address.
    pub(super) fn header(&self, at: u64) -> Result<Header, Damage> {
        let head = self.read(at, 16.min(self.length.saturating_sub(at)), WHAT)?;
        let (form, from, length) =
            if head.starts_with(b"OHDR") { self.new_head(at)? } else { Self::old_head(at, &head)? };
        let mut header = Header::default();
        let mut pieces = vec![(from, length)];
        let (mut read, mut bytes_read) = (0, 0u64);
        while let Some((from, length)) = pieces.pop() {
            read += 1;
            bytes_read = bytes_read.saturating_add(length);
            if read > MAX_PIECES || bytes_read > MAX_BYTES {
                let expected = format!("at most {MAX_PIECES} pieces of {MAX_BYTES} bytes together");
                header.damages.push(Damage::new(WHAT, at, expected, "more"));
                break;
            }
            if let Err(damage) = self.piece(form, (from, length), &mut header, &mut pieces) {
                header.damages.push(damage);
            }
        }
        // A group that got attributes late has its table's place at the file's end; the group above has it too.
        let is_table = |message: &Message| message.kind == kind::SYMBOL_TABLE;
        if !header.damages.is_empty()
            && !header.messages.iter().any(is_table)
            && let Some(body) = self.noted().get(&at).cloned()
        {
            header.messages.push(Message { kind: kind::SYMBOL_TABLE, at, body, is_shared: false });
        }
        Ok(header)
    }

    fn old_head(at: u64, head: &[u8]) -> Result<(Form, u64, u64), Damage> {
        let mut cursor = Cursor::new(head);
        let mut parse = || {
            let version = cursor.u8()?;
            cursor.take(7, "counts")?;
            Ok((version, cursor.u32()?))
        };
        let (version, length) = parse().map_err(Damage::within(WHAT, at))?;
        if version != 1 {
            return Err(Damage::new(WHAT, at, "version 1 or the signature OHDR", version.to_string()));
        }
        Ok((Form { is_old: true, has_order: false }, at + 16, length.into()))
    }

    fn new_head(&self, at: u64) -> Result<(Form, u64, u64), Damage> {
        let head = self.read(at, 34.min(self.length.saturating_sub(at)), WHAT)?;
        let mut cursor = Cursor::new(&head);
        let mut parse = || {
            cursor.take(4, "a signature")?;
            let (version, flags) = (cursor.u8()?, cursor.u8()?);
            if flags & 0x20 != 0 {
                cursor.take(16, "times")?;
            }
            if flags & 0x10 != 0 {
                cursor.take(4, "limits")?;
            }
            let length = super::number(&mut cursor, 1 << (flags & 3))?;
            Ok((version, flags, length, cursor.at() as u64))
        };
        let (version, flags, length, front) = parse().map_err(Damage::within(WHAT, at))?;
        if version != 2 {
            return Err(Damage::new(WHAT, at, "version 2", version.to_string()));
        }
        let sum_at = front.saturating_add(length);
        let whole = self.read(at, sum_at.saturating_add(4), WHAT);
        if whole.is_ok_and(|whole| !is_sound(&whole)) {
            return Err(Damage::new(WHAT, at, "its checksum", "another"));
        }
        Ok((Form { is_old: false, has_order: flags & 4 != 0 }, at + front, length))
    }

    /// Reads the messages of one piece; of one that the file's end cuts off, those that are there.
    fn piece(
        &self,
        form: Form,
        (at, length): (u64, u64),
        header: &mut Header,
        pieces: &mut Vec<(u64, u64)>,
    ) -> Result<(), Damage> {
        let there = length.min(self.length.saturating_sub(at));
        if there < length {
            let found = format!("{there}: the file ends");
            header.damages.push(Damage::new(WHAT, at, format!("{length} bytes"), found));
        }
        let bytes = self.read(at, there, WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        let least = if form.is_old { 8 } else { 4 + 2 * usize::from(form.has_order) };
        while cursor.left() >= least && header.messages.len() < MAX_MESSAGES {
            let mut parse = || {
                let kind = if form.is_old { cursor.u16()? } else { cursor.u8()?.into() };
                let (size, flags) = (cursor.u16()?, cursor.u8()?);
                cursor.take(if form.is_old { 3 } else { 2 * usize::from(form.has_order) }, "an order")?;
                let begins = cursor.at() as u64;
                Ok((kind, flags, begins, cursor.take(size.into(), "a message")?))
            };
            let (kind, flags, begins, body) = parse().map_err(Damage::within(WHAT, at))?;
            let begins = at + begins;
            if kind == kind::CONTINUATION {
                let mut body = Cursor::new(body);
                let place = self.place(&mut body).and_then(|place| Ok((place, self.length(&mut body)?)));
                if let (Some(place), length) = place.map_err(Damage::within(WHAT, begins))? {
                    pieces.push(self.continued(form, place, length)?);
                }
            } else if kind != 0 {
                let is_shared = flags & 2 != 0;
                header.messages.push(Message { kind, at: begins, body: body.to_vec(), is_shared });
            }
        }
        Ok(())
    }

    /// Where the messages of a continuation stand.
    fn continued(&self, form: Form, at: u64, length: u64) -> Result<(u64, u64), Damage> {
        if form.is_old {
            return Ok((at, length));
        }
        let bytes = self.signed(at, length, *b"OCHK", WHAT)?;
        if !is_sound(&bytes) {
            return Err(Damage::new(WHAT, at, "its checksum", "another"));
        }
        Ok((at + 4, length.saturating_sub(8)))
    }

    /// The message that a shared one stands for.
    pub(super) fn shared(&self, message: &Message) -> Result<Message, Damage> {
        if !message.is_shared {
            return Ok(message.clone());
        }
        let mut cursor = Cursor::new(&message.body);
        let mut parse = || {
            let (version, sort) = (cursor.u8()?, cursor.u8()?);
            if version == 1 {
                cursor.take(6, "nothing")?;
            }
            Ok((version, sort, self.place(&mut cursor)?))
        };
        let (version, sort, place) = parse().map_err(Damage::within(WHAT, message.at))?;
        let (Some(place), false) = (place, version >= 3 && sort != 2) else {
            return Err(Damage::new(
                WHAT,
                message.at,
                "a message that another object holds",
                "another place",
            ));
        };
        let header = self.header(place)?;
        let found = header.messages.into_iter().find(|other| other.kind == message.kind && !other.is_shared);
        found.ok_or_else(|| Damage::new(WHAT, place, "the message that is shared", "none"))
    }
}
