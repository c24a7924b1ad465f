//! Frames of several MP4 files in one, by their sample tables alone: the kernel copies what is coded, nobody looks at it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use mp4_atom::{
    Atom, Co64, Ctts, CttsEntry, Dinf, Dref, DrefEntry, Elst, ElstEntry, Encode, FourCC, Ftyp, Hdlr, Matrix,
    Mdhd, Mvhd, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Url, Vmhd,
};
use tempfile::TempPath;

use crate::mp4_table::{Mp4Table, TableSample};
use crate::mp4_writer::{Summary, WriteError, allow_reading, begin, time_base};
use crate::unit::{Codec, FrameRate};

/// Coded bytes that stand behind one another under one entry of the index, at most.
const CHUNK_BYTES: u64 = 1 << 20;

/// An MP4 file in the making that takes frames over from files whose [`Mp4Table`] is known.
///
/// It has what a file of [`Mp4Writer`](crate::Mp4Writer) has: constant frame duration, the index in front, no dependence
/// on time or machine; it appears under its name when [`finish`](Self::finish) succeeds. Nothing is copied before that,
/// so the files that frames come from have to stay. Per frame it holds 40 bytes.
pub struct Mp4Join {
    path: PathBuf,
    temp: TempPath,
    frame_rate: FrameRate,
    sources: Vec<PathBuf>,
    known: HashMap<PathBuf, usize>,
    /// Codec, width, height and sample entry of every frame.
    description: Option<(Codec, u32, u32, Vec<u8>)>,
    frames: Vec<Frame>,
}

/// A frame in decoding order.
struct Frame {
    source: usize,
    sample: TableSample,
    /// Its place in the order in which frames are shown.
    shown: u64,
}

impl Mp4Join {
    /// Begins the file `path`; its folder must exist.
    pub fn create(path: impl AsRef<Path>, frame_rate: FrameRate) -> Result<Self, WriteError> {
        let path = path.as_ref().to_path_buf();
        let temp = begin(&path)?;
        let (sources, known, frames) = (Vec::new(), HashMap::new(), Vec::new());
        Ok(Self { path, temp, frame_rate, sources, known, description: None, frames })
    }

    /// Whether frames of a file can stand in this one: same codec, size and configuration.
    pub fn fits(&self, table: &Mp4Table) -> bool {
        self.description.as_ref().is_none_or(|(codec, width, height, description)| {
            *codec == table.codec
                && (*width, *height) == (table.width, table.height)
                && *description == table.description
        })
    }

    /// Takes frames of a file over. `shown`: of each, its place among them in the order in which they are shown, from 0;
    /// every place must come once. The first must be a key frame.
    pub fn push(&mut self, table: &Mp4Table, samples: Range<usize>, shown: &[u64]) -> Result<(), WriteError> {
        let samples = table.samples.get(samples).unwrap_or_default();
        let first = self.frames.len() as u64;
        let bad = |unit: usize, problem: String| WriteError::Unit {
            path: self.path.clone(),
            unit: first + unit as u64,
            problem,
        };
        if !self.fits(table) {
            return Err(bad(0, "its codec, size or configuration is another than the file's".to_owned()));
        }
        if !samples.first().is_some_and(|sample| sample.is_key) {
            return Err(bad(0, "a part must begin with a key frame".to_owned()));
        }
        let mut is_met = vec![false; samples.len()];
        if shown.len() != samples.len() {
            return Err(bad(0, format!("{} frames have {} places", samples.len(), shown.len())));
        }
        for (unit, place) in shown.iter().enumerate() {
            match usize::try_from(*place).ok().and_then(|place| is_met.get_mut(place)) {
                Some(is_met) if !*is_met => *is_met = true,
                Some(_) => return Err(bad(unit, format!("two frames are shown as frame {place}"))),
                None => return Err(bad(unit, format!("it is shown as frame {place} of {}", samples.len()))),
            }
        }
        let next = self.sources.len();
        let source = *self.known.entry(table.path.clone()).or_insert(next);
        if source == next {
            self.sources.push(table.path.clone());
        }
        self.description
            .get_or_insert_with(|| (table.codec, table.width, table.height, table.description.clone()));
        let frames = samples.iter().zip(shown);
        self.frames.extend(frames.map(|(sample, shown)| Frame {
            source,
            sample: *sample,
            shown: first + shown,
        }));
        Ok(())
    }

    /// Frames taken over so far.
    pub fn frames(&self) -> u64 {
        self.frames.len() as u64
    }

    /// Writes the file and puts it in place.
    pub fn finish(self) -> Result<Summary, WriteError> {
        let path = self.path.clone();
        let Some(description) = self.description.as_ref() else { return Err(WriteError::Empty { path }) };
        let track = |problem: String| WriteError::Track { path: path.clone(), problem };
        let time_base = time_base(self.frame_rate);
        let (timescale, ticks) = time_base
            .and_then(|(scale, ticks)| Some((u32::try_from(scale).ok()?, u32::try_from(ticks).ok()?)))
            .ok_or_else(|| track(format!("{} frames per second", self.frame_rate)))?;
        let chunks = self.chunks();
        let index = Index { frames: &self.frames, chunks: &chunks, description, timescale, ticks };
        let head = index.head().ok_or_else(|| track("its index does not fit".to_owned()))?;
        let io = |doing, source| WriteError::Io { path: path.clone(), doing, source };
        let bytes = self.write(&head, &chunks).map_err(|source| io("write", source))?;
        self.temp.persist(&self.path).map_err(|error| io("put in place", error.error))?;
        Ok(Summary { frames: self.frames.len() as u64, bytes })
    }

    /// Frames that stand behind one another in their file already.
    fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for frame in &self.frames {
            let bytes = u64::from(frame.sample.bytes);
            match chunks.last_mut() {
                Some(last)
                    if last.source == frame.source
                        && last.offset + last.bytes == frame.sample.offset
                        && last.bytes + bytes <= CHUNK_BYTES =>
                {
                    last.bytes += bytes;
                    last.frames += 1;
                }
                _ => {
                    chunks.push(Chunk {
                        source: frame.source,
                        offset: frame.sample.offset,
                        bytes,
                        frames: 1,
                    });
                }
            }
        }
        chunks
    }

    /// Writes the head and behind it what the chunks say; the file's length.
    fn write(&self, head: &[u8], chunks: &[Chunk]) -> io::Result<u64> {
        let mut file = fs::OpenOptions::new().write(true).open(&self.temp)?;
        file.write_all(head)?;
        let mut open: Option<(usize, File, u64)> = None;
        for chunk in chunks {
            let source = self.sources.get(chunk.source).map_or(Path::new(""), PathBuf::as_path);
            let (_, input, at) = match &mut open {
                Some(own) if own.0 == chunk.source => own,
                other => other.insert((chunk.source, File::open(source)?, 0)),
            };
            if *at != chunk.offset {
                input.seek(SeekFrom::Start(chunk.offset))?;
            }
            let copied = io::copy(&mut (&*input).take(chunk.bytes), &mut file)?;
            if copied != chunk.bytes {
                let message = format!("{}: it ends {} bytes early", source.display(), chunk.bytes - copied);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            *at = chunk.offset + chunk.bytes;
        }
        allow_reading(&file)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

/// Frames behind one another in one file.
struct Chunk {
    source: usize,
    offset: u64,
    bytes: u64,
    frames: u32,
}

/// What stands in front of the coded bytes.
struct Index<'j> {
    frames: &'j [Frame],
    chunks: &'j [Chunk],
    description: &'j (Codec, u32, u32, Vec<u8>),
    timescale: u32,
    /// Ticks per frame.
    ticks: u32,
}

impl Index<'_> {
    /// Everything up to the first coded byte; `None` where a number does not fit its field.
    fn head(&self) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        self.kind().encode(&mut head).ok()?;
        let coded: u64 = self.chunks.iter().map(|chunk| chunk.bytes).sum();
        // The index is as long wherever the coded bytes begin.
        let short = self.moov(0, false)?.len();
        let is_long = head.len() as u64 + short as u64 + 16 + coded > u64::from(u32::MAX);
        let (index, own) = if is_long { (self.moov(0, true)?.len(), 16) } else { (short, 8) };
        let before = (head.len() + index + own) as u64;
        head.extend(self.moov(before, is_long)?);
        if is_long {
            head.extend(1u32.to_be_bytes());
            head.extend(b"mdat");
            head.extend((coded + 16).to_be_bytes());
        } else {
            head.extend(u32::try_from(coded + 8).ok()?.to_be_bytes());
            head.extend(b"mdat");
        }
        Some(head)
    }

    fn kind(&self) -> Ftyp {
        let own = match self.description.0 {
            Codec::H264 => b"avc1",
            Codec::H265 => b"hvc1",
            Codec::Av1 => b"av01",
            Codec::Vp9 => b"vp09",
        };
        let brands = [b"isom", b"iso2", own, b"mp41"];
        Ftyp {
            major_brand: b"isom".into(),
            minor_version: 512,
            compatible_brands: brands.map(FourCC::from).to_vec(),
        }
    }

    fn moov(&self, coded_at: u64, is_long: bool) -> Option<Vec<u8>> {
        let (_, width, height, _) = self.description;
        let duration = self.frames.len() as u64 * u64::from(self.ticks);
        let ahead = self.ahead();
        let mvhd = Mvhd {
            creation_time: 0,
            modification_time: 0,
            timescale: self.timescale,
            duration,
            rate: 1.into(),
            volume: 1.into(),
            matrix: Matrix::default(),
            next_track_id: 2,
        };
        let tkhd = Tkhd {
            track_id: 1,
            duration,
            enabled: true,
            in_movie: true,
            width: u16::try_from(*width).ok()?.into(),
            height: u16::try_from(*height).ok()?.into(),
            ..Tkhd::default()
        };
        let edit = ElstEntry {
            segment_duration: duration,
            media_time: Some(ahead * u64::from(self.ticks)),
            media_rate: 1.into(),
        };
        let mdhd =
            Mdhd { timescale: self.timescale, duration, language: "und".to_owned(), ..Mdhd::default() };
        let hdlr = Hdlr { handler: b"vide".into(), name: "VideoHandler".to_owned() };
        let dinf = Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } };
        within(*b"moov", |out| {
            put(out, &mvhd)?;
            out.extend(within(*b"trak", |out| {
                put(out, &tkhd)?;
                out.extend(within(*b"edts", |out| put(out, &Elst { entries: vec![edit] }))?);
                out.extend(within(*b"mdia", |out| {
                    put(out, &mdhd)?;
                    put(out, &hdlr)?;
                    out.extend(within(*b"minf", |out| {
                        put(out, &Vmhd::default())?;
                        put(out, &dinf)?;
                        out.extend(within(*b"stbl", |out| self.tables(out, ahead, coded_at, is_long))?);
                        Some(())
                    })?);
                    Some(())
                })?);
                Some(())
            })?);
            Some(())
        })
    }

    /// Frames by which decoding has to run ahead of what is shown.
    fn ahead(&self) -> u64 {
        (0..)
            .zip(self.frames)
            .map(|(decoded, frame): (u64, _)| decoded.saturating_sub(frame.shown))
            .max()
            .unwrap_or(0)
    }

    fn tables(&self, out: &mut Vec<u8>, ahead: u64, coded_at: u64, is_long: bool) -> Option<()> {
        let count = u32::try_from(self.frames.len()).ok()?;
        out.extend(within(*b"stsd", |out| {
            out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
            out.extend_from_slice(&self.description.3);
            Some(())
        })?);
        put(out, &Stts { entries: vec![SttsEntry { sample_count: count, sample_delta: self.ticks }] })?;
        if ahead > 0 {
            put(out, &Ctts { entries: self.shifts(ahead) })?;
        }
        if !self.frames.iter().all(|frame| frame.sample.is_key) {
            let keys = (1..).zip(self.frames).filter(|(_, frame)| frame.sample.is_key);
            put(out, &Stss { entries: keys.map(|(number, _)| number).collect() })?;
        }
        let mut groups: Vec<StscEntry> = Vec::new();
        for (first_chunk, chunk) in (1..).zip(self.chunks) {
            if groups.last().is_none_or(|last| last.samples_per_chunk != chunk.frames) {
                let samples_per_chunk = chunk.frames;
                groups.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index: 1 });
            }
        }
        put(out, &Stsc { entries: groups })?;
        let sizes = self.frames.iter().map(|frame| frame.sample.bytes).collect();
        put(out, &Stsz { samples: StszSamples::Different { sizes } })?;
        let begins = self.chunks.iter().scan(coded_at, |at, chunk| {
            let begin = *at;
            *at += chunk.bytes;
            Some(begin)
        });
        if is_long {
            return put(out, &Co64 { entries: begins.collect() });
        }
        let entries: Option<Vec<u32>> = begins.map(|begin| u32::try_from(begin).ok()).collect();
        put(out, &Stco { entries: entries? })
    }

    /// From decoding to showing, ticks, run by run.
    fn shifts(&self, ahead: u64) -> Vec<CttsEntry> {
        let mut runs: Vec<CttsEntry> = Vec::new();
        for (decoded, frame) in (0..).zip(self.frames) {
            let frames: i64 = frame.shown as i64 + ahead as i64 - decoded;
            let sample_offset = frames * i64::from(self.ticks);
            match runs.last_mut() {
                Some(last) if last.sample_offset == sample_offset => last.sample_count += 1,
                _ => runs.push(CttsEntry { sample_count: 1, sample_offset }),
            }
        }
        runs
    }
}

fn put<A: Atom>(out: &mut Vec<u8>, atom: &A) -> Option<()> {
    atom.encode(out).ok()
}

/// An atom of others.
fn within(kind: [u8; 4], body: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<Vec<u8>> {
    let mut out = [&[0; 4], &kind[..]].concat();
    body(&mut out)?;
    let bytes = u32::try_from(out.len()).ok()?.to_be_bytes();
    out.get_mut(..4)?.copy_from_slice(&bytes);
    Some(out)
}
