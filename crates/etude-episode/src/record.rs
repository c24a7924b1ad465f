//! MCAP records as far as an episode has them: appended to a buffer, and read out of bytes that may say anything.
//!
//! The layout is MCAP's (<https://mcap.dev/spec>): an opcode, a 64-bit length, then fields; everything little endian.

pub(crate) const MAGIC: [u8; 8] = *b"\x89MCAP0\r\n";

/// Opcodes.
pub(crate) mod op {
    pub(crate) const HEADER: u8 = 0x01;
    pub(crate) const FOOTER: u8 = 0x02;
    pub(crate) const SCHEMA: u8 = 0x03;
    pub(crate) const CHANNEL: u8 = 0x04;
    pub(crate) const MESSAGE: u8 = 0x05;
    pub(crate) const CHUNK: u8 = 0x06;
    pub(crate) const MESSAGE_INDEX: u8 = 0x07;
    pub(crate) const CHUNK_INDEX: u8 = 0x08;
    pub(crate) const ATTACHMENT: u8 = 0x09;
    pub(crate) const ATTACHMENT_INDEX: u8 = 0x0A;
    pub(crate) const STATISTICS: u8 = 0x0B;
    pub(crate) const METADATA: u8 = 0x0C;
    pub(crate) const METADATA_INDEX: u8 = 0x0D;
    pub(crate) const SUMMARY_OFFSET: u8 = 0x0E;
    pub(crate) const DATA_END: u8 = 0x0F;
}

/// Bytes before a record's body: opcode and length.
pub(crate) const PREFIX: usize = 9;

/// Bytes of a message's body before its data.
pub(crate) const MESSAGE_HEAD: usize = 22;

/// Bytes of the footer record and the magic that follows it.
pub(crate) const TAIL: u64 = (PREFIX + 20 + MAGIC.len()) as u64;

/// Appends a record whose body `body` appends.
pub(crate) fn put(buffer: &mut Vec<u8>, opcode: u8, body: impl FnOnce(&mut Vec<u8>)) {
    buffer.push(opcode);
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 8]);
    body(buffer);
    let length = (buffer.len() - start - 8) as u64;
    buffer[start..start + 8].copy_from_slice(&length.to_le_bytes());
}

pub(crate) fn put_u16(buffer: &mut Vec<u8>, value: u16) {
    buffer.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u32(buffer: &mut Vec<u8>, value: u32) {
    buffer.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(buffer: &mut Vec<u8>, value: u64) {
    buffer.extend_from_slice(&value.to_le_bytes());
}

/// Text or bytes with a 32-bit length before them.
pub(crate) fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(buffer, bytes.len() as u32);
    buffer.extend_from_slice(bytes);
}

/// A map of texts, in the order given.
pub(crate) fn put_map<'a>(buffer: &mut Vec<u8>, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let start = buffer.len();
    put_u32(buffer, 0);
    for (key, value) in entries {
        put_bytes(buffer, key.as_bytes());
        put_bytes(buffer, value.as_bytes());
    }
    let length = (buffer.len() - start - 4) as u32;
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// A record's body that ends before its fields do, or holds text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset} of the record, found its end or something else")]
pub struct RecordError {
    /// Where in the record's body.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// Reads fields one after the other; no length in the bytes leads beyond their end.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.offset..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offset == self.bytes.len()
    }

    pub(crate) fn take(&mut self, length: u64, expected: &'static str) -> Result<&'a [u8], RecordError> {
        let error = RecordError { offset: self.offset, expected };
        let length = usize::try_from(length).map_err(|_| error)?;
        let end = self.offset.checked_add(length).ok_or(error)?;
        let taken = self.bytes.get(self.offset..end).ok_or(error)?;
        self.offset = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], RecordError> {
        Ok(self.take(N as u64, expected)?.try_into().expect("take gives as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self, expected: &'static str) -> Result<u8, RecordError> {
        self.array::<1>(expected).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, expected: &'static str) -> Result<u16, RecordError> {
        self.array(expected).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, expected: &'static str) -> Result<u32, RecordError> {
        self.array(expected).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, expected: &'static str) -> Result<u64, RecordError> {
        self.array(expected).map(u64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self, expected: &'static str) -> Result<&'a [u8], RecordError> {
        let length = self.u32(expected)?;
        self.take(u64::from(length), expected)
    }

    pub(crate) fn text(&mut self, expected: &'static str) -> Result<&'a str, RecordError> {
        let offset = self.offset;
        std::str::from_utf8(self.bytes(expected)?).map_err(|_| RecordError { offset, expected })
    }

    pub(crate) fn map(&mut self, expected: &'static str) -> Result<Vec<(String, String)>, RecordError> {
        let mut body = Body::new(self.bytes(expected)?);
        let mut entries = Vec::new();
        while !body.is_empty() {
            entries.push((body.text(expected)?.to_owned(), body.text(expected)?.to_owned()));
        }
        Ok(entries)
    }

    /// The next whole record: opcode and body.
    pub(crate) fn record(&mut self) -> Result<(u8, &'a [u8]), RecordError> {
        let opcode = self.u8("an opcode")?;
        let length = self.u64("a record's length")?;
        Ok((opcode, self.take(length, "as many bytes as the record's length says")?))
    }
}

/// The head of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageHead {
    pub(crate) channel: u16,
    pub(crate) sequence: u32,
    pub(crate) log_ns: u64,
    pub(crate) publish_ns: u64,
}

impl MessageHead {
    /// Appends the record up to its data and returns where its length stands, for [`MessageHead::close`].
    pub(crate) fn open(self, buffer: &mut Vec<u8>) -> usize {
        let mut head = [0; PREFIX + MESSAGE_HEAD];
        head[0] = op::MESSAGE;
        head[9..11].copy_from_slice(&self.channel.to_le_bytes());
        head[11..15].copy_from_slice(&self.sequence.to_le_bytes());
        head[15..23].copy_from_slice(&self.log_ns.to_le_bytes());
        head[23..31].copy_from_slice(&self.publish_ns.to_le_bytes());
        let start = buffer.len();
        buffer.extend_from_slice(&head);
        start + 1
    }

    /// Fills in the length of a record that [`MessageHead::open`] began.
    pub(crate) fn close(buffer: &mut [u8], length_at: usize) {
        let length = (buffer.len() - length_at - 8) as u64;
        buffer[length_at..length_at + 8].copy_from_slice(&length.to_le_bytes());
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        let mut body = Body::new(bytes);
        let head = Self {
            channel: body.u16("a channel's id")?,
            sequence: body.u32("a sequence number")?,
            log_ns: body.u64("a log time")?,
            publish_ns: body.u64("a publish time")?,
        };
        Ok((head, body.rest()))
    }
}

/// The head of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkHead<'a> {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) uncompressed: u64,
    pub(crate) crc: u32,
    pub(crate) compression: &'a str,
    pub(crate) compressed: u64,
}

impl<'a> ChunkHead<'a> {
    /// Reads the head; the second value is what of the data is there.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let mut body = Body::new(bytes);
        let head = Self {
            start_ns: body.u64("a chunk's start")?,
            end_ns: body.u64("a chunk's end")?,
            uncompressed: body.u64("a chunk's uncompressed size")?,
            crc: body.u32("a chunk's CRC")?,
            compression: body.text("a chunk's compression")?,
            compressed: body.u64("a chunk's compressed size")?,
        };
        Ok((head, body.rest()))
    }

    /// Bytes of a chunk's body before its data.
    pub(crate) const fn length(compression: &str) -> usize {
        8 + 8 + 8 + 4 + 4 + compression.len() + 8
    }

    /// Writes the record's prefix and head to the front of `buffer`, which has room for them.
    pub(crate) fn write(&self, buffer: &mut [u8]) {
        let length = (Self::length(self.compression) as u64) + self.compressed;
        let mut at = 0;
        let mut place = |bytes: &[u8]| {
            buffer[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        place(&[op::CHUNK]);
        place(&length.to_le_bytes());
        place(&self.start_ns.to_le_bytes());
        place(&self.end_ns.to_le_bytes());
        place(&self.uncompressed.to_le_bytes());
        place(&self.crc.to_le_bytes());
        place(&(self.compression.len() as u32).to_le_bytes());
        place(self.compression.as_bytes());
        place(&self.compressed.to_le_bytes());
    }
}

/// A channel record.
#[derive(Clone, Debug)]
pub(crate) struct ChannelRecord {
    pub(crate) id: u16,
    pub(crate) schema: u16,
    pub(crate) topic: String,
    pub(crate) encoding: String,
    pub(crate) metadata: Vec<(String, String)>,
}

impl ChannelRecord {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut body = Body::new(bytes);
        Ok(Self {
            id: body.u16("a channel's id")?,
            schema: body.u16("a schema's id")?,
            topic: body.text("a topic")?.to_owned(),
            encoding: body.text("an encoding")?.to_owned(),
            metadata: body.map("a channel's metadata")?,
        })
    }
}

/// A metadata record.
pub(crate) fn read_metadata(bytes: &[u8]) -> Result<(String, Vec<(String, String)>), RecordError> {
    let mut body = Body::new(bytes);
    Ok((body.text("a metadata record's name")?.to_owned(), body.map("a metadata record's map")?))
}

/// An attachment.
pub(crate) struct AttachmentRecord<'a> {
    pub(crate) name: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) data: &'a [u8],
    /// Whether the record's CRC is that of its bytes.
    pub(crate) intact: bool,
}

impl<'a> AttachmentRecord<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, RecordError> {
        let mut body = Body::new(bytes);
        body.take(16, "an attachment's times")?;
        let name = body.text("an attachment's name")?;
        let media_type = body.text("an attachment's media type")?;
        let length = body.u64("an attachment's length")?;
        let data = body.take(length, "an attachment's data")?;
        let crc_of = crc32fast::hash(&bytes[..body.offset()]);
        let crc = body.u32("an attachment's CRC")?;
        Ok(Self { name, media_type, data, intact: crc == crc_of })
    }
}
