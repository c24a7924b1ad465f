//! What writing and reading an episode cost: CPU time against the bare `mcap` crate, and bytes read for one stream.
//!
//! Each figure is the best of several runs by CPU time (`getrusage`), so that what else runs on the machine matters
//! little; ratios are of figures taken in turn in one process.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people, on made-up data")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

use cpu::cpu_s;
use etude_episode::{Episode, EpisodeWriter, Head, Sink, StreamIndex, WriterOptions, codec};
use etude_model::sample::{JointStates, PoseSample, Sample, Tactile, VideoFormat, VideoFrame, Wrench};
use etude_model::{
    Channel, ClockKind, Digest, LogTime, Manifest, Origin, Pose, Stamp, StreamKind, StreamSpec, Unit,
};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

const RUNS: usize = 5;
const NS: i64 = 1_000_000_000;

/// Numbers that compress no better than a sensor's noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A reading of 16 bits around `centre`, as a converter gives it.
    fn reading(&mut self, centre: f64) -> f64 {
        centre + (self.next() % 64) as f64 / 32_768.0
    }
}

/// Takes bytes and forgets them.
#[derive(Default)]
struct Nowhere(u64);

impl Sink for Nowhere {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 += std::hint::black_box(bytes).len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self, _sync: bool) -> io::Result<()> {
        Ok(())
    }

    fn name(&self) -> String {
        "nowhere".to_owned()
    }
}

/// The same for the `mcap` crate, which wants to seek back to a chunk's head.
#[derive(Default)]
struct NowhereSeek {
    at: u64,
    /// Digests what is written, as an episode is digested.
    digest: Option<Box<blake3::Hasher>>,
}

impl io::Write for NowhereSeek {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.at += std::hint::black_box(bytes).len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Seek for NowhereSeek {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        match to {
            io::SeekFrom::Start(at) => self.at = at,
            io::SeekFrom::Current(by) | io::SeekFrom::End(by) => self.at = self.at.saturating_add_signed(by),
        }
        Ok(self.at)
    }
}

/// One robot: joints and wrenches at 1 kHz, touch at 500 Hz, a trainer at 72 Hz, cameras at 30 Hz.
fn robot(cameras: usize) -> Vec<StreamSpec> {
    let joints =
        (0..29).map(|joint| Channel { name: format!("joint_{joint}"), unit: Unit::Radian }).collect();
    let mut specs = vec![
        StreamSpec::new("/robot/joint_states", StreamKind::JointStates, Some(1000.0)).with_channels(joints),
        StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, Some(1000.0)),
        StreamSpec::new("/robot/wrench/right", StreamKind::Wrench, Some(1000.0)),
        StreamSpec::new("/robot/tactile/left", StreamKind::Tactile, Some(500.0)),
        StreamSpec::new("/robot/tactile/right", StreamKind::Tactile, Some(500.0)),
    ];
    for part in ["head", "left", "right"] {
        specs.push(StreamSpec::new(format!("/trainer/{part}/pose"), StreamKind::Pose, Some(72.0)));
    }
    for side in ["left", "right"] {
        specs.push(StreamSpec::new(format!("/robot/ee/{side}/pose"), StreamKind::Pose, Some(30.0)));
    }
    for camera in 0..cameras {
        specs.push(StreamSpec::new(format!("/camera/{camera}/video"), StreamKind::Video, Some(30.0)));
    }
    specs
}

fn sample(spec: &StreamSpec, frame_bytes: usize, number: u64, noise: &mut Noise) -> Sample {
    let centre = (number as f64 * 1e-3).sin();
    match spec.kind {
        StreamKind::JointStates => {
            let mut array = || (0..29).map(|_| noise.reading(centre)).collect::<Vec<f64>>();
            Sample::JointStates(JointStates { position: array(), velocity: array(), effort: array() })
        }
        StreamKind::Wrench => {
            let mut vector = || std::array::from_fn(|_| noise.reading(centre));
            Sample::Wrench(Wrench { force_n: vector(), torque_n_m: vector(), tared: true })
        }
        StreamKind::Tactile => {
            let values = (0..64).map(|_| noise.reading(centre) as f32).collect();
            Sample::Tactile(Tactile { rows: 8, columns: 8, values })
        }
        StreamKind::Pose => {
            let position_m = std::array::from_fn(|_| noise.reading(centre));
            Sample::Pose(PoseSample { pose: Pose { position_m, ..Pose::IDENTITY }, tracked: true })
        }
        _ => {
            let data: Arc<[u8]> =
                (0..frame_bytes.div_ceil(8)).flat_map(|_| noise.next().to_le_bytes()).collect();
            Sample::Video(VideoFrame { format: VideoFormat::H264, is_key: number.is_multiple_of(10), data })
        }
    }
}

fn manifest(streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: 1,
        episode: etude_model::id::EpisodeId::new("bench"),
        task: None,
        instruction: BTreeMap::new(),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(b""),
        embodiment: "bench".to_owned(),
        robot_serial: None,
        trainer: None,
        software: "bench".to_owned(),
        clock: ClockKind::Simulated,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: etude_model::rights::Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

fn timed(run: impl FnOnce()) -> f64 {
    let start = cpu_s();
    run();
    cpu_s() - start
}

/// A message as both writers take it.
struct Encoded {
    stream: StreamIndex,
    stamp: Stamp,
    bytes: Vec<u8>,
}

/// Calls `take` with each message of a recording in log-time order.
fn record(
    specs: &[StreamSpec],
    seconds: i64,
    frame_bytes: usize,
    mut take: impl FnMut(usize, Stamp, Sample),
) {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut next: Vec<(i64, u64)> = vec![(0, 0); specs.len()];
    loop {
        let (index, (at_ns, number)) =
            next.iter().copied().enumerate().min_by_key(|(_, next)| next.0).unwrap();
        if at_ns >= seconds * NS {
            return;
        }
        take(index, Stamp::at(at_ns), sample(&specs[index], frame_bytes, number, &mut noise));
        let period_s = 1.0 / specs[index].rate_hz.unwrap();
        next[index] = (((number + 1) as f64 * period_s * 1e9) as i64, number + 1);
    }
}

fn encoded(specs: &[StreamSpec], seconds: i64, frame_bytes: usize) -> Vec<Encoded> {
    let mut messages = Vec::new();
    record(specs, seconds, frame_bytes, |index, stamp, sample| {
        let mut bytes = Vec::new();
        codec::encode(&specs[index], stamp, &sample, &mut bytes).unwrap();
        messages.push(Encoded { stream: StreamIndex(index as u16), stamp, bytes });
    });
    messages
}

fn write_ours(specs: &[StreamSpec], messages: &[Encoded]) {
    let manifest = manifest(specs.to_vec());
    let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
    let mut writer = EpisodeWriter::with_sink(Nowhere::default(), &head, WriterOptions::default()).unwrap();
    for message in messages {
        writer.write_raw(message.stream, message.stamp, &message.bytes).unwrap();
    }
    writer.finish().unwrap();
}

/// What the bare crate does to be like an episode.
#[derive(Clone, Copy)]
struct Bare {
    zstd: bool,
    digest: bool,
}

fn write_bare(specs: &[StreamSpec], messages: &[Encoded], bare: Bare) {
    let sink = NowhereSeek { at: 0, digest: bare.digest.then(Box::default) };
    let mut writer = mcap::WriteOptions::new()
        .compression(bare.zstd.then_some(mcap::Compression::Zstd))
        .compression_level(1)
        .compression_threads(0)
        .chunk_size(Some(1 << 20))
        .create(sink)
        .unwrap();
    let channel = |spec: &StreamSpec, writer: &mut mcap::Writer<NowhereSeek>| {
        let schema = etude_episode::schema::schema(spec.kind);
        let id = writer.add_schema(schema.name, "protobuf", &schema.data).unwrap();
        writer.add_channel(id, spec.topic.as_str(), "protobuf", &BTreeMap::new()).unwrap()
    };
    let channels: Vec<u16> = specs.iter().map(|spec| channel(spec, &mut writer)).collect();
    for (sequence, message) in (0..).zip(messages) {
        let header = mcap::records::MessageHeader {
            channel_id: channels[message.stream.index()],
            sequence,
            log_time: message.stamp.log.ns() as u64,
            publish_time: message.stamp.host.ns() as u64,
        };
        writer.write_to_known_channel(&header, &message.bytes).unwrap();
    }
    writer.finish().unwrap();
}

/// CPU seconds of both writers, the best of several runs.
fn race(specs: &[StreamSpec], messages: &[Encoded], bare: Bare) -> (f64, f64) {
    (0..RUNS).fold((f64::MAX, f64::MAX), |best, _| {
        let ours = timed(|| write_ours(specs, messages));
        let theirs = timed(|| write_bare(specs, messages, bare));
        (best.0.min(ours), best.1.min(theirs))
    })
}

fn print_row(name: &str, messages: &[&[Encoded]], (ours, bare): (f64, f64)) {
    let all = || messages.iter().copied().flatten();
    let megabytes = all().map(|message| message.bytes.len()).sum::<usize>() as f64 * 1e-6;
    println!(
        "{name:<40} {:>8.0} MB/s {:>8.0} MB/s {:>6.2}   {:>5.2} M/s",
        megabytes / ours,
        megabytes / bare,
        bare / ours,
        all().count() as f64 / ours * 1e-6
    );
}

fn writing() {
    println!(
        "{:<40} {:>13} {:>13} {:>6}   {:>9}",
        "write, CRC on, one core", "etude", "bare mcap", "ratio", "messages"
    );
    let zstd = Bare { zstd: true, digest: false };
    let stored = Bare { zstd: false, digest: false };
    let specs = robot(0);
    let signals = encoded(&specs, 20, 0);
    let packed = race(&specs, &signals, zstd);
    print_row("signals, zstd 1", &[&signals], packed);
    let specs = robot(3)[10..].to_vec();
    let cameras = encoded(&specs, 20, 16_667);
    let plain = race(&specs, &cameras, stored);
    print_row("3 cameras of 4 Mbit/s, stored", &[&cameras], plain);
    let digested = race(&specs, &cameras, Bare { digest: true, ..stored });
    print_row("the same, bare with BLAKE3 too", &[&cameras], digested);
    print_row(
        "signals and cameras (bare: two files)",
        &[&signals, &cameras],
        (packed.0 + plain.0, packed.1 + plain.1),
    );
    small(zstd);
}

/// Messages of 100 bytes at 1 kHz in four streams.
fn small(bare: Bare) {
    let specs: Vec<StreamSpec> = (0..4)
        .map(|arm| StreamSpec::new(format!("/robot/wrench/{arm}"), StreamKind::Wrench, Some(1000.0)))
        .collect();
    let mut noise = Noise(77);
    let message = |tick: i64| {
        let mut bytes: Vec<u8> = (0..6).flat_map(|_| noise.reading(0.5).to_le_bytes()).collect();
        bytes.resize(100, tick as u8);
        Encoded { stream: StreamIndex((tick % 4) as u16), stamp: Stamp::at(tick / 4 * 1_000_000), bytes }
    };
    let messages: Vec<Encoded> = (0..800_000).map(message).collect();
    print_row("100-byte messages, zstd 1", &[&messages], race(&specs, &messages, bare));

    let manifest = manifest(specs);
    let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
    let wrench =
        Sample::Wrench(Wrench { force_n: [1.5, -2.25, 9.81], torque_n_m: [0.1, 0.2, 0.3], tared: true });
    let best = (0..RUNS).map(|_| {
        timed(|| {
            let mut writer =
                EpisodeWriter::with_sink(Nowhere::default(), &head, WriterOptions::default()).unwrap();
            for tick in 0..800_000 {
                let stamp = Stamp::at(tick / 4 * 1_000_000);
                writer.write(StreamIndex((tick % 4) as u16), stamp, &wrench).unwrap();
            }
            writer.finish().unwrap();
        })
    });
    let best = best.fold(f64::MAX, f64::min);
    println!("{:<40} {:>36} {:>8.2} M/s", "wrench samples, encoded as well", "", 0.8 / best);
}

/// Bytes read for one second of one stream out of a recording of ten minutes with six cameras.
fn reading() {
    const SECONDS: i64 = 600;
    let specs = robot(6);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ten-minutes.mcap");
    let manifest = manifest(specs.clone());
    let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
    let options = WriterOptions { sync_on_close: false, ..WriterOptions::default() };
    let mut writer = EpisodeWriter::create(&path, &head, options).unwrap();
    let mut raw = vec![0usize; specs.len()];
    let mut scratch = Vec::new();
    record(&specs, SECONDS, 2000, |index, stamp, sample| {
        scratch.clear();
        codec::encode(&specs[index], stamp, &sample, &mut scratch).unwrap();
        raw[index] += scratch.len();
        writer.write_raw(StreamIndex(index as u16), stamp, &scratch).unwrap();
    });
    let closed = writer.finish().unwrap();
    let mut opened = 0;
    let open_s = timed(|| opened = Episode::open(&path).unwrap().bytes_read());
    println!(
        "\nten minutes, {} streams: {:.0} MB; opening reads {:.2} MB (the summary) in {:.0} ms",
        specs.len(),
        closed.bytes as f64 * 1e-6,
        opened as f64 * 1e-6,
        open_s * 1e3
    );
    println!("{:<26} {:>12} {:>14} {:>7}", "one second of", "read", "its own bytes", "ratio");
    for (index, spec) in specs.iter().enumerate().filter(|(index, _)| *index < 11) {
        let episode = Episode::open(&path).unwrap();
        let range = LogTime(300 * NS)..LogTime(301 * NS);
        let count = episode.raw_messages(&[spec.topic.as_str()], range).unwrap().count();
        assert!(count as f64 >= spec.rate_hz.unwrap() - 1.0);
        let read = episode.bytes_read() - episode.summary_bytes();
        let stream = StreamIndex(index as u16);
        let shares = |other: usize| {
            etude_episode::group::has_own_chunks(spec) && other == index
                || !etude_episode::group::has_own_chunks(spec)
                    && !etude_episode::group::has_own_chunks(&specs[other])
        };
        let group: usize = (0..specs.len()).filter(|other| shares(*other)).map(|other| raw[other]).sum();
        let own = episode.chunk_bytes(stream) as f64 / SECONDS as f64 * raw[index] as f64 / group as f64;
        println!("{:<26} {read:>12} {own:>14.0} {:>7.2}", spec.topic.as_str(), read as f64 / own);
    }
}

fn main() {
    writing();
    reading();
}
