//! What is written is read: every bit of every kind of sample, by us and by the `mcap` crate.

use crate::common::{self, CARD, JOINTS, MS, START_NS, TAKE, VIDEO, WRENCH, robot_in_memory, stamp, streams};
use etude_episode::{
    Attachment, Episode, EpisodeWriter, Head, StreamIndex, WriteError, WriterOptions, codec,
};
use etude_model::gap::{Gap, GapReason};
use etude_model::sample::{
    ActionApplied, Calibration, ClockSample, Contact, DepthImage, HandPose, Imu, JointCommand, JointStates,
    PoseSample, SafetyEvent, SafetyKind, Sample, Tactile, TakeEvent, TrainerInput, VideoFormat, VideoFrame,
    Wrench,
};
use etude_model::{DeviceTime, Digest, HostTime, LogTime, Pose, Span, Stamp, StreamKind, StreamSpec, Topic};
use proptest::array::{uniform3, uniform4, uniform9};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write as _;

fn any_f64() -> impl Strategy<Value = f64> {
    prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(0.0), Just(-0.0), Just(f64::NAN), Just(1.0)]
}

fn any_f32() -> impl Strategy<Value = f32> {
    prop_oneof![any::<u32>().prop_map(f32::from_bits), Just(-0.0f32)]
}

fn any_pose() -> impl Strategy<Value = Pose> {
    (uniform3(any_f64()), uniform4(any_f64()))
        .prop_map(|(position_m, orientation_xyzw)| Pose { position_m, orientation_xyzw })
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    (any::<Option<i64>>(), any::<i64>(), 0..i64::MAX).prop_map(|(device, host, log)| Stamp {
        device: device.map(DeviceTime),
        host: HostTime(host),
        log: LogTime(log),
    })
}

fn signals() -> impl Strategy<Value = Sample> {
    prop_oneof![
        [vec(any_f64(), 0..40), vec(any_f64(), 0..40), vec(any_f64(), 0..3)].prop_map(
            |[position, velocity, effort]| Sample::JointStates(JointStates { position, velocity, effort })
        ),
        (any::<u64>(), vec(any_f64(), 0..40), vec(any_f64(), 0..40)).prop_map(
            |(sequence, asked, granted)| { Sample::JointCommand(JointCommand { sequence, asked, granted }) }
        ),
        (any::<u64>(), any::<i64>(), any::<bool>()).prop_map(|(sequence, latency, accepted)| {
            Sample::ActionApplied(ActionApplied { sequence, latency: Span(latency), accepted })
        }),
        (any_pose(), any::<bool>()).prop_map(|(pose, tracked)| Sample::Pose(PoseSample { pose, tracked })),
        (uniform3(any_f64()), uniform3(any_f64()), any::<bool>())
            .prop_map(|(force_n, torque_n_m, tared)| Sample::Wrench(Wrench { force_n, torque_n_m, tared })),
        (1u32..6, vec(any_f32(), 0..7)).prop_map(|(rows, line)| {
            let values = line.repeat(rows as usize);
            Sample::Tactile(Tactile { rows, columns: line.len() as u32, values })
        }),
        (uniform3(any_f64()), uniform3(any_f64())).prop_map(|(turn, push)| {
            Sample::Imu(Imu { angular_velocity_rad_s: turn, linear_acceleration_m_s2: push })
        }),
    ]
}

fn trainers_and_cameras() -> impl Strategy<Value = Sample> {
    let format = prop_oneof![
        Just(VideoFormat::H264),
        Just(VideoFormat::H265),
        Just(VideoFormat::Av1),
        Just(VideoFormat::Vp9)
    ];
    prop_oneof![
        (vec(any_pose(), 0..26), vec(any_f32(), 0..26), any::<bool>())
            .prop_map(|(joints, radius_m, tracked)| Sample::HandPose(HandPose { joints, radius_m, tracked })),
        (any::<bool>(), any_f64(), vec(any_f32(), 0..8), vec(any_f32(), 0..5)).prop_map(
            |(clutch, closure, buttons, axes)| {
                Sample::TrainerInput(TrainerInput { clutch, closure, buttons, axes })
            }
        ),
        (format, any::<bool>(), vec(any::<u8>(), 0..300)).prop_map(|(format, is_key, data)| {
            Sample::Video(VideoFrame { format, is_key, data: data.into() })
        }),
        (1u32..6, vec(any::<u16>(), 0..7)).prop_map(|(height, line)| {
            let depth_mm = line.repeat(height as usize).into();
            Sample::Depth(DepthImage { width: line.len() as u32, height, depth_mm })
        }),
        (any::<u32>(), any::<u32>(), uniform9(any_f64()), any::<String>(), vec(any_f64(), 0..9)).prop_map(
            |(width, height, k, distortion_model, distortion)| {
                Sample::Calibration(Calibration { width, height, k, distortion_model, distortion })
            }
        ),
    ]
}

fn events() -> impl Strategy<Value = Sample> {
    let kind = prop_oneof![
        Just(SafetyKind::PositionLimit),
        Just(SafetyKind::NotANumber),
        Just(SafetyKind::Force),
        Just(SafetyKind::Resumed)
    ];
    let reason =
        prop_oneof![Just(GapReason::SourceSilent), Just(GapReason::Refused), Just(GapReason::Interrupted)];
    prop_oneof![
        (any::<String>(), any::<String>(), any_f64(), any::<bool>()).prop_map(
            |(body, other, force_n, begins)| Sample::Contact(Contact { body, other, force_n, begins })
        ),
        (kind, any::<u64>(), any::<String>(), any_f64(), any_f64()).prop_map(
            |(kind, sequence, subject, asked, granted)| {
                Sample::Safety(SafetyEvent { kind, sequence, subject, asked, granted })
            }
        ),
        (any::<String>(), any::<String>())
            .prop_map(|(name, detail)| Sample::Take(TakeEvent { name, detail })),
        (any::<String>(), any::<i64>(), any::<i64>(), any::<i64>()).prop_map(
            |(device, device_ns, host_ns, uncertainty)| {
                Sample::Clock(ClockSample {
                    device,
                    device_time: DeviceTime(device_ns),
                    host_time: HostTime(host_ns),
                    uncertainty: Span(uncertainty),
                })
            }
        ),
        (any::<String>(), any::<i64>(), any::<i64>(), any::<u64>(), reason).prop_map(
            |(topic, from, to, missing, reason)| {
                let topic = Topic::new(topic);
                Sample::Gap(Gap { topic, from: LogTime(from), to: LogTime(to), missing, reason })
            }
        ),
    ]
}

/// Text in which NaNs keep their bits, for comparing samples as they are.
fn bits(sample: &Sample) -> String {
    let mut text = format!("{sample:?}");
    let mut number = |value: f64| write!(text, " {:x}", value.to_bits()).expect("text");
    let poses: Vec<Pose> = match sample {
        Sample::Pose(pose) => vec![pose.pose],
        Sample::HandPose(hand) => hand.joints.clone(),
        _ => Vec::new(),
    };
    for pose in poses {
        pose.position_m.into_iter().chain(pose.orientation_xyzw).for_each(&mut number);
    }
    match sample {
        Sample::JointStates(states) => {
            [&states.position, &states.velocity, &states.effort]
                .into_iter()
                .flatten()
                .copied()
                .for_each(number);
        }
        Sample::JointCommand(command) => {
            command.asked.iter().chain(&command.granted).copied().for_each(number);
        }
        Sample::Wrench(wrench) => {
            wrench.force_n.into_iter().chain(wrench.torque_n_m).for_each(number);
        }
        Sample::Imu(imu) => {
            imu.angular_velocity_rad_s.into_iter().chain(imu.linear_acceleration_m_s2).for_each(number);
        }
        Sample::Contact(contact) => number(contact.force_n),
        Sample::TrainerInput(input) => number(input.closure),
        Sample::Safety(event) => [event.asked, event.granted].into_iter().for_each(number),
        Sample::Calibration(calibration) => {
            calibration.k.into_iter().chain(calibration.distortion.iter().copied()).for_each(number);
        }
        _ => {}
    }
    let floats: Vec<f32> = match sample {
        Sample::Tactile(tactile) => tactile.values.clone(),
        Sample::HandPose(hand) => hand.radius_m.clone(),
        Sample::TrainerInput(input) => input.buttons.iter().chain(&input.axes).copied().collect(),
        _ => Vec::new(),
    };
    for value in floats {
        write!(text, " {:x}", value.to_bits()).expect("text");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_keeps_every_bit(
        stamp in any_stamp(),
        sample in prop_oneof![signals(), trainers_and_cameras(), events()],
    ) {
        let spec = StreamSpec::new("/x", codec::kind_of(&sample), None).with_frame("frame");
        let mut bytes = vec![1, 2, 3];
        codec::encode(&spec, stamp, &sample, &mut bytes).expect("fits its stream");
        let (read_stamp, read) = codec::decode(spec.kind, stamp.log, &bytes[3..]).expect("own bytes");
        prop_assert_eq!(read_stamp, stamp);
        prop_assert_eq!(bits(&read), bits(&sample));
    }

    #[test]
    fn any_bytes_decode_or_fail(bytes in vec(any::<u8>(), 0..200), kind in 0usize..17) {
        let _ = codec::decode(KINDS[kind], LogTime(0), &bytes);
    }
}

const KINDS: [StreamKind; 17] = [
    StreamKind::JointStates,
    StreamKind::JointCommand,
    StreamKind::ActionApplied,
    StreamKind::Pose,
    StreamKind::Wrench,
    StreamKind::Tactile,
    StreamKind::Imu,
    StreamKind::Contact,
    StreamKind::HandPose,
    StreamKind::TrainerInput,
    StreamKind::Video,
    StreamKind::Depth,
    StreamKind::Calibration,
    StreamKind::Safety,
    StreamKind::Take,
    StreamKind::Clock,
    StreamKind::Gap,
];

#[test]
fn an_episode_reads_as_it_was_written() {
    let (bytes, closed) = robot_in_memory(1000);
    assert_eq!(closed.digest, Digest::of(&bytes));
    assert_eq!(closed.bytes, bytes.len() as u64);
    assert!(closed.is_accounted(), "{:?}", closed.streams);
    assert_eq!(closed.streams[WRENCH.index()].missing, 20);

    let episode = Episode::from_bytes(bytes).expect("own file");
    assert_eq!(episode.manifest().episode, common::manifest(Vec::new()).episode);
    assert_eq!(episode.manifest().streams[..4], streams());
    assert_eq!(episode.card_toml().expect("a card"), CARD);
    assert_eq!(episode.digest().expect("memory"), closed.digest);
    assert_eq!(episode.gaps().expect("memory"), closed.gaps);
    let counts: Vec<_> = episode.streams().iter().map(|stream| stream.count.clone()).collect();
    assert_eq!(counts, closed.streams);
    assert_eq!(episode.log_range(), Some((LogTime(START_NS), LogTime(START_NS + 1000 * MS))));

    let messages: Vec<_> =
        episode.messages(&[], ..).expect("memory").map(|message| message.expect("own")).collect();
    assert_eq!(messages.len() as u64, closed.streams.iter().map(|stream| stream.received).sum::<u64>());
    assert!(messages.is_sorted_by_key(|message| (message.stamp.log, message.stream)));
    let mut ticks = (0..1000).step_by(2);
    for message in messages.iter().filter(|message| message.stream == JOINTS) {
        let tick = ticks.next().expect("500 of them");
        assert_eq!(message.stamp, stamp(tick * MS));
        assert_eq!(bits(&message.sample), bits(&common::joints(tick)));
    }
    assert_eq!(messages.iter().filter(|message| message.stream == VIDEO).count(), 31);
    assert_eq!(messages.iter().filter(|message| message.stream == TAKE).count(), 2);
}

#[test]
fn a_range_of_one_stream_reads_little_more_than_that() {
    let (bytes, closed) = robot_in_memory(10_000);
    let episode = Episode::from_bytes(bytes).expect("own file");
    let opened = episode.bytes_read();
    let range = LogTime(START_NS + 2000 * MS)..LogTime(START_NS + 3000 * MS);
    let found = episode.messages(&["/robot/wrench/left"], range).expect("a stream").count();
    assert_eq!(found, 980);
    let share = episode.chunk_bytes(WRENCH) / 10;
    let read = episode.bytes_read() - opened;
    assert!(read < 2 * share, "{read} bytes for a share of {share} in {}", closed.bytes);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    assert_eq!(robot_in_memory(700).0, robot_in_memory(700).0);
}

#[test]
fn the_mcap_crate_reads_all_of_it() {
    let (bytes, closed) = robot_in_memory(1000);
    let summary = mcap::Summary::read(&bytes).expect("a summary").expect("it has one");
    let stats = summary.stats.as_ref().expect("statistics");
    assert_eq!(stats.message_count, closed.streams.iter().map(|stream| stream.received).sum::<u64>());
    assert_eq!(stats.chunk_count as usize, summary.chunk_indexes.len());
    for chunk in &summary.chunk_indexes {
        let indexes = summary.read_message_indexes(&bytes, chunk).expect("message indexes");
        assert_eq!(indexes.len(), chunk.message_index_offsets.len());
    }
    let messages = mcap::MessageStream::new(&bytes).expect("a file").collect::<Result<Vec<_>, _>>();
    assert_eq!(messages.expect("whole messages").len() as u64, stats.message_count);

    let options = mcap::sans_io::LinearReaderOptions::default()
        .with_validate_data_section_crc(true)
        .with_validate_summary_section_crc(true)
        .with_validate_chunk_crcs(true);
    let mut reader = mcap::sans_io::LinearReader::new_with_options(options);
    let mut rest = &bytes[..];
    while let Some(event) = reader.next_event() {
        if let mcap::sans_io::LinearReadEvent::ReadRequest(wanted) = event.expect("every CRC agrees") {
            let length = wanted.min(rest.len());
            reader.insert(length).copy_from_slice(&rest[..length]);
            reader.notify_read(length);
            rest = &rest[length..];
        }
    }
}

#[test]
fn messages_out_of_order_come_in_order() {
    let manifest = common::manifest(streams());
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    for tick in [0, 5, 3, 250, 10, 240, 251, 251] {
        writer.write(WRENCH, stamp(tick * MS), &common::wrench(tick)).expect("memory");
    }
    writer.finish().expect("memory");
    let episode = Episode::from_bytes(bytes).expect("own file");
    let ticks: Vec<_> = episode
        .messages(&["/robot/wrench/left"], ..)
        .expect("a stream")
        .map(|message| (message.expect("own").stamp.log.ns() - START_NS) / MS)
        .collect();
    assert_eq!(ticks, [0, 3, 5, 10, 240, 250, 251, 251]);
}

#[test]
fn attachments_come_back() {
    let manifest = common::manifest(streams());
    let model =
        Attachment { name: "model.xml".into(), media_type: "application/xml".into(), data: vec![1; 5000] };
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: std::slice::from_ref(&model) };
    let mut bytes = Vec::new();
    EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default())
        .expect("memory")
        .finish()
        .expect("memory");
    let episode = Episode::from_bytes(bytes).expect("own file");
    assert_eq!(episode.attachments().collect::<Vec<_>>(), ["card.toml", "model.xml"]);
    assert_eq!(episode.attachment("model.xml").expect("memory"), Some(model.data));
    assert_eq!(episode.attachment("other").expect("memory"), None);
    assert_eq!(episode.log_range(), None);
}

#[test]
fn what_does_not_fit_its_stream_is_refused_and_leaves_no_trace() {
    let manifest = common::manifest(streams());
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    let refused = |result: Result<(), WriteError>| result.expect_err("must be refused").to_string();
    assert!(
        refused(writer.write(JOINTS, stamp(0), &common::wrench(0))).contains("expected a sample of kind")
    );
    let short = Sample::JointStates(JointStates { position: vec![0.0; 2], ..JointStates::default() });
    assert!(
        refused(writer.write(JOINTS, stamp(0), &short)).contains("expected 3 numbers in position, found 2")
    );
    assert!(refused(writer.write(StreamIndex(9), stamp(0), &short)).contains("no stream of index 9"));
    let early = Stamp { log: LogTime(-1), ..stamp(0) };
    assert!(refused(writer.write(JOINTS, early, &common::joints(1))).contains("from 1970 on"));
    let gap = Gap {
        topic: Topic::new("/nowhere"),
        from: LogTime(0),
        to: LogTime(1),
        missing: 1,
        reason: GapReason::Refused,
    };
    assert!(refused(writer.declare_gap(&gap, stamp(0))).contains("/nowhere"));
    writer.finish().expect("memory");
    let episode = Episode::from_bytes(bytes).expect("own file");
    assert_eq!(episode.messages(&[], ..).expect("memory").count(), 0);
}
