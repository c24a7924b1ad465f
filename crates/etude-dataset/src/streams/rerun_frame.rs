//! The frame of a Rerun recording: a head, then messages of kind and length, each a Protobuf message.
//!
//! The layout is Rerun's, as `rerun-sdk` 0.41 writes it (`RRF2`, `rerun.log_msg.v1alpha1`); a recording without a
//! footer is whole, its index is then made when it is opened.

use crate::export::Error;
use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 4] = b"RRF2";
/// The version of Rerun whose layout this is: major, minor, patch and a byte for what is no release.
const VERSION: [u8; 4] = [0, 41, 0, 0];
/// Messages may be packed by LZ4; they are Protobuf.
const OPTIONS: [u8; 4] = [1, 2, 0, 0];

const KIND_END: u64 = 0;
const KIND_STORE: u64 = 1;
const KIND_ARROW: u64 = 2;

/// Fields of Protobuf.
#[derive(Default)]
struct Proto(Vec<u8>);

impl Proto {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }
}

/// An id that no other row or chunk of the recording has: a time and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuid {
    time_ns: u64,
    number: u64,
}

impl Tuid {
    fn proto(self) -> Vec<u8> {
        Proto::default().fixed64(1, self.time_ns).fixed64(2, self.number).0
    }

    /// As in a column of row ids: big endian, so that bytes sort as ids do.
    pub(super) fn bytes(self) -> [u8; 16] {
        (u128::from(self.time_ns) << 64 | u128::from(self.number)).to_be_bytes()
    }
}

/// A recording that is being written.
pub(super) struct Recording {
    path: PathBuf,
    file: BufWriter<File>,
    store: Vec<u8>,
    base: u64,
    count: u64,
}

impl Recording {
    /// Begins a file. `seed`: what ids are made from; the same seed gives the same ids.
    pub(super) fn create(path: &Path, application: &str, id: &str, seed: u64) -> Result<Self, Error> {
        let file = File::create_new(path).map_err(Error::file("making the file", path))?;
        // StoreId: kind 1 is a recording, 2 its id, 3 the application.
        let application = Proto::default().bytes(1, application.as_bytes());
        let store = Proto::default().number(1, 1).bytes(2, id.as_bytes()).bytes(3, &application.0).0;
        // Ids are times in ns by custom; these lie in the first years of the range.
        let base = 1 + (seed >> 16);
        let mut recording = Self { path: path.to_owned(), file: BufWriter::new(file), store, base, count: 0 };
        recording.put(&[MAGIC.as_slice(), &VERSION, &OPTIONS].concat())?;
        // StoreInfo: 2 the id, 5 the source (kind 6: other, whose name stands in a message of its own), 6 the version.
        let name = Proto::default().bytes(1, b"etude").0;
        let source = Proto::default().number(1, 6).bytes(2, &name).0;
        let version = Proto::default().number(1, u64::from(u32::from_be_bytes(VERSION))).0;
        let info = Proto::default().bytes(2, &recording.store).bytes(5, &source).bytes(6, &version);
        let row = recording.next_id().proto();
        let message = Proto::default().bytes(1, &row).bytes(2, &info.0);
        recording.message(KIND_STORE, &message.0)?;
        Ok(recording)
    }

    /// An id greater than all before.
    pub(super) fn next_id(&mut self) -> Tuid {
        self.count += 1;
        Tuid { time_ns: self.base, number: self.count }
    }

    /// Writes a chunk: rows of one entity. `is_packed`: by LZ4, where that saves something.
    pub(super) fn chunk(
        &mut self,
        entity: &str,
        batch: RecordBatch,
        is_static: bool,
        is_packed: bool,
    ) -> Result<(), Error> {
        let id = self.next_id();
        let mut metadata = batch.schema().metadata().clone();
        metadata.insert("rerun:entity_path".to_owned(), entity.to_owned());
        metadata.insert("rerun:id".to_owned(), format!("chunk_{:016X}{:016x}", id.time_ns, id.number));
        metadata.insert("sorbet:version".to_owned(), "0.1.4".to_owned());
        let schema = batch.schema().as_ref().clone().with_metadata(metadata);
        let batch = batch.with_schema(schema.into())?;
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
        writer.write(&batch)?;
        let plain = writer.into_inner()?;
        let packed = is_packed.then(|| lz4_flex::block::compress(&plain));
        let payload = packed.as_deref().unwrap_or(&plain);
        let message = Proto::default()
            .bytes(1, &self.store)
            .number(2, if is_packed { 2 } else { 1 })
            .number(3, plain.len() as u64)
            .number(4, 1)
            .bytes(5, payload)
            .bytes(6, &id.proto())
            .number(7, is_static.into());
        self.message(KIND_ARROW, &message.0)
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.message(KIND_END, &[])?;
        self.file.flush().map_err(Error::file("writing", &self.path))
    }

    fn message(&mut self, kind: u64, body: &[u8]) -> Result<(), Error> {
        self.put(&kind.to_le_bytes())?;
        self.put(&(body.len() as u64).to_le_bytes())?;
        self.put(body)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(Error::file("writing", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_protobufs() {
        let proto = Proto::default().number(1, 300).bytes(2, b"ab").fixed64(3, 1);
        assert_eq!(proto.0, [8, 0xac, 2, 0x12, 2, b'a', b'b', 0x19, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_recording_begins_and_ends_as_rerun_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.rrd");
        let recording = Recording::create(&path, "etude", "e0", 1 << 40).expect("a file");
        recording.finish().expect("a file");
        let bytes = std::fs::read(&path).expect("a file");
        assert_eq!(&bytes[..20], b"RRF2\x00\x29\x00\x00\x01\x02\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00");
        let length = u64::from_le_bytes(bytes[20..28].try_into().expect("eight bytes")) as usize;
        assert_eq!(bytes.len(), 28 + length + 16);
        assert_eq!(&bytes[28 + length..], &[0; 16]);
    }
}
