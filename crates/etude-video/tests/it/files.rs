//! MP4 files: written, read, copied, sought, damaged.

use std::fs;
use std::path::{Path, PathBuf};

use etude_video::{
    AccessUnit, Codec, DecodeError, Decoder, FrameRate, FrameReader, Mp4Error, Mp4Reader, Mp4Writer,
    ReadError, StillStats, Summary, VideoPacket, VideoTrack, WriteError, decode_file, hash_file,
};
use tempfile::TempDir;

use crate::ffprobe::{ffmpeg, probe};
use crate::scene::{HEIGHT, WIDTH, encoder, picture, rate, take};

fn track() -> VideoTrack {
    VideoTrack::new(Codec::H264, WIDTH, HEIGHT, rate())
}

fn write(path: &Path, track: VideoTrack, units: &[AccessUnit]) -> Summary {
    let mut writer = Mp4Writer::create(path, track).expect("creates");
    for (index, unit) in units.iter().enumerate() {
        writer.push(unit, index as u64).expect("takes the unit");
    }
    writer.finish().expect("finishes")
}

fn read(path: &Path) -> Vec<VideoPacket> {
    Mp4Reader::open(path).expect("opens").collect::<Result<_, _>>().expect("reads")
}

fn units(path: &Path) -> Vec<AccessUnit> {
    read(path).into_iter().map(|packet| packet.unit).collect()
}

fn folder() -> (TempDir, impl Fn(&str) -> PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().to_path_buf();
    (folder, move |name: &str| root.join(name))
}

/// Copies by access units, as an import followed by an export does.
fn copy(from: &Path, to: &Path) -> Summary {
    let reader = Mp4Reader::open(from).expect("opens");
    let info = reader.info().clone();
    let track = VideoTrack {
        extradata: Some(info.extradata.clone()),
        reorder_frames: info.reorder_frames,
        sets_in_units: false,
        ..VideoTrack::new(info.codec, info.width, info.height, info.frame_rate.expect("a frame rate"))
    };
    let ticks = info.frame_ticks(1).expect("a frame rate") - info.start_ticks;
    let mut writer = Mp4Writer::create(to, track).expect("creates");
    for packet in reader {
        let packet = packet.expect("reads");
        let frame =
            u64::try_from((packet.pts_ticks - info.start_ticks) / ticks).expect("not before the start");
        writer.push(&packet.unit, frame).expect("takes the unit");
    }
    writer.finish().expect("finishes")
}

#[test]
fn units_come_out_of_a_file_as_they_went_in() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    let original = take(&mut encoder(), 0, 31);
    let summary = write(&path, track(), &original);
    assert_eq!(summary.frames, 31);
    assert_eq!(summary.bytes, fs::metadata(&path).expect("is there").len());

    let reader = Mp4Reader::open(&path).expect("opens");
    let info = reader.info();
    assert_eq!((info.codec, info.width, info.height), (Codec::H264, WIDTH, HEIGHT));
    assert_eq!((info.time_base, info.frame_rate, info.frames), ((1, 15360), Some(rate()), Some(31)));
    let packets = read(&path);
    for (index, (packet, unit)) in packets.iter().zip(&original).enumerate() {
        assert_eq!(&packet.unit, unit, "frame {index}");
        assert_eq!((packet.pts_ticks, packet.dts_ticks), (index as i64 * 512, index as i64 * 512));
        assert_eq!((packet.duration_ticks, packet.is_hidden), (512, false), "frame {index}");
        assert!((packet.pts_s - rate().frame_time_s(index as u64)).abs() < 1e-9);
    }
    assert_eq!(packets.len(), original.len());
}

#[test]
fn ffprobe_and_a_decoder_agree_with_us() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 31));
    let decoded: Vec<_> =
        decode_file(&path).expect("opens").collect::<Result<_, _>>().expect("decodes every frame");
    assert_eq!(decoded.len(), 31);
    for (index, (time_s, image)) in decoded.iter().enumerate() {
        assert!((time_s - index as f64 / 30.0).abs() < 1e-9);
        let original = picture(WIDTH, HEIGHT, index as u64);
        let psnr = psnr(image.data(), original.data());
        assert!(psnr > 30.0, "frame {index}: {psnr} dB over RGB");
    }
    let Some(fields) = probe(&path) else { return };
    for (name, value) in [
        ("codec_name", "h264"),
        ("profile", "Constrained Baseline"),
        ("width", "160"),
        ("height", "128"),
        ("pix_fmt", "yuv420p"),
        ("r_frame_rate", "30/1"),
        ("avg_frame_rate", "30/1"),
        ("time_base", "1/15360"),
        ("start_pts", "0"),
        ("duration_ts", "15872"),
        ("nb_frames", "31"),
        ("nb_read_frames", "31"),
        ("nb_read_packets", "31"),
        ("has_b_frames", "0"),
    ] {
        assert_eq!(fields.get(name).map(String::as_str), Some(value), "{name}");
    }
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) * a.len() as f64 / squares.max(1e-9)).log10()
}

#[test]
fn takes_back_to_back_stay_frame_exact() {
    let (_keep, at) = folder();
    let mut encoder = encoder();
    // Takes of 11 and 21 frames end on a key frame, so that two key frames follow one another.
    let takes = [take(&mut encoder, 0, 11), take(&mut encoder, 50, 21), take(&mut encoder, 7, 1)];
    let mut hashes = Vec::new();
    for (index, units) in takes.iter().enumerate() {
        let path = at(&format!("take{index}.mp4"));
        write(&path, track(), units);
        hashes.extend(hash_file(&path).expect("decodes"));
    }
    let joined = at("joined.mp4");
    write(&joined, track(), &takes.concat());
    assert_eq!(hash_file(&joined).expect("decodes"), hashes);
    assert_eq!(units(&joined), takes.concat());

    // Cut the middle take out again by packet copy.
    let cut = at("cut.mp4");
    write(&cut, track(), &units(&joined)[11..32]);
    assert_eq!(hash_file(&cut).expect("decodes"), hashes[11..32]);
    if let Some(fields) = probe(&joined) {
        assert_eq!(fields.get("nb_read_frames").map(String::as_str), Some("33"));
        assert_eq!(fields.get("avg_frame_rate").map(String::as_str), Some("30/1"));
    }
}

#[test]
fn the_same_units_give_the_same_file_readable_by_all() {
    let (keep, at) = folder();
    let units = take(&mut encoder(), 0, 12);
    write(&at("a.mp4"), track(), &units);
    write(&at("b.mp4"), track(), &units);
    let bytes = fs::read(at("a.mp4")).expect("reads");
    assert_eq!(bytes, fs::read(at("b.mp4")).expect("reads"));
    let position = |name: &[u8]| bytes.windows(4).position(|window| window == name);
    assert!(position(b"moov") < position(b"mdat"), "the index comes first");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(at("a.mp4")).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
    let names: Vec<_> = fs::read_dir(keep.path()).expect("lists").collect();
    assert_eq!(names.len(), 2, "nothing temporary stays");
}

#[test]
fn an_unfinished_file_leaves_nothing_and_harms_nothing() {
    let (keep, at) = folder();
    let path = at("take.mp4");
    fs::write(&path, b"what was there before").expect("writes");
    let mut writer = Mp4Writer::create(&path, track()).expect("creates");
    writer.push(&take(&mut encoder(), 0, 1)[0], 0).expect("takes the unit");
    drop(writer);
    assert_eq!(fs::read(&path).expect("reads"), b"what was there before");
    assert_eq!(fs::read_dir(keep.path()).expect("lists").count(), 1);
    let empty = Mp4Writer::create(&path, track()).expect("creates").finish();
    assert!(matches!(empty, Err(WriteError::Empty { .. })));
}

#[test]
fn units_that_do_not_belong_are_refused() {
    let (_keep, at) = folder();
    let good = take(&mut encoder(), 0, 12);
    let begin = || Mp4Writer::create(at("x.mp4"), track()).expect("creates");
    assert!(matches!(begin().push(&good[1], 0), Err(WriteError::Unit { .. })), "not a key unit");
    let foreign = AccessUnit { codec: Codec::Av1, ..good[0].clone() };
    assert!(matches!(begin().push(&foreign, 0), Err(WriteError::Unit { .. })), "another codec");
    let mut writer = begin();
    writer.push(&good[0], 0).expect("takes the unit");
    for wrong in [0, 2, u64::from(u32::MAX)] {
        assert!(matches!(writer.push(&good[1], wrong), Err(WriteError::FrameIndex { expected: 1, .. })));
    }
    let mut other = etude_video::H264Settings::new(WIDTH + 32, HEIGHT, rate());
    other.qp = 30;
    let mut encoder = etude_video::H264Encoder::new(other).expect("sound settings");
    let larger = encoder.encode(&picture(WIDTH + 32, HEIGHT, 0).as_frame()).expect("encodes");
    assert!(matches!(writer.push(&larger, 1), Err(WriteError::ParameterSetsChanged { unit: 1, .. })));
    writer.push(&good[1], 1).expect("goes on after a refusal");
}

#[test]
fn frames_are_found_by_number() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 47));
    let hashes = hash_file(&path).expect("decodes");
    let mut reader = FrameReader::open(&path).expect("opens");
    for index in [30, 31, 33, 5, 46, 0, 1, 20, 19, 9, 10, 46, 46, 12, 13] {
        let frame = reader.frame_at(index).expect("is there");
        assert_eq!(frame.hash(), hashes[index as usize], "frame {index}");
        assert_eq!(frame.pts(), index as i64 * 512);
    }
    assert!(matches!(reader.frame_at(47), Err(ReadError::NoSuchFrame { frame: 47, .. })));
    assert_eq!(reader.frame_at(3).expect("recovers").hash(), hashes[3]);
    reader.seek_frame(40).expect("is there");
    let rest: Vec<_> = reader.map(|frame| frame.expect("decodes").hash()).collect();
    assert_eq!(rest, hashes[40..]);
}

#[test]
fn key_frames_alone_are_the_same_pictures() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 35));
    let hashes = hash_file(&path).expect("decodes");
    let keys: Vec<_> =
        FrameReader::open_key_frames(&path).expect("opens").map(|frame| frame.expect("decodes")).collect();
    let expected: Vec<_> = hashes.iter().copied().step_by(10).collect();
    assert_eq!(keys.iter().map(etude_video::DecodedFrame::hash).collect::<Vec<_>>(), expected);
    assert_eq!(keys.iter().map(etude_video::DecodedFrame::pts).collect::<Vec<_>>(), [0, 5120, 10240, 15360]);
}

#[test]
fn stats_from_luma_match_stats_from_rgb() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 2));
    for (index, frame) in FrameReader::open(&path).expect("opens").enumerate() {
        let frame = frame.expect("decodes");
        assert!(!frame.is_damaged());
        let luma = frame.stats().expect("measures");
        let original = StillStats::of_rgb(&picture(WIDTH, HEIGHT, index as u64).as_frame());
        assert!((luma.mean_luma - original.mean_luma).abs() < 2.0, "{luma:?} against {original:?}");
        assert!((luma.std_luma - original.std_luma).abs() < 2.0, "{luma:?} against {original:?}");
        assert!(luma.hash_distance(&original) <= 5, "{luma:?} against {original:?}");
    }
}

#[test]
fn damage_is_an_error_and_never_a_shorter_video() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 40));
    let bytes = fs::read(&path).expect("reads");
    for share in [10, 50, 90, 99] {
        let cut = at("cut.mp4");
        fs::write(&cut, &bytes[..bytes.len() * share / 100]).expect("writes");
        let result: Result<Vec<_>, Mp4Error> = Mp4Reader::open(&cut).and_then(Iterator::collect);
        assert!(result.is_err(), "{share} % of the file gave {} packets", result.map_or(0, |all| all.len()));
    }
    for (name, content) in [("empty.mp4", &b""[..]), ("text.mp4", b"not a video at all")] {
        fs::write(at(name), content).expect("writes");
        assert!(matches!(Mp4Reader::open(at(name)), Err(Mp4Error::Ffmpeg { .. })));
    }
    let error = Mp4Reader::open(at("absent.mp4")).expect_err("is not there");
    assert!(error.to_string().contains("absent.mp4"), "{error}");
}

#[test]
fn a_decoder_takes_units_from_anywhere() {
    let units = take(&mut encoder(), 0, 13);
    let mut decoder = Decoder::new(Codec::H264).expect("FFmpeg decodes H.264");
    let mut times = Vec::new();
    for (index, unit) in units.iter().enumerate().skip(10) {
        decoder.send(unit, index as i64).expect("takes the unit");
        while let Some(frame) = decoder.receive().expect("decodes") {
            times.push(frame.pts());
        }
    }
    decoder.drain().expect("drains");
    while let Some(frame) = decoder.receive().expect("decodes") {
        assert_eq!((frame.width(), frame.height()), (WIDTH, HEIGHT));
        times.push(frame.pts());
    }
    assert_eq!(times, [10, 11, 12]);
    let foreign = AccessUnit { codec: Codec::Vp9, ..units[0].clone() };
    assert!(matches!(decoder.send(&foreign, 0), Err(DecodeError::Codec { .. })));
}

#[test]
fn files_with_b_frames_are_copied_and_sought_exactly() {
    let (_keep, at) = folder();
    let source = at("b.mp4");
    let options = ["-f", "lavfi", "-i", "testsrc2=size=160x128:rate=25:duration=3"];
    let options =
        [&options[..], &["-c:v", "libx264", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p"]].concat();
    if ffmpeg(&options, &source).is_none() {
        return;
    }
    let hashes = hash_file(&source).expect("decodes");
    assert_eq!(hashes.len(), 75);
    let reader = Mp4Reader::open(&source).expect("opens");
    assert!(reader.info().reorder_frames > 0, "the test wants a reordered stream");
    assert!(reader.filter_map(Result::ok).any(|packet| packet.pts_ticks != packet.dts_ticks));
    assert_eq!(copy(&source, &at("copy.mp4")).frames, 75);
    assert_eq!(hash_file(at("copy.mp4")).expect("decodes"), hashes);
    assert_eq!(units(&at("copy.mp4")), units(&source));
    for path in [source, at("copy.mp4")] {
        let mut frames = FrameReader::open(&path).expect("opens");
        for index in [74, 11, 12, 13, 0, 36, 35, 47, 48, 60, 23, 24] {
            assert_eq!(frames.frame_at(index).expect("is there").hash(), hashes[index as usize], "{index}");
        }
    }
    if let Some(fields) = probe(&at("copy.mp4")) {
        assert_eq!(fields.get("r_frame_rate").map(String::as_str), Some("25/1"));
        assert_eq!(fields.get("start_pts").map(String::as_str), Some("0"));
        assert_eq!(fields.get("nb_read_frames").map(String::as_str), Some("75"));
    }
}

#[test]
fn h265_av1_and_vp9_are_copied_exactly() {
    let (_keep, at) = folder();
    let source = ["-f", "lavfi", "-i", "testsrc2=size=160x128:rate=30:duration=1", "-pix_fmt", "yuv420p"];
    for (codec, options) in [
        (Codec::H265, &["-c:v", "libx265", "-x265-params", "log-level=none:bframes=0:keyint=10"][..]),
        (Codec::Av1, &["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "10", "-usage", "realtime"]),
        (Codec::Vp9, &["-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "10", "-deadline", "realtime"]),
    ] {
        let from = at(&format!("{codec}.mp4"));
        let Some(()) = ffmpeg(&[&source[..], options].concat(), &from) else { return };
        let original = units(&from);
        assert_eq!(original.len(), 30, "{codec}");
        assert!(original[0].is_key && original[0].codec == codec);
        let to = at(&format!("{codec}-copy.mp4"));
        copy(&from, &to);
        assert_eq!(units(&to), original, "{codec}");
        assert_eq!(hash_file(&to).expect("decodes"), hash_file(&from).expect("decodes"), "{codec}");
        let rate = FrameRate::from_hz(30);
        assert_eq!(Mp4Reader::open(&to).expect("opens").info().frame_rate, rate, "{codec}");
        // Without the stored configuration it is built from the first unit.
        let built = at(&format!("{codec}-built.mp4"));
        write(&built, VideoTrack::new(codec, 160, 128, crate::scene::rate()), &original);
        assert_eq!(hash_file(&built).expect("decodes"), hash_file(&from).expect("decodes"), "{codec}");
    }
}

#[test]
fn every_slice_has_the_quantiser_asked_for() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    let mut settings = etude_video::H264Settings::new(320, 240, rate());
    for qp in [20, 28] {
        settings.qp = qp;
        let mut encoder = etude_video::H264Encoder::new(settings).expect("sound settings");
        // From still to moving to all noise: whatever the content, the quantiser stays.
        let frames = (0..45u64).map(|index| match index {
            0..15 => picture(320, 240, 0),
            15..30 => picture(320, 240, index),
            _ => noise(320, 240, index),
        });
        let units: Vec<_> = frames.map(|frame| encoder.encode(&frame.as_frame()).expect("encodes")).collect();
        write(&path, VideoTrack::new(Codec::H264, 320, 240, rate()), &units);
        let Some(headers) = headers(&path) else { return };
        let field = |name: &str| -> Vec<i32> {
            let lines = headers.lines().filter(|line| line.contains(name));
            lines.filter_map(|line| line.rsplit("= ").next()?.trim().parse().ok()).collect()
        };
        let initial = field("pic_init_qp_minus26").first().copied().expect("a picture parameter set");
        let slices = field("slice_qp_delta");
        assert_eq!(slices.len(), 45, "one slice per frame");
        assert!(
            slices.iter().all(|delta| 26 + initial + delta == i32::from(qp)),
            "{qp}: {initial} + {slices:?}"
        );
    }
}

fn noise(width: u32, height: u32, seed: u64) -> etude_video::RgbImage {
    let mut state = seed | 1;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let data = bytes.take(width as usize * height as usize * 3).collect();
    etude_video::RgbImage::new(width, height, data).expect("built to size")
}

/// Every header field of a file as FFmpeg prints it; `None` where the command is absent.
fn headers(path: &Path) -> Option<String> {
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-nostdin", "-i"]).arg(path).args([
        "-c",
        "copy",
        "-bsf:v",
        "trace_headers",
        "-f",
        "null",
        "-",
    ]);
    let output = command.output().ok();
    if output.is_none() {
        eprintln!("skipped: ffmpeg is not installed");
    }
    output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn flipped_bytes_never_pass_for_the_original() {
    let (_keep, at) = folder();
    let path = at("take.mp4");
    write(&path, track(), &take(&mut encoder(), 0, 20));
    let sound = hash_file(&path).expect("decodes");
    let bytes = fs::read(&path).expect("reads");
    let payload = bytes.windows(4).position(|window| window == b"mdat").expect("a data box") + 8;
    for step in 1..8 {
        let mut bad = bytes.clone();
        let at_byte = payload + (bad.len() - payload) * step / 8;
        for byte in &mut bad[at_byte..at_byte + 40] {
            *byte ^= 0x5a;
        }
        let broken = at("broken.mp4");
        fs::write(&broken, &bad).expect("writes");
        let frames: Result<Vec<_>, ReadError> = FrameReader::open(&broken).and_then(Iterator::collect);
        if let Ok(frames) = frames {
            let changed: Vec<_> =
                frames.iter().zip(&sound).filter(|(frame, hash)| frame.hash() != **hash).collect();
            assert!(!changed.is_empty(), "byte {at_byte}");
        }
    }
}

#[test]
fn sources_and_sinks_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<etude_video::H264Encoder>();
    is_send::<Decoder>();
    is_send::<Mp4Reader>();
    is_send::<Mp4Writer>();
    is_send::<FrameReader>();
    is_send::<etude_video::DecodedFrame>();
}
