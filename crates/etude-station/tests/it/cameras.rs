//! Cameras: encoded once or passed through, and never a video that is shorter than its table.

use crate::common::{
    Bench, MS, camera_spec, device, events, group_of_frames, host, joints_spec, picture, sample, start,
    take_spec, taken,
};
use crate::sources::Gated;
use etude_episode::Episode;
use etude_model::gap::GapReason;
use etude_model::sample::Sample;
use etude_model::{LogTime, StreamSpec, Topic};
use etude_station::recorder::{Pushed, RecorderOptions};

const VIDEO: &str = "/camera/head/video";
/// Time between frames, ns.
const FRAME: i64 = 20 * MS;

fn streams() -> Vec<StreamSpec> {
    vec![camera_spec("head", 50.0), take_spec()]
}

/// Numbers of the frames that were kept, by their device time, and whether each is a key frame.
fn frames(episode: &Episode) -> Vec<(i64, bool)> {
    let messages = episode.messages(&[VIDEO], ..).unwrap();
    messages
        .map(|message| {
            let message = message.unwrap();
            let Sample::Video(frame) = message.sample else { panic!("a frame") };
            (message.stamp.device.unwrap().ns() / FRAME, frame.is_key)
        })
        .collect()
}

#[test]
fn a_late_encoder_makes_a_declared_gap() {
    let mut bench = Bench::new(streams(), RecorderOptions { picture_queue: 1, ..RecorderOptions::LIVE });
    let mut camera = bench.recorder.producer(VIDEO, Some((320, 240))).unwrap();
    let shown = picture(320, 240, 0);
    let (mut pushed, mut dropped) = (0, 0);
    while (dropped < 20 || pushed < 60) && pushed < 100_000 {
        bench.at(pushed * FRAME);
        dropped += i64::from(
            camera.push_picture(device(pushed * FRAME), host(pushed * FRAME), shown.clone())
                == Pushed::Dropped,
        );
        pushed += 1;
    }
    assert!(dropped >= 20, "an encoder cannot keep up with pictures that cost nothing");
    let (closed, episode) = bench.stop_at(pushed * FRAME);
    let video = &closed.streams[0];
    assert_eq!((video.received, video.missing), ((pushed - dropped) as u64, dropped as u64));
    assert!(closed.is_accounted());
    assert!(closed.gaps.iter().all(|gap| gap.reason == GapReason::EncoderLate), "{:?}", closed.gaps);
    assert_eq!(events(&episode, "gap").len(), closed.gaps.len());
    let frames = frames(&episode);
    assert_eq!(frames.len() as u64, video.received);
    assert!(
        frames.iter().enumerate().all(|(place, (_, is_key))| *is_key == (place % 10 == 0)),
        "closed groups of ten"
    );
}

#[test]
fn a_picture_that_cannot_be_encoded_is_declared() {
    for options in [RecorderOptions::LIVE, RecorderOptions::SIMULATED] {
        // In real time the queue must hold them all: lateness is not what is shown here.
        let mut bench = Bench::new(streams(), RecorderOptions { picture_queue: 64, ..options });
        let mut camera = bench.recorder.producer(VIDEO, Some((64, 48))).unwrap();
        for number in 0..30 {
            bench.at(number * FRAME);
            let fits = !(10..15).contains(&number) && number < 28;
            let shown = if fits { picture(64, 48, 0) } else { picture(32, 48, 0) };
            let _ = camera.push_picture(device(number * FRAME), host(number * FRAME), shown);
        }
        let (closed, episode) = bench.stop_at(30 * FRAME);
        assert_eq!((closed.streams[0].received, closed.streams[0].missing), (23, 7));
        assert!(closed.is_accounted());
        assert!(closed.gaps.iter().all(|gap| gap.reason == GapReason::Refused), "{:?}", closed.gaps);
        let kept: Vec<i64> = frames(&episode).iter().map(|(number, _)| *number).collect();
        assert_eq!(kept, (0..10).chain(15..28).collect::<Vec<_>>());
    }
}

#[test]
fn a_video_that_is_passed_through_begins_with_a_key_frame() {
    let group = group_of_frames(64, 48);
    let mut bench = Bench::new(streams(), RecorderOptions::LIVE);
    let mut camera = bench.producer(VIDEO);
    for number in 3..50 {
        bench.at((number - 3) * FRAME);
        let pushed = camera.push(
            device(number * FRAME),
            host(number * FRAME),
            sample(&streams()[0], number as u64, &group),
        );
        assert_eq!(pushed, if number < 10 { Pushed::Dropped } else { Pushed::Taken });
    }
    let (closed, episode) = bench.stop_at(47 * FRAME);
    assert_eq!((closed.streams[0].received, closed.streams[0].missing), (40, 7));
    assert_eq!(closed.gaps[0].reason, GapReason::Refused);
    assert!(closed.is_accounted());
    assert_eq!(frames(&episode)[0], (10, true));
}

#[test]
fn after_a_drop_a_video_that_is_passed_through_waits_for_a_key_frame() {
    let group = group_of_frames(64, 48);
    let disk = Gated::new();
    let (mut recorder, clock) =
        start(disk.clone(), streams(), RecorderOptions { queue: 4, ..RecorderOptions::LIVE });
    let mut camera = recorder.producer(VIDEO, None).unwrap();
    let (mut number, mut dropped) = (0, 0);
    let mut push = || {
        clock.advance_to(LogTime(host(number * FRAME).ns()));
        let frame = sample(&streams()[0], number as u64, &group);
        let pushed = camera.push(device(number * FRAME), host(number * FRAME), frame);
        number += 1;
        dropped += u64::from(pushed == Pushed::Dropped);
        (pushed, dropped, number)
    };
    for round in 1..6 {
        disk.set_open(false);
        while push().1 < 25 * round {
            std::thread::yield_now();
        }
        disk.set_open(true);
        while push().0 == Pushed::Dropped {
            std::thread::yield_now();
        }
    }
    clock.advance_to(LogTime(host(number * FRAME).ns()));
    let closed = recorder.stop().unwrap();
    let episode = Episode::from_bytes(disk.disk.contents()).unwrap();
    assert_eq!((closed.streams[0].received, closed.streams[0].missing), (number as u64 - dropped, dropped));
    assert!(closed.is_accounted());
    let frames = frames(&episode);
    assert_eq!(frames[0], (0, true));
    for pair in frames.windows(2) {
        assert!(pair[1].0 == pair[0].0 + 1 || pair[1].1, "{} after {}", pair[1].0, pair[0].0);
    }
}

#[test]
fn the_same_pushes_in_simulated_time_give_the_same_bytes() {
    let record = || {
        let streams =
            vec![joints_spec(500.0, 7), camera_spec("head", 50.0), camera_spec("wrist", 50.0), take_spec()];
        let mut bench =
            Bench::new(streams.clone(), RecorderOptions { queue: 8, ..RecorderOptions::SIMULATED });
        let mut joints = bench.producer(Topic::JOINT_STATES);
        let sizes = [("/camera/head/video", (96, 64)), ("/camera/wrist/video", (64, 48))];
        let mut cameras = sizes.map(|(topic, size)| bench.recorder.producer(topic, Some(size)).unwrap());
        for tick in (0..1000).filter(|tick| !(300..400).contains(tick)) {
            let at = tick * 2 * MS;
            bench.at(at);
            taken(joints.push(device(at), host(at), sample(&streams[0], tick as u64, &[])));
            if tick % 10 == 0 {
                for (camera, (_, (width, height))) in cameras.iter_mut().zip(sizes) {
                    taken(camera.push_picture(device(at), host(at), picture(width, height, tick as u32)));
                }
            }
        }
        bench.at(2000 * MS);
        let closed = bench.recorder.stop().unwrap();
        assert!(closed.is_accounted());
        assert_eq!(closed.streams[0].missing, 100);
        (closed, bench.disk.contents())
    };
    let (first, second) = (record(), record());
    assert_eq!(first.0, second.0);
    assert!(first.1 == second.1, "the same bytes");
}
