//! Reading, one function for each kind of input.

use crate::frame::framed;
use crate::members::{members, named, parts, unpack};
use etude_dataset::foreign::{Importer, Mapping, Source, draft};
use etude_dataset::{Release, lerobot as dataset};
use etude_episode::{Episode, check, recover};
use etude_inspect::RuleSet;
use etude_kinematics::{Body, BodyOptions, Geometry};
use etude_model::{Card, ClockKind};
use etude_video::parameter_sets::{AvcConfig, HevcConfig, av1_config_units};
use etude_video::{
    Mp4Reader, Mp4Table, annexb, decode_jpeg, decode_png, decode_png_grey16, is_png, obu, sps,
};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Recordings of one input that are read.
const RECORDINGS: usize = 8;
/// Records of one recording that are read.
const RECORDS: usize = 4096;
/// The card that drafts and imports are held against.
pub const CARD: &str = include_str!("card.toml");

/// A folder of this process alone, in memory where the system has that.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = root.join(format!("etude-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the inputs");
        folder
    })
}

fn lay(data: &[u8], name: &str) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, data).expect("an input is written");
    path
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The card that everything is held against.
pub fn any_card() -> &'static Card {
    static CARD_READ: OnceLock<Card> = OnceLock::new();
    CARD_READ.get_or_init(|| Card::from_toml(CARD).expect("a card"))
}

/// Reads every record of whatever lies at a path, and drafts a mapping of it.
fn read_all(path: &Path, mapping: Option<&Mapping>) {
    let Ok(source) = Source::open(path, mapping) else { return };
    for recording in source.recordings.iter().take(RECORDINGS) {
        let Ok(mut records) = source.read(recording) else { continue };
        records.facts();
        for _ in 0..RECORDS {
            if records.next(&|_| true).is_none() {
                break;
            }
        }
        records.ledger().all_problems();
    }
    drop(draft(&source, any_card()));
}

/// Reads the bytes as a file of this name.
pub fn one_file(data: &[u8], name: &str) {
    read_all(&lay(data, name), None);
}

/// Reads the folder in which the bytes are the file of this name.
pub fn in_folder(data: &[u8], name: &str) {
    lay(data, name);
    read_all(folder(), None);
}

/// Reads a table: a mapping, a line of `%`, and the table that it speaks of; then imports it.
pub fn table(data: &[u8]) {
    let (rules, table) = match parts(data).as_slice() {
        [rules, table, ..] => (text(rules).unwrap_or_default(), *table),
        _ => ("", data),
    };
    let path = lay(table, "made.csv");
    let mapping = Mapping::from_toml(rules, "fuzz").ok();
    read_all(&path, mapping.as_ref());
    let Ok(source) = Source::open(&path, mapping.as_ref()) else { return };
    if let Ok(importer) = Importer::open(source, (rules, "fuzz"), any_card(), "fuzz") {
        let out = folder().join("imported.mcap");
        if importer.import(0, &out).is_ok() {
            Episode::open(&out).expect("what was imported is an episode");
        }
    }
}

/// Reads an HDF5 file, or the files of a dataset.
pub fn hdf5(data: &[u8]) {
    if data.starts_with(b"\x89HDF") {
        return one_file(data, "made.hdf5");
    }
    let dataset = folder().join("dataset");
    unpack(data, &dataset);
    read_all(&dataset, None);
}

/// Reads what stands in `features.json`, a line of `%`, and the example of a record; or a shard as it is, which begins with
/// a length and not with an example's tag.
pub fn rlds(data: &[u8]) {
    let (features, shard) = match parts(data).as_slice() {
        [features, shard, ..] => (*features, *shard),
        _ => (&b""[..], data),
    };
    lay(features, "features.json");
    let name = "made-train.tfrecord-00000-of-00001";
    let path = if shard.first() == Some(&0x0a) { lay(&framed(shard), name) } else { lay(shard, name) };
    read_all(&path, None);
}

/// Reads a zip of arrays, or the values of a store by their keys.
pub fn zarr(data: &[u8]) {
    if data.starts_with(b"PK") {
        return one_file(data, "made.zarr.zip");
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (key, value) in members(data) {
        if zip.start_file(key, options).is_ok() {
            zip.write_all(value).expect("bytes into memory");
        }
    }
    let zipped = zip.finish().expect("a zip in memory");
    one_file(zipped.get_ref(), "made.zarr.zip");
}

/// Reads the files of a LeRobot dataset and imports its episodes.
pub fn lerobot(data: &[u8]) {
    let root = folder().join("dataset");
    unpack(data, &root);
    let options =
        dataset::ImportOptions { clock: Some(ClockKind::Measured), ..dataset::ImportOptions::new("fuzz") };
    let Ok((mut importer, _)) = dataset::Importer::open(&root, any_card(), options) else { return };
    for place in 0..importer.source().episodes.len().min(RECORDINGS) {
        let out = folder().join("imported.mcap");
        if importer.import(place, &out).is_ok() {
            Episode::open(&out).expect("what was imported is an episode");
        }
    }
}

/// Reads a mapping.
pub fn mapping(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(Mapping::from_toml(text, "fuzz"));
    }
}

/// Reads a rule set, and a release.
pub fn rules(data: &[u8]) {
    if let Some(text) = text(data) {
        drop(RuleSet::from_toml(text));
        drop(Release::from_json(text));
    }
}

/// Opens, checks and recovers an episode, and reads all of it.
pub fn episode(data: &[u8]) {
    let path = lay(data, "made.mcap");
    drop(check::check(&path));
    if let Ok(episode) = Episode::open(&path) {
        drop((episode.card_toml(), episode.gaps()));
        if let Ok(messages) = episode.messages(&[], ..) {
            messages.take(RECORDS).for_each(drop);
        }
    }
    if let Ok((_, whole)) = recover::recover_bytes(data) {
        let path = lay(&whole, "recovered.mcap");
        Episode::open(&path).expect("what was recovered is an episode");
    }
}

/// Reads a card; what is written of it is the same card.
pub fn card(data: &[u8]) {
    if let Some(Ok(card)) = text(data).map(Card::from_toml) {
        assert_eq!(Card::from_toml(&card.to_toml()).expect("its own text"), card);
    }
}

/// Reads a robot's model, and the files beside it that the input brings along.
pub fn robot_model(data: &[u8]) {
    let parts = parts(data);
    let Some(model) = parts.first().and_then(|model| text(model)) else { return };
    for (name, content) in parts.iter().skip(1).filter_map(|part| named(part)) {
        if !name.contains('/') {
            lay(content, name);
        }
    }
    let path = lay(model.as_bytes(), "made.xml");
    if let Ok(body) = Body::from_path(&path, &BodyOptions::default()) {
        drop(Geometry::from_path(&body, &path));
    }
}

/// Reads the coded frames of a video file, and its key frames alone.
pub fn mp4(data: &[u8]) {
    let path = lay(data, "made.mp4");
    if let Ok(reader) = Mp4Reader::open(&path) {
        reader.info().frame_ticks(1);
        reader.take(RECORDS).for_each(drop);
    }
    if let Ok(mut reader) = Mp4Reader::open(&path) {
        while let Ok(Some(_)) = reader.next_key_packet() {}
    }
    if let Ok(Some(table)) = Mp4Table::read(&path) {
        assert!(table.samples().iter().all(|sample| sample.pts_ticks >= 0), "the first frame shown has 0");
    }
}

/// Looks into coded video of every kind.
pub fn bitstream(data: &[u8]) {
    for nal in annexb::nal_units(data) {
        sps::parse(nal);
    }
    sps::parse(data);
    drop((annexb::h264_access_unit(data.to_vec()), annexb::h265_access_unit(data.to_vec())));
    if let Some((size, sample)) = data.split_first() {
        drop(annexb::split_length_prefixed(sample, usize::from(size & 3) + 1));
    }
    drop((obu::split(data), obu::sequence_header(data), obu::to_low_overhead(data.to_vec())));
    for config in [AvcConfig::parse(data), AvcConfig::from_annexb(data)].into_iter().flatten() {
        drop((config.to_avcc(), config.to_annexb()));
    }
    if let Ok(config) = HevcConfig::parse(data) {
        config.to_annexb();
    }
    drop(av1_config_units(data));
}

/// Decodes a picture.
pub fn picture(data: &[u8]) {
    if is_png(data) {
        drop(decode_png(data));
        drop(decode_png_grey16(data));
    } else {
        drop(decode_jpeg(data));
    }
}
