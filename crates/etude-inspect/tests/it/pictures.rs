//! Cameras: real H.264, encoded here, decoded by the inspection.

use crate::fixture::{Noise, Take, clean, find, joint_channels, rules, stamp, value};
use etude_inspect::{Options, VideoDepth};
use etude_model::sample::{VideoFormat, VideoFrame};
use etude_model::verdict::Severity;
use etude_model::{Sample, StreamKind, StreamSpec, Topic};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbFrame};
use std::sync::Arc;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 120;

fn camera() -> Topic {
    Topic::from("/camera/head/video")
}

/// A bright disc on a textured ground, where the joints' motion put it at `t`.
fn picture(t: f64) -> Vec<u8> {
    let x = 80.0 + 70.0 * crate::fixture::asked(0, t);
    let y = 60.0 + 50.0 * crate::fixture::asked(1, t);
    let mut out = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let (dx, dy) = (f64::from(column) - x, f64::from(row) - y);
            let ground = 60 + ((column / 8 + row / 8) % 2) as u8 * 40;
            let inside = 1.0 / (1.0 + ((dx * dx + dy * dy).sqrt() - 18.0).exp());
            let value = (f64::from(ground) + inside * (220.0 - f64::from(ground))) as u8;
            out.extend([value, value, value]);
        }
    }
    out
}

/// A clean take at 30 Hz with a camera that shows the joints' motion `late_s` late; `show` may put another picture.
fn take(seconds: f64, late_s: f64, gop: u32, show: impl Fn(usize, Vec<u8>) -> Vec<u8>) -> Take {
    let mut take = clean(30.0, seconds, 0.0);
    take.manifest.streams.push(StreamSpec::new(camera().as_str(), StreamKind::Video, Some(30.0)));
    let rate = FrameRate::from_hz(30).expect("30 Hz");
    let mut settings = H264Settings::new(WIDTH, HEIGHT, rate);
    settings.gop = gop;
    let mut encoder = H264Encoder::new(settings).expect("an encoder");
    let mut noise = Noise::new(3);
    for i in 0..(seconds * 30.0) as usize {
        // The first two joints' states lag by 0.1 s and a little more.
        let pixels = show(i, picture(i as f64 / 30.0 - 0.108 - late_s));
        let frame = RgbFrame::new(WIDTH, HEIGHT, &pixels).expect("a frame");
        let unit = encoder.encode(&frame).expect("an access unit");
        let video = VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: Arc::from(unit.data) };
        take.messages.push((camera(), stamp(i, 30.0, &mut noise), Sample::Video(video)));
    }
    take
}

#[test]
fn a_sound_camera_is_found_sound() {
    let report = take(8.0, 0.0, 10, |_, pixels| pixels).inspect();
    assert_eq!(rules(&report, Severity::Warning), []);
    assert_eq!(value(&report, "video_decoded", &camera(), None), 24.0);
    assert_eq!(value(&report, "key_distance", &camera(), None), 10.0);
    assert_eq!(value(&report, "video_black", &camera(), None), 0.0);
    assert_eq!(value(&report, "rows_minus_frames", &camera(), None), 0.0);
}

#[test]
fn one_frame_between_joints_and_a_camera_is_seen() {
    let found = |late_s| {
        let report = take(12.0, late_s, 10, |_, pixels| pixels).inspect_with(VideoDepth::AllFrames);
        value(&report, "offset", &camera(), None)
    };
    let (level, late, far) = (found(0.0), found(1.0 / 30.0), found(0.5));
    assert!(level.abs() < 33.0, "{level} ms");
    assert!((late - level - 33.3).abs() < 8.0, "{level} and {late} ms");
    assert!((far - level - 500.0).abs() < 16.0, "{level} and {far} ms");
}

#[test]
fn class_2_rows_and_frames_differ_after_a_drop() {
    let mut take = take(8.0, 0.0, 10, |_, pixels| pixels);
    let mut frames = 0;
    take.messages.retain(|message| {
        frames += usize::from(message.0 == camera());
        message.0 != camera() || !(101..108).contains(&frames)
    });
    let report = take.inspect();
    assert_eq!(value(&report, "rows_minus_frames", &camera(), None), 7.0);
    assert!(rules(&report, Severity::Fault).contains(&("rows-frames-apart", None)));
}

#[test]
fn black_and_frozen_pictures() {
    let black = vec![0; (WIDTH * HEIGHT * 3) as usize];
    let report = take(8.0, 0.0, 10, |i, pixels| if i >= 60 { black.clone() } else { pixels }).inspect();
    assert!(rules(&report, Severity::Fault).contains(&("video-dark", None)));
    assert!((value(&report, "video_black", &camera(), None) - 0.75).abs() < 0.05);

    let still = picture(1.7);
    for depth in [VideoDepth::KeyFrames, VideoDepth::AllFrames] {
        let frozen = |i: usize, pixels| if (60..180).contains(&i) { still.clone() } else { pixels };
        let report = take(8.0, 0.0, 10, frozen).inspect_with(depth);
        assert!(rules(&report, Severity::Fault).contains(&("video-dead", None)), "{depth:?}");
        let found = find(&report, "video_frozen", &camera(), None).expect("measured");
        let from = found.from.map_or(0.0, etude_model::LogTime::as_s);
        assert!((from - 1002.1).abs() < 0.4, "{depth:?}: from {from}");
        assert!(found.value.is_some_and(|seconds| (seconds - 3.9).abs() < 0.4), "{depth:?}: {found:?}");
    }
}

#[test]
fn class_10_pictures_that_do_not_decode() {
    let mut take = take(8.0, 0.0, 10, |_, pixels| pixels);
    for (_, _, sample) in &mut take.messages {
        if let Sample::Video(frame) = sample {
            let half: Vec<u8> =
                frame.data.iter().take(frame.data.len() / 3).map(|byte| byte ^ 0x5a).collect();
            frame.data = Arc::from(half);
        }
    }
    let report = take.inspect();
    assert!(rules(&report, Severity::Fault).contains(&("video-unreadable", None)));
}

#[test]
fn class_33_sparse_key_frames() {
    let report = take(8.0, 0.0, 240, |_, pixels| pixels).inspect();
    assert_eq!(value(&report, "key_distance", &camera(), None), 240.0);
    assert!(rules(&report, Severity::Warning).contains(&("key-frames-sparse", None)));
}

#[test]
fn few_pictures_stand_for_a_long_take() {
    let take = take(8.0, 0.0, 10, |_, pixels| pixels);
    let options = Options { max_key_frames: 8, ..Options::default() };
    let mut accumulator = etude_inspect::Accumulator::new(&take.manifest, &crate::fixture::card(), &options);
    take.messages.iter().for_each(|(topic, stamp, sample)| accumulator.push(topic, stamp, sample));
    let measured = accumulator.finish().measurements;
    let decoded =
        measured.iter().find(|m| m.name == "video_decoded").and_then(|m| m.value).expect("measured");
    assert!((4.0..=8.0).contains(&decoded), "{decoded}");
    assert_eq!(joint_channels().len(), 4);
}
