//! Frames of several MP4 files in one, by their tables.

use std::fs;
use std::path::Path;

use etude_video::{
    Codec, FrameRate, Mp4Join, Mp4Reader, Mp4Table, Mp4Writer, VideoPacket, VideoTrack, WriteError, hash_file,
};

use crate::ffprobe::{ffmpeg, probe};
use crate::scene::{HEIGHT, WIDTH, encoder, rate, take};

fn record(path: &Path, first: u64, count: u64) {
    let track = VideoTrack::new(Codec::H264, WIDTH, HEIGHT, rate());
    let mut writer = Mp4Writer::create(path, track).expect("creates");
    for (index, unit) in (0..).zip(take(&mut encoder(), first, count)) {
        writer.push(&unit, index).expect("takes the unit");
    }
    writer.finish().expect("finishes");
}

fn table(path: &Path) -> Mp4Table {
    Mp4Table::read(path).expect("reads").expect("a plain file")
}

fn packets(path: &Path) -> Vec<VideoPacket> {
    Mp4Reader::open(path).expect("opens").collect::<Result<_, _>>().expect("reads")
}

/// The places in which a table's frames are shown, at a rate that divides its ticks.
fn shown(table: &Mp4Table, hz: u32) -> Vec<u64> {
    let ticks = i64::from(table.timescale() / hz);
    table
        .samples()
        .iter()
        .map(|sample| u64::try_from(sample.pts_ticks / ticks).expect("not before 0"))
        .collect()
}

/// All of some files behind one another.
fn join(paths: &[&Path], to: &Path, hz: u32) {
    let mut join = Mp4Join::create(to, FrameRate::from_hz(hz).expect("a rate")).expect("creates");
    for path in paths {
        let table = table(path);
        join.push(&table, 0..table.samples().len(), &shown(&table, hz)).expect("fits");
    }
    join.finish().expect("finishes");
}

#[test]
fn takes_are_joined_frame_by_frame_and_tools_agree() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    record(&at("a.mp4"), 0, 31);
    record(&at("b.mp4"), 40, 20);
    join(&[&at("a.mp4"), &at("b.mp4"), &at("a.mp4")], &at("joined.mp4"), 30);

    let (a, b, joined) = (packets(&at("a.mp4")), packets(&at("b.mp4")), packets(&at("joined.mp4")));
    let units =
        |packets: &[VideoPacket]| packets.iter().map(|packet| packet.unit.clone()).collect::<Vec<_>>();
    assert_eq!(units(&joined), [units(&a), units(&b), units(&a)].concat());
    for (index, packet) in (0..).zip(&joined) {
        assert_eq!(
            (packet.pts_ticks, packet.dts_ticks, packet.duration_ticks),
            (index * 512, index * 512, 512)
        );
        assert!(!packet.is_hidden);
    }
    let hashes = |name: &str| hash_file(at(name)).expect("decodes");
    assert_eq!(hashes("joined.mp4"), [hashes("a.mp4"), hashes("b.mp4"), hashes("a.mp4")].concat());
    assert_eq!(table(&at("joined.mp4")).samples().len(), 82);
    if let Some(fields) = probe(&at("joined.mp4")) {
        for (key, value) in
            [("nb_frames", "82"), ("nb_read_frames", "82"), ("start_pts", "0"), ("r_frame_rate", "30/1")]
        {
            assert_eq!(fields.get(key).map(String::as_str), Some(value), "{key}");
        }
    }
    join(&[&at("a.mp4"), &at("b.mp4"), &at("a.mp4")], &at("again.mp4"), 30);
    assert_eq!(fs::read(at("again.mp4")).expect("reads"), fs::read(at("joined.mp4")).expect("reads"));
}

#[test]
fn a_part_of_a_file_is_taken_from_a_key_frame_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    record(&at("a.mp4"), 0, 31);
    record(&at("b.mp4"), 40, 20);
    join(&[&at("a.mp4"), &at("b.mp4")], &at("both.mp4"), 30);
    let both = table(&at("both.mp4"));
    let mut part = Mp4Join::create(at("part.mp4"), rate()).expect("creates");
    let places: Vec<u64> = (0..20).collect();
    part.push(&both, 31..51, &places).expect("fits");
    let summary = part.finish().expect("finishes");
    assert_eq!((summary.frames, summary.bytes), (20, fs::metadata(at("part.mp4")).expect("is there").len()));
    assert_eq!(hash_file(at("part.mp4")).expect("decodes"), hash_file(at("b.mp4")).expect("decodes"));

    let mut bad = Mp4Join::create(at("bad.mp4"), rate()).expect("creates");
    let error = bad.push(&both, 32..40, &places[..8]).expect_err("no key frame");
    assert!(error.to_string().contains("a part must begin with a key frame"), "{error}");
    let error = bad.push(&both, 31..34, &[0, 1, 1]).expect_err("a place twice");
    assert!(error.to_string().contains("unit 2: two frames are shown as frame 1"), "{error}");
    let error = bad.push(&both, 31..33, &[0, 5]).expect_err("a hole");
    assert!(error.to_string().contains("it is shown as frame 5 of 2"), "{error}");
    assert!(matches!(bad.finish(), Err(WriteError::Empty { .. })));
    assert!(!at("bad.mp4").exists());
}

#[test]
fn reordered_frames_and_other_codecs_are_joined_exactly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let source = ["-f", "lavfi", "-i", "testsrc2=size=160x128:rate=25:duration=2", "-pix_fmt", "yuv420p"];
    for (name, options) in [
        ("b-frames", &["-c:v", "libx264", "-bf", "3", "-g", "12"][..]),
        ("h265", &["-c:v", "libx265", "-x265-params", "log-level=none:keyint=10", "-tag:v", "hvc1"]),
        ("av1", &["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "10", "-usage", "realtime"]),
        ("vp9", &["-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "10", "-deadline", "realtime"]),
    ] {
        let (from, to) = (at(&format!("{name}.mp4")), at(&format!("{name}-twice.mp4")));
        let Some(()) = ffmpeg(&[&source[..], options].concat(), &from) else { return };
        join(&[&from, &from], &to, 25);
        let once = hash_file(&from).expect("decodes");
        assert_eq!(once.len(), 50, "{name}");
        assert_eq!(hash_file(&to).expect("decodes"), [once.clone(), once].concat(), "{name}");
        let (one, two) = (packets(&from), packets(&to));
        let units = two.iter().zip(one.iter().chain(&one));
        assert!(units.clone().all(|(joined, own)| joined.unit == own.unit && !joined.is_hidden), "{name}");
        let mut times: Vec<i64> = two.iter().map(|packet| packet.pts_ticks).collect();
        times.sort_unstable();
        assert!(
            times.iter().zip(0..).all(|(time, index): (_, i64)| *time == index * 512),
            "{name}: {times:?}"
        );
        if let Some(fields) = probe(&to) {
            assert_eq!(fields.get("nb_read_frames").map(String::as_str), Some("100"), "{name}");
            assert_eq!(fields.get("start_pts").map(String::as_str), Some("0"), "{name}");
        }
    }
    let (h264, av1) = (at("b-frames.mp4"), at("av1.mp4"));
    let mut mixed =
        Mp4Join::create(at("mixed.mp4"), FrameRate::from_hz(25).expect("a rate")).expect("creates");
    mixed.push(&table(&h264), 0..50, &shown(&table(&h264), 25)).expect("fits");
    assert!(!mixed.fits(&table(&av1)));
    assert!(mixed.push(&table(&av1), 0..50, &shown(&table(&av1), 25)).is_err());
}

#[test]
fn what_is_not_plain_has_no_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    record(&at("a.mp4"), 0, 12);
    let bytes = fs::read(at("a.mp4")).expect("reads");
    for cut in (0..bytes.len()).step_by(97) {
        fs::write(at("cut.mp4"), &bytes[..cut]).expect("writes");
        assert_eq!(Mp4Table::read(at("cut.mp4")).expect("reads"), None, "{cut} bytes");
    }
    // Whatever a byte of the index says, what is read lies within the file.
    let index = bytes.windows(4).position(|four| four == b"mdat").expect("coded frames");
    for place in 0..index {
        let mut changed = bytes.clone();
        changed[place] ^= 0x55;
        fs::write(at("changed.mp4"), &changed).expect("writes");
        if let Some(table) = Mp4Table::read(at("changed.mp4")).expect("reads") {
            assert!(table.bytes(0..table.samples().len()) <= 4 * bytes.len() as u64, "byte {place}");
        }
    }
    let fragments = at("fragments.mp4");
    let path = at("a.mp4");
    let options = ["-i", path.to_str().expect("text"), "-c", "copy", "-movflags", "frag_keyframe+empty_moov"];
    if ffmpeg(&options, &fragments).is_some() {
        assert_eq!(Mp4Table::read(&fragments).expect("reads"), None);
    }
    // The first second is cut away by an edit list, which hides frames.
    let late = at("late.mp4");
    record(&at("long.mp4"), 0, 70);
    let long = at("long.mp4");
    let options = ["-ss", "0.5", "-i", long.to_str().expect("text"), "-c", "copy"];
    if ffmpeg(&options, &late).is_some() {
        let hidden = packets(&late).iter().any(|packet| packet.is_hidden);
        assert_eq!(Mp4Table::read(&late).expect("reads").is_none(), hidden);
    }
    assert!(Mp4Table::read(at("absent.mp4")).is_err());
}
