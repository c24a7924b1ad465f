//! Shards under gzip or zlib, as TensorFlow's writer makes them on request. Each is unpacked once into a temporary file, so
//! that its records are found and read like those of any other; memory holds none of it.

use super::super::error::Error;
use super::super::tfrecord;
use flate2::read::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::NamedTempFile;

/// The most that a shard is unpacked to, bytes.
const MAX_BYTES: u64 = 8 << 30;
/// Bytes that one packed byte may give, and those that any shard may.
const MAX_RATIO: u64 = 100;
const FREE_BYTES: u64 = 64 << 20;
/// Bytes unpacked at once.
const PIECE_BYTES: usize = 64 << 10;

/// How a shard is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zlib,
}

/// A shard that was unpacked, and why not all of it.
#[derive(Debug)]
struct Unpacked {
    file: NamedTempFile,
    problem: Option<String>,
}

/// Opens shards; keeps the one that was unpacked last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shards {
    last: Arc<Mutex<Option<(PathBuf, Unpacked)>>>,
}

impl Shards {
    /// A shard's records as a file, and what of it could not be unpacked.
    pub(crate) fn open(&self, path: &Path) -> Result<(File, Option<String>), Error> {
        let failed = || Error::file("opening", path);
        let Some(packing) = packing(path).map_err(failed())? else {
            return Ok((File::open(path).map_err(failed())?, None));
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.take().filter(|(known, _)| known == path);
        let unpacked = match known {
            Some((_, unpacked)) => unpacked,
            None => unpack(path, packing).map_err(Error::file("unpacking", path))?,
        };
        let file = unpacked.file.reopen().map_err(Error::file("unpacking", path))?;
        let problem = unpacked.problem.clone();
        *last = Some((path.to_owned(), unpacked));
        Ok((file, problem))
    }
}

/// How a file is packed by its first bytes; `None` where it begins with a record, or with nothing that is known.
fn packing(path: &Path) -> io::Result<Option<Packing>> {
    let mut head = Vec::new();
    File::open(path)?.take(tfrecord::HEAD_BYTES).read_to_end(&mut head)?;
    let is_record = head.first_chunk().is_some_and(|head| tfrecord::length_of(head).is_some());
    Ok(match head.as_slice() {
        _ if is_record => None,
        [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
        // RFC 1950: deflate, and two bytes that are a multiple of 31.
        [method, flags, ..]
            if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31) =>
        {
            Some(Packing::Zlib)
        }
        _ => None,
    })
}

fn unpack(path: &Path, packing: Packing) -> io::Result<Unpacked> {
    let packed = File::open(path)?;
    let length = packed.metadata()?.len();
    let most = length.saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES).min(MAX_BYTES);
    let input = BufReader::new(packed);
    let (mut decoder, name): (Box<dyn Read>, _) = match packing {
        Packing::Gzip => (Box::new(MultiGzDecoder::new(input)), "gzip"),
        Packing::Zlib => (Box::new(Zlib { input, state: Decompress::new(true), has_ended: false }), "zlib"),
    };
    let mut file = NamedTempFile::new()?;
    let (mut done, mut piece) = (0u64, vec![0; PIECE_BYTES]);
    let problem = loop {
        let read = match decoder.read(&mut piece) {
            Ok(0) => break None,
            Ok(read) => read,
            Err(error) => {
                break Some(format!(
                    "it ends early or is damaged under {name}: {error}; {done} bytes came out of it"
                ));
            }
        };
        done += read as u64;
        if done > most {
            break Some(format!("it unpacks to more than {most} bytes under {name}; those before are read"));
        }
        file.write_all(piece.get(..read).unwrap_or_default())?;
    };
    file.flush()?;
    Ok(Unpacked { file, problem })
}

/// A stream of zlib. Unlike flate2's own reader it takes an end before the stream's for an error.
struct Zlib {
    input: BufReader<File>,
    state: Decompress,
    has_ended: bool,
}

impl Read for Zlib {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended {
            let input = self.input.fill_buf()?;
            let is_over = input.is_empty();
            let before = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, out, FlushDecompress::None)?;
            self.input.consume((self.state.total_in() - before.0) as usize);
            self.has_ended = status == Status::StreamEnd;
            let made = (self.state.total_out() - before.1) as usize;
            if made > 0 {
                return Ok(made);
            }
            if is_over && !self.has_ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
