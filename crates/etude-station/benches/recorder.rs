//! What recording one robot costs: CPU time as a share of a core, bytes, and how long the end of a take keeps it.
//!
//! One robot: 1 kHz joints (30), two 1 kHz wrenches, ten 500 Hz touch sensors, cameras 640×480 at 30 Hz arriving as
//! H.264; recorded live, in real time, into a file. The threads that push are part of the figure: they stand for the
//! drivers' last step. Prints a table, asserts nothing.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people, on made-up data")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

mod common;

use common::manifest;
use cpu::cpu_s;
use etude_episode::Head;
use etude_model::sample::{JointStates, Sample, Tactile, VideoFormat, VideoFrame, Wrench};
use etude_model::{Channel, DeviceTime, HostTime, StreamKind, StreamSpec, Topic, Unit};
use etude_station::recorder::{Clock, Recorder, RecorderOptions, SystemClock};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbImage};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SECONDS: u64 = 10;

/// Numbers that compress no better than a sensor's noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A reading of 16 bits, as a converter gives it.
    fn reading(&mut self) -> f64 {
        1.0 + (self.next() % 64) as f64 / 32_768.0
    }
}

fn streams(cameras: usize) -> Vec<StreamSpec> {
    let channel = |name: String, unit| Channel { name, unit };
    let joints = (0..30).map(|joint| channel(format!("joint_{joint}"), Unit::Radian)).collect();
    let mut streams = vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(1000.0)).with_channels(joints),
    ];
    streams.extend(["left", "right"].map(|side| {
        StreamSpec::new(format!("/robot/wrench/{side}"), StreamKind::Wrench, Some(1000.0)).with_frame(side)
    }));
    streams.extend((0..10).map(|pad| {
        StreamSpec::new(format!("/robot/tactile/pad_{pad}"), StreamKind::Tactile, Some(500.0))
            .with_channels(vec![channel("pressure".to_owned(), Unit::Newton)])
    }));
    streams.extend((0..cameras).map(|camera| {
        StreamSpec::new(format!("/camera/view_{camera}/video"), StreamKind::Video, Some(30.0))
            .with_frame("view")
    }));
    streams.push(StreamSpec::new(Topic::TAKE, StreamKind::Take, None));
    streams
}

/// A closed group of ten frames of a grainy, moving picture.
fn group_of_frames() -> Vec<VideoFrame> {
    let (width, height) = (640_u32, 480_u32);
    let mut encoder =
        H264Encoder::new(H264Settings::new(width, height, FrameRate::from_hz(30).unwrap())).unwrap();
    let mut noise = Noise(7);
    (0..10)
        .map(|tick| {
            let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
            let data = pixels.flat_map(|(row, column)| {
                let grain = (noise.next() % 8) as u32;
                [
                    (row + tick * 4 + grain) as u8,
                    (column / 2 + tick + grain) as u8,
                    ((row * column) >> 10) as u8,
                ]
            });
            let image = RgbImage::new(width, height, data.collect()).unwrap();
            let unit = encoder.encode(&image.as_frame()).unwrap();
            VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() }
        })
        .collect()
}

fn sample(spec: &StreamSpec, number: u64, group: &[VideoFrame], noise: &mut Noise) -> Sample {
    match spec.kind {
        StreamKind::JointStates => {
            let mut values = || (0..30).map(|_| noise.reading()).collect();
            Sample::JointStates(JointStates { position: values(), velocity: values(), effort: values() })
        }
        StreamKind::Wrench => Sample::Wrench(Wrench {
            force_n: std::array::from_fn(|_| noise.reading()),
            torque_n_m: std::array::from_fn(|_| noise.reading()),
            tared: true,
        }),
        StreamKind::Tactile => Sample::Tactile(Tactile {
            rows: 4,
            columns: 6,
            values: (0..24).map(|_| noise.reading() as f32).collect(),
        }),
        _ => Sample::Video(group[number as usize % group.len()].clone()),
    }
}

/// Pushes for [`SECONDS`] of real time; gives the CPU time used while it ran, s. Without a recorder it makes the same
/// samples and throws them away.
fn drive(specs: &[StreamSpec], group: &[VideoFrame], mut push: impl FnMut(usize, DeviceTime, Sample)) -> f64 {
    let mut noise = Noise(11);
    let mut numbers = vec![0_u64; specs.len()];
    let (started, cpu) = (Instant::now(), cpu_s());
    for tick in 0..SECONDS * 1000 {
        for (place, spec) in specs.iter().enumerate() {
            let Some(rate_hz) = spec.rate_hz else { continue };
            if tick as f64 * rate_hz >= numbers[place] as f64 * 1000.0 {
                push(
                    place,
                    DeviceTime(tick as i64 * 1_000_000),
                    sample(spec, numbers[place], group, &mut noise),
                );
                numbers[place] += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(tick + 1).saturating_sub(started.elapsed()));
    }
    cpu_s() - cpu
}

fn main() {
    let group = group_of_frames();
    println!(
        "{:<10} {:>12} {:>12} {:>10} {:>9} {:>6}",
        "cameras", "% of a core", "less source", "MB/s", "stop ms", "gaps"
    );
    for cameras in [3, 6] {
        let specs = streams(cameras);
        let idle_s = drive(&specs, &group, |_, _, sample| {
            std::hint::black_box(sample);
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("take.mcap");
        let manifest = manifest(specs.clone());
        let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
        let clock = Arc::new(SystemClock::new());
        let mut recorder =
            Recorder::start(&path, &head, Arc::clone(&clock) as Arc<dyn Clock>, RecorderOptions::LIVE)
                .unwrap();
        let mut producers: Vec<_> =
            specs.iter().map(|spec| recorder.producer(spec.topic.as_str(), None).unwrap()).collect();
        let busy_s = drive(&specs, &group, |place, device, sample| {
            let _ = producers[place].push(Some(device), HostTime(clock.now().ns()), sample);
        });
        let stopping = Instant::now();
        let closed = recorder.stop().unwrap();
        let stop_ms = stopping.elapsed().as_secs_f64() * 1e3;
        let share = |cpu_s: f64| cpu_s / SECONDS as f64 * 100.0;
        println!(
            "{cameras:<10} {:>12.2} {:>12.2} {:>10.2} {stop_ms:>9.1} {:>6}",
            share(busy_s),
            share(busy_s - idle_s),
            closed.bytes as f64 / SECONDS as f64 / 1e6,
            closed.gaps.len(),
        );
    }
}
