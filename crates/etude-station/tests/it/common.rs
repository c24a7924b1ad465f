//! Recordings for the other tests.

use etude_episode::{Closed, Episode, EpisodeWriter, Head, Sink, WriterOptions};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointStates, Sample, Tactile, TakeEvent, VideoFormat, VideoFrame, Wrench};
use etude_model::{
    Channel, ClockKind, DeviceTime, Digest, HostTime, LogTime, Manifest, Origin, StreamKind, StreamSpec,
    Topic, Unit,
};
use etude_station::recorder::{Clock, ManualClock, Producer, Pushed, Recorder, RecorderOptions};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbImage};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

const CARD: &str = "schema = 1\n";
pub(crate) const START_NS: i64 = 1_767_603_600_000_000_000;
pub(crate) const MS: i64 = 1_000_000;
pub(crate) const S: i64 = 1_000_000_000;

pub(crate) fn manifest(streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: 1,
        episode: EpisodeId::from_parts(1_767_603_600_000, [7; 10]),
        task: None,
        instruction: BTreeMap::new(),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(CARD.as_bytes()),
        embodiment: "Test Arm".to_owned(),
        robot_serial: None,
        trainer: None,
        software: "test 1".to_owned(),
        clock: ClockKind::Measured,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

pub(crate) fn head(manifest: &Manifest) -> Head<'_> {
    Head { manifest, card_toml: CARD, attachments: &[] }
}

pub(crate) fn joints_spec(rate_hz: f64, joints: usize) -> StreamSpec {
    let channels =
        (0..joints).map(|index| Channel { name: format!("joint_{index}"), unit: Unit::Radian }).collect();
    StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(rate_hz)).with_channels(channels)
}

pub(crate) fn wrench_spec(name: &str, rate_hz: f64) -> StreamSpec {
    StreamSpec::new(format!("/robot/wrench/{name}"), StreamKind::Wrench, Some(rate_hz)).with_frame(name)
}

pub(crate) fn tactile_spec(name: &str, rate_hz: f64) -> StreamSpec {
    StreamSpec::new(format!("/robot/tactile/{name}"), StreamKind::Tactile, Some(rate_hz))
        .with_channels(vec![Channel { name: "pressure".to_owned(), unit: Unit::Newton }])
}

pub(crate) fn camera_spec(name: &str, rate_hz: f64) -> StreamSpec {
    StreamSpec::new(format!("/camera/{name}/video"), StreamKind::Video, Some(rate_hz)).with_frame(name)
}

pub(crate) fn take_spec() -> StreamSpec {
    StreamSpec::new(Topic::TAKE, StreamKind::Take, None)
}

/// The `number`th sample of a stream; no two of a stream are alike (but for pictures, which repeat their group).
pub(crate) fn sample(spec: &StreamSpec, number: u64, group: &[VideoFrame]) -> Sample {
    let value = number as f64;
    match spec.kind {
        StreamKind::JointStates => Sample::JointStates(JointStates {
            position: (0..spec.channels.len()).map(|joint| value + joint as f64 * 0.01).collect(),
            velocity: vec![value * 0.5; spec.channels.len()],
            effort: vec![-value; spec.channels.len()],
        }),
        StreamKind::Wrench => Sample::Wrench(Wrench {
            force_n: [value, -value, 9.81],
            torque_n_m: [0.0, value, 0.5],
            tared: true,
        }),
        StreamKind::Tactile => Sample::Tactile(Tactile {
            rows: 4,
            columns: 6,
            values: (0..24).map(|taxel| (value + f64::from(taxel)) as f32).collect(),
        }),
        StreamKind::Video => Sample::Video(group[number as usize % group.len()].clone()),
        _ => Sample::Take(TakeEvent { name: "note".to_owned(), detail: number.to_string() }),
    }
}

/// A closed group of ten H.264 frames.
pub(crate) fn group_of_frames(width: u32, height: u32) -> Vec<VideoFrame> {
    let rate = FrameRate::from_hz(30).unwrap();
    let mut encoder = H264Encoder::new(H264Settings::new(width, height, rate)).unwrap();
    let encode = |tick| {
        let unit = encoder.encode(&picture(width, height, tick).as_frame()).unwrap();
        VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() }
    };
    (0..10).map(encode).collect()
}

/// A picture that moves with `tick`.
pub(crate) fn picture(width: u32, height: u32, tick: u32) -> RgbImage {
    let shade = |row: u32, column: u32| {
        [(row + tick * 4) as u8, (column + tick * 2) as u8, ((row * column) >> 6) as u8]
    };
    let data = (0..height).flat_map(|row| (0..width).flat_map(move |column| shade(row, column))).collect();
    RgbImage::new(width, height, data).unwrap()
}

/// A sink that others can look into, with room for so many bytes.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Disk {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { bytes: Arc::default(), room }
    }

    pub(crate) fn contents(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Sink for Disk {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.bytes.lock().unwrap();
        let fits = bytes.len().min(self.room - held.len());
        held.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self, _sync: bool) -> io::Result<()> {
        Ok(())
    }

    fn name(&self) -> String {
        "disk".to_owned()
    }
}

/// A recording in memory, and the clock that its test moves.
pub(crate) struct Bench {
    pub(crate) recorder: Recorder,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) disk: Disk,
}

impl Bench {
    pub(crate) fn new(streams: Vec<StreamSpec>, options: RecorderOptions) -> Self {
        Self::on(Disk::with_room(usize::MAX), streams, options)
    }

    pub(crate) fn on(disk: Disk, streams: Vec<StreamSpec>, options: RecorderOptions) -> Self {
        let (recorder, clock) = start(disk.clone(), streams, options);
        Self { recorder, clock, disk }
    }

    pub(crate) fn producer(&mut self, topic: &str) -> Producer {
        self.recorder.producer(topic, None).unwrap()
    }

    /// Moves the clock to `ns` after the start.
    pub(crate) fn at(&self, ns: i64) {
        self.clock.advance_to(LogTime(START_NS + ns));
    }

    /// Ends the recording at `ns` after the start and opens it.
    pub(crate) fn stop_at(self, ns: i64) -> (Closed, Episode) {
        self.at(ns);
        let closed = self.recorder.stop().unwrap();
        let episode = Episode::from_bytes(self.disk.contents()).unwrap();
        (closed, episode)
    }
}

pub(crate) fn start<S: Sink + Send + 'static>(
    sink: S,
    streams: Vec<StreamSpec>,
    options: RecorderOptions,
) -> (Recorder, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(LogTime(START_NS)));
    let manifest = manifest(streams);
    let writer = EpisodeWriter::with_sink(sink, &head(&manifest), WriterOptions::default()).unwrap();
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    (Recorder::start_with(writer, &head(&manifest), shared, options).unwrap(), clock)
}

/// A time of the host's clock, ns after the start.
pub(crate) fn host(ns: i64) -> HostTime {
    HostTime(START_NS + ns)
}

/// A time of a device whose clock began with the recording.
#[expect(clippy::unnecessary_wraps, reason = "a push takes a device's time where there is one")]
pub(crate) fn device(ns: i64) -> Option<DeviceTime> {
    Some(DeviceTime(ns))
}

pub(crate) fn taken(pushed: Pushed) {
    assert_eq!(pushed, Pushed::Taken);
}

/// Details of the events of this name on `/take`.
pub(crate) fn events(episode: &Episode, wanted: &str) -> Vec<String> {
    let messages = episode.messages(&[Topic::TAKE], ..).unwrap();
    messages
        .filter_map(|message| match message.unwrap().sample {
            Sample::Take(event) if event.name == wanted => Some(event.detail),
            _ => None,
        })
        .collect()
}

/// The samples of one stream.
pub(crate) fn samples(episode: &Episode, topic: &str) -> Vec<Sample> {
    episode.messages(&[topic], ..).unwrap().map(|message| message.unwrap().sample).collect()
}
