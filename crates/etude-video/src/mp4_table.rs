//! The sample table of an MP4 file: where each coded frame lies, how long it is and when it is shown, without reading it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use mp4_atom::{
    Atom, Buf, Co64, Ctts, Decode, Elst, Hdlr, Header, Mdhd, Mvhd, Stco, Stsc, Stss, Stsz, StszSamples, Stts,
};

use crate::unit::Codec;

/// The largest index that is read, bytes: at 16 bytes a frame, 18 hours at 60 Hz.
const MAX_INDEX_BYTES: u64 = 64 << 20;
/// Frames that are all equally long, and so take no place in the index.
const MAX_EQUAL: u32 = 1 << 22;
/// Atoms of one level that are looked at.
const MAX_ATOMS: usize = 1 << 12;
/// Of a visual sample entry, bytes before its first atom (ISO 14496-12, 12.1.3), without size and kind.
const ENTRY_HEAD: usize = 78;
/// Where width and height stand in it.
const ENTRY_SIDES: Range<usize> = 24..28;

/// One coded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSample {
    /// First byte within the file.
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
    /// When it is shown, in ticks of [`Mp4Table::timescale`]; the first frame shown has 0.
    pub pts_ticks: i64,
    /// Whether decoding can begin here, as the file says.
    pub is_key: bool,
}

/// The frames of a file with one video track, in decoding order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mp4Table {
    pub(crate) path: PathBuf,
    pub(crate) codec: Codec,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) timescale: u32,
    /// The sample entry with the codec's configuration, without what is said of the bit rate.
    pub(crate) description: Vec<u8>,
    pub(crate) samples: Vec<TableSample>,
}

impl Mp4Table {
    /// Reads the table of a plain file: one video track with one description, an index of whole samples that all lie within
    /// the file, shown from the first frame to the last. `None` for any other, damaged ones too; [`Mp4Reader`](crate::Mp4Reader)
    /// says what is wrong with those.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Option<Self>> {
        let path = path.as_ref();
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let Some(index) = index(&mut file, length)? else { return Ok(None) };
        Ok(table(path, &index, length))
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Pixels per row, and rows.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Ticks per second.
    pub fn timescale(&self) -> u32 {
        self.timescale
    }

    /// The frames in decoding order.
    pub fn samples(&self) -> &[TableSample] {
        &self.samples
    }

    /// What these frames take in the file, bytes.
    pub fn bytes(&self, samples: Range<usize>) -> u64 {
        self.samples.get(samples).unwrap_or_default().iter().map(|sample| u64::from(sample.bytes)).sum()
    }
}

/// The body of `moov`. `None` where there is none or the file is fragmented.
fn index(file: &mut File, length: u64) -> io::Result<Option<Vec<u8>>> {
    let mut at = 0;
    let mut found = None;
    for _ in 0..MAX_ATOMS {
        if at >= length {
            return Ok(found);
        }
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 16];
        let known = usize::try_from(length - at).map_or(head.len(), |left| left.min(head.len()));
        file.read_exact(&mut head[..known])?;
        let Ok(header) = Header::decode(&mut &head[..known]) else { return Ok(None) };
        // A size of 1 says that the size proper follows in eight bytes.
        let head_bytes = if head[..4] == [0, 0, 0, 1] { 16 } else { 8 };
        let body = header.size.map_or(length - at - head_bytes, |size| size as u64);
        let end = at.checked_add(head_bytes).and_then(|at| at.checked_add(body));
        let Some(end) = end.filter(|end| *end <= length) else { return Ok(None) };
        match &kind_of(&header) {
            b"moov" if body <= MAX_INDEX_BYTES && found.is_none() => {
                let mut bytes = vec![0; body as usize];
                file.seek(SeekFrom::Start(at + head_bytes))?;
                file.read_exact(&mut bytes)?;
                found = Some(bytes);
            }
            b"moov" | b"moof" => return Ok(None),
            _ => {}
        }
        at = end;
    }
    Ok(None)
}

/// The four letters of an atom.
type Kind = [u8; 4];

fn kind_of(header: &Header) -> Kind {
    *header.kind.as_ref()
}

/// Atoms that follow one another: kinds and bodies. `None` where one is cut off.
fn atoms(mut bytes: &[u8]) -> Option<Vec<(Kind, &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let header = Header::decode(&mut bytes).ok()?;
        let size = header.size.unwrap_or(bytes.len());
        let (body, rest) = bytes.split_at_checked(size)?;
        found.push((kind_of(&header), body));
        bytes = rest;
        if found.len() > MAX_ATOMS {
            return None;
        }
    }
    Some(found)
}

/// The body of the only atom of a kind.
fn only<'b>(atoms: &[(Kind, &'b [u8])], kind: Kind) -> Option<&'b [u8]> {
    let mut found = atoms.iter().filter(|(own, _)| *own == kind).map(|(_, body)| *body);
    found.next().filter(|_| found.next().is_none())
}

/// The same, read.
fn parsed<A: Atom>(atoms: &[(Kind, &[u8])]) -> Option<A> {
    let mut body = only(atoms, A::KIND.into())?;
    A::decode_body(&mut body).ok().filter(|_| !body.has_remaining())
}

fn has<A: Atom>(atoms: &[(Kind, &[u8])]) -> bool {
    atoms.iter().any(|(kind, _)| kind == A::KIND.as_ref())
}

fn table(path: &Path, index: &[u8], length: u64) -> Option<Mp4Table> {
    let movie = atoms(index)?;
    let is_fragmented = movie.iter().any(|(kind, _)| kind == b"mvex");
    let is_video =
        |media: &[(Kind, &[u8])]| parsed::<Hdlr>(media).is_some_and(|hdlr| hdlr.handler.as_ref() == b"vide");
    let mut tracks = Vec::new();
    for (_, body) in movie.iter().filter(|(kind, _)| kind == b"trak") {
        let track = atoms(body)?;
        let media = atoms(only(&track, *b"mdia")?)?;
        if is_video(&media) {
            tracks.push((track, media));
        }
    }
    let [(track, media)] = tracks.as_slice() else { return None };
    let movie_timescale = parsed::<Mvhd>(&movie)?.timescale;
    let mdhd: Mdhd = parsed(media)?;
    let information = atoms(only(media, *b"minf")?)?;
    let tables = atoms(only(&information, *b"stbl")?)?;
    let (codec, width, height, description) = describe(only(&tables, *b"stsd")?)?;
    let places = places(&tables, length)?;
    let times = times(&tables, places.len())?;
    let first = times.iter().copied().min()?;
    let last = times.iter().copied().max()?;
    let shown = Shown { first, until: last, movie_timescale, timescale: mdhd.timescale };
    if is_fragmented || mdhd.timescale == 0 || !shown.is_all(track)? {
        return None;
    }
    let keys = if has::<Stss>(&tables) { Some(parsed::<Stss>(&tables)?.entries) } else { None };
    let is_key =
        |place: usize| keys.as_ref().is_none_or(|keys| keys.binary_search(&(place as u32 + 1)).is_ok());
    if keys.as_ref().is_some_and(|keys| !keys.is_sorted()) {
        return None;
    }
    let samples = places.into_iter().zip(times).enumerate();
    let samples = samples
        .map(|(place, ((offset, bytes), pts))| TableSample {
            offset,
            bytes,
            pts_ticks: pts - first,
            is_key: is_key(place),
        })
        .collect();
    let (path, timescale) = (path.to_owned(), mdhd.timescale);
    Some(Mp4Table { path, codec, width, height, timescale, description, samples })
}

/// When a track's frames are shown.
struct Shown {
    first: i64,
    until: i64,
    movie_timescale: u32,
    timescale: u32,
}

impl Shown {
    /// Whether the edit list, where there is one, shows every frame from the first on; `None` where it cannot be read.
    fn is_all(&self, track: &[(Kind, &[u8])]) -> Option<bool> {
        if !track.iter().any(|(kind, _)| kind == b"edts") {
            return Some(true);
        }
        let edits: Elst = parsed(&atoms(only(track, *b"edts")?)?)?;
        let [edit] = edits.entries.as_slice() else { return Some(false) };
        let begins = edit.media_time.and_then(|time| i64::try_from(time).ok());
        let needed = u128::try_from(self.until - self.first).ok()? * u128::from(self.movie_timescale);
        let lasts = u128::from(edit.segment_duration) * u128::from(self.timescale);
        let is_whole = edit.segment_duration == 0 || lasts > needed;
        Some(begins == Some(self.first) && is_whole && edit.media_rate == 1.into())
    }
}

/// Codec, sides and the sample entry, of which there must be one.
fn describe(stsd: &[u8]) -> Option<(Codec, u32, u32, Vec<u8>)> {
    let [0, 0, 0, 0, 0, 0, 0, 1, entries @ ..] = stsd else { return None };
    let entries = atoms(entries)?;
    let [(kind, entry)] = entries.as_slice() else { return None };
    let codec = match kind {
        b"avc1" | b"avc3" => Codec::H264,
        b"hvc1" | b"hev1" => Codec::H265,
        b"av01" => Codec::Av1,
        b"vp09" => Codec::Vp9,
        _ => return None,
    };
    let (head, rest) = entry.split_at_checked(ENTRY_HEAD)?;
    let [a, b, c, d] = head.get(ENTRY_SIDES)? else { return None };
    let (width, height) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    let mut description = [&[0; 4], kind, head].concat();
    for (kind, body) in atoms(rest)?.iter().filter(|(kind, _)| kind != b"btrt") {
        description.extend(u32::try_from(body.len() + 8).ok()?.to_be_bytes());
        description.extend_from_slice(kind);
        description.extend_from_slice(body);
    }
    let bytes = u32::try_from(description.len()).ok()?.to_be_bytes();
    description.get_mut(..4)?.copy_from_slice(&bytes);
    Some((codec, width.into(), height.into(), description))
}

/// Where samples lie, and their lengths; all within the file.
fn places(tables: &[(Kind, &[u8])], length: u64) -> Option<Vec<(u64, u32)>> {
    let sizes = match parsed::<Stsz>(tables)?.samples {
        StszSamples::Different { sizes } => sizes,
        StszSamples::Identical { count, size } if count <= MAX_EQUAL => vec![size; count as usize],
        StszSamples::Identical { .. } => return None,
    };
    let chunks = if has::<Co64>(tables) {
        parsed::<Co64>(tables)?.entries
    } else {
        parsed::<Stco>(tables)?.entries.into_iter().map(u64::from).collect()
    };
    let groups = parsed::<Stsc>(tables)?.entries;
    let mut sizes = sizes.into_iter();
    let mut found = Vec::with_capacity(sizes.len());
    let mut group = 0;
    for (number, begin) in (1..).zip(chunks) {
        while groups.get(group + 1).is_some_and(|next| next.first_chunk <= number) {
            group += 1;
        }
        let own =
            groups.get(group).filter(|own| own.first_chunk <= number && own.sample_description_index == 1)?;
        let mut at: u64 = begin;
        for bytes in sizes.by_ref().take(own.samples_per_chunk as usize) {
            let end = at.checked_add(bytes.into()).filter(|end| *end <= length && bytes > 0)?;
            found.push((at, bytes));
            at = end;
        }
    }
    (sizes.next().is_none() && !found.is_empty()).then_some(found)
}

/// When each sample is shown, in ticks.
fn times(tables: &[(Kind, &[u8])], samples: usize) -> Option<Vec<i64>> {
    let mut times = Vec::with_capacity(samples);
    let mut at: i64 = 0;
    for run in parsed::<Stts>(tables)?.entries {
        for _ in 0..run.sample_count {
            if times.len() == samples {
                return None;
            }
            times.push(at);
            at = at.checked_add(run.sample_delta.into())?;
        }
    }
    if times.len() != samples {
        return None;
    }
    if !has::<Ctts>(tables) {
        return Some(times);
    }
    let mut place = 0;
    for run in parsed::<Ctts>(tables)?.entries {
        for _ in 0..run.sample_count {
            let time = times.get_mut(place)?;
            *time = time.checked_add(run.sample_offset)?;
            place += 1;
        }
    }
    (place == samples).then_some(times)
}
