//! The end of a recording while its producers are still at work.

use crate::common::{Bench, MS, camera_spec, host, joints_spec, picture, sample, wrench_spec};
use etude_model::StreamSpec;
use etude_station::recorder::{Producer, Pushed, RecorderOptions};
use std::thread::JoinHandle;

fn streams() -> Vec<StreamSpec> {
    vec![
        joints_spec(1000.0, 7),
        wrench_spec("left", 1000.0),
        wrench_spec("right", 1000.0),
        camera_spec("head", 50.0),
    ]
}

/// Pushes as fast as it goes until it is told to stop; gives how many were taken.
fn push_on(spec: StreamSpec, mut producer: Producer) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut taken = 0;
        loop {
            let pushed = if spec.topic.camera().is_some() {
                producer.push_picture(None, host(0), picture(32, 32, 0))
            } else {
                producer.push(None, host(0), sample(&spec, taken, &[]))
            };
            match pushed {
                Pushed::Taken => taken += 1,
                Pushed::Dropped => std::thread::yield_now(),
                Pushed::Stopped => return taken,
            }
        }
    })
}

fn stop_while_producing(options: RecorderOptions) {
    let mut bench = Bench::new(streams(), options);
    let threads: Vec<_> = streams()
        .into_iter()
        .map(|spec| {
            let size = spec.topic.camera().map(|_| (32, 32));
            let producer = bench.recorder.producer(spec.topic.as_str(), size).unwrap();
            push_on(spec, producer)
        })
        .collect();
    while bench.recorder.gauges().iter().any(|gauge| gauge.received < 20) {
        std::thread::yield_now();
    }
    bench.at(MS);
    let closed = bench.recorder.stop().unwrap();
    for (thread, count) in threads.into_iter().zip(&closed.streams) {
        assert_eq!(count.received, thread.join().unwrap(), "{}: what was taken is in the file", count.topic);
    }
}

#[test]
fn stop_keeps_what_was_taken_and_ends_producers_that_never_wait() {
    for _ in 0..20 {
        stop_while_producing(RecorderOptions { queue: 256, ..RecorderOptions::LIVE });
    }
}

#[test]
fn stop_keeps_what_was_taken_and_ends_producers_that_wait() {
    for _ in 0..20 {
        stop_while_producing(RecorderOptions { queue: 2, ..RecorderOptions::SIMULATED });
    }
}

#[test]
fn stop_does_not_wait_for_producers_that_are_idle() {
    let mut bench = Bench::new(streams(), RecorderOptions::LIVE);
    let mut wrench = bench.producer("/robot/wrench/left");
    let mut camera = bench.recorder.producer("/camera/head/video", Some((32, 32))).unwrap();
    let (_, episode) = bench.stop_at(10 * MS);
    assert_eq!(wrench.push(None, host(0), sample(&streams()[1], 0, &[])), Pushed::Stopped);
    assert_eq!(camera.push_picture(None, host(0), picture(32, 32, 0)), Pushed::Stopped);
    assert_eq!(episode.stream_info(etude_episode::StreamIndex(1)).count.received, 0);
}
