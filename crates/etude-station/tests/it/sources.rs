//! Sources that stall, burst, jump, mix up their order or send what is no number; and a queue that is full.

use crate::common::{
    Bench, Disk, MS, S, device, events, host, joints_spec, sample, samples, start, take_spec, taken,
    wrench_spec,
};
use etude_episode::{Closed, Episode, Sink, StreamCount};
use etude_model::gap::GapReason;
use etude_model::sample::{JointStates, Sample, Wrench};
use etude_model::{HostTime, LogTime, Stamp, StreamSpec, Topic};
use etude_station::recorder::{Pushed, RecorderOptions};
use std::io;
use std::sync::{Arc, Condvar, Mutex};

const WRENCH: &str = "/robot/wrench/left";

fn streams() -> Vec<StreamSpec> {
    vec![wrench_spec("left", 1000.0), take_spec()]
}

/// Records one second of a 1 kHz stream whose messages bear these times, each pushed when log time has come to its own.
fn record(stamps: impl IntoIterator<Item = Stamp>) -> (Closed, Episode) {
    let mut bench = Bench::new(streams(), RecorderOptions::LIVE);
    let mut wrench = bench.producer(WRENCH);
    for (number, stamp) in stamps.into_iter().enumerate() {
        bench.at(stamp.log.ns());
        taken(wrench.push(stamp.device, host(stamp.host.ns()), sample(&streams()[0], number as u64, &[])));
    }
    bench.stop_at(S)
}

/// A message whose three clocks say these times, ns.
fn stamp(device_ns: Option<i64>, host_ns: i64, log_ns: i64) -> Stamp {
    Stamp { device: device_ns.and_then(device), host: HostTime(host_ns), log: LogTime(log_ns) }
}

fn count<'a>(closed: &'a Closed, topic: &str) -> &'a StreamCount {
    closed.streams.iter().find(|stream| stream.topic.as_str() == topic).unwrap()
}

#[test]
fn a_steady_source_has_no_gap() {
    for has_clock in [true, false] {
        let (closed, episode) = record((0..1000).map(|i| stamp(has_clock.then_some(i * MS), i * MS, i * MS)));
        assert!(closed.is_accounted() && closed.gaps.is_empty(), "{closed:?}");
        assert_eq!(samples(&episode, WRENCH).len(), 1000);
        assert!(events(&episode, "gap").is_empty());
    }
}

#[test]
fn what_a_stalled_source_did_not_send_is_declared() {
    for has_clock in [true, false] {
        let sent = (0..1000).filter(|i| !(200..500).contains(i));
        let (closed, episode) = record(sent.map(|i| stamp(has_clock.then_some(i * MS), i * MS, i * MS)));
        let wrench = count(&closed, WRENCH);
        assert_eq!((wrench.received, wrench.missing, wrench.accounted), (700, 300, true));
        assert_eq!(closed.gaps.len(), 1);
        assert_eq!(closed.gaps[0].reason, GapReason::SourceSilent);
        assert_eq!(
            (closed.gaps[0].from, closed.gaps[0].to),
            (LogTime(host(199 * MS).ns()), LogTime(host(500 * MS).ns()))
        );
        assert_eq!(events(&episode, "gap"), ["/robot/wrench/left: 300 messages missing (source_silent)"]);
    }
}

#[test]
fn a_source_that_says_nothing_is_declared_whole() {
    let (closed, _) = record([]);
    assert_eq!((count(&closed, WRENCH).missing, count(&closed, WRENCH).accounted), (1000, true));
}

#[test]
fn a_burst_after_a_pause_is_no_loss() {
    for has_clock in [true, false] {
        let late = |i: i64| if (200..900).contains(&i) { 900 * MS } else { i * MS };
        let (closed, _) = record((0..1000).map(|i| stamp(has_clock.then_some(i * MS), late(i), late(i))));
        assert!(closed.is_accounted() && closed.gaps.is_empty(), "{:?}", closed.gaps);
    }
}

#[test]
fn messages_out_of_order_are_all_kept_and_none_is_missing() {
    let swapped = |i: i64| i + [0, 2, 0, -2][(i % 4) as usize];
    for has_clock in [true, false] {
        let mixed = |i: i64| stamp(has_clock.then_some(swapped(i) * MS), swapped(i) * MS, i * MS);
        let (closed, episode) = record((0..1000).map(mixed));
        assert!(closed.is_accounted() && closed.gaps.is_empty(), "{:?}", closed.gaps);
        let kept = episode.messages(&[WRENCH], ..).unwrap();
        for (i, message) in (0..).zip(kept) {
            assert_eq!(message.unwrap().stamp.host, host(swapped(i) * MS), "times are kept as they came");
        }
    }
}

#[test]
fn a_clock_that_jumps_is_told_and_is_no_gap() {
    for has_clock in [true, false] {
        for jump in [3600 * S, -9 * S] {
            let jumped = |i: i64| if i < 500 { i * MS } else { i * MS + jump };
            let host_ns = |i: i64| if has_clock { i * MS } else { jumped(i) };
            let (closed, episode) =
                record((0..1000).map(|i| stamp(has_clock.then(|| jumped(i)), host_ns(i), i * MS)));
            assert!(closed.is_accounted() && closed.gaps.is_empty(), "{:?}", closed.gaps);
            assert_eq!(count(&closed, WRENCH).received, 1000);
            assert_eq!(events(&episode, "clock_jumped").len(), 1, "jump of {jump} ns");
        }
    }
}

#[test]
fn numbers_that_are_none_are_kept_as_they_came() {
    let mut bench =
        Bench::new(vec![joints_spec(1000.0, 3), wrench_spec("left", 1000.0)], RecorderOptions::LIVE);
    let mut joints = bench.producer(Topic::JOINT_STATES);
    let mut wrench = bench.producer(WRENCH);
    let none = [f64::NAN, f64::INFINITY, -0.0];
    taken(joints.push(
        device(0),
        host(0),
        Sample::JointStates(JointStates { position: none.to_vec(), ..Default::default() }),
    ));
    taken(wrench.push(device(0), host(0), Sample::Wrench(Wrench { force_n: none, ..Default::default() })));
    let (closed, episode) = bench.stop_at(MS);
    assert!(closed.is_accounted() && closed.gaps.is_empty());
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let Sample::JointStates(states) = &samples(&episode, Topic::JOINT_STATES)[0] else { panic!() };
    assert_eq!(bits(&states.position), bits(&none));
    let Sample::Wrench(kept) = &samples(&episode, WRENCH)[0] else { panic!() };
    assert_eq!(bits(&kept.force_n), bits(&none));
}

#[test]
fn a_sample_that_does_not_fit_costs_itself_and_not_the_take() {
    let mut bench = Bench::new(vec![joints_spec(1000.0, 3), take_spec()], RecorderOptions::LIVE);
    let mut joints = bench.producer(Topic::JOINT_STATES);
    for tick in 0..100 {
        bench.at(tick * MS);
        let joint_count = if tick % 10 == 5 { 4 } else { 3 };
        let states = JointStates { position: vec![0.0; joint_count], ..Default::default() };
        taken(joints.push(device(tick * MS), host(tick * MS), Sample::JointStates(states)));
    }
    let (closed, episode) = bench.stop_at(100 * MS);
    let count = count(&closed, Topic::JOINT_STATES);
    assert_eq!((count.received, count.missing, count.accounted), (90, 10, true));
    assert!(closed.gaps.iter().all(|gap| gap.reason == GapReason::Refused && gap.missing == 1));
    assert_eq!(events(&episode, "gap").len(), 10);
}

/// A disk that stands still while its gate is shut.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) disk: Disk,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gated {
    pub(crate) fn new() -> Self {
        Self { disk: Disk::with_room(usize::MAX), open: Arc::new((Mutex::new(true), Condvar::new())) }
    }

    pub(crate) fn set_open(&self, open: bool) {
        *self.open.0.lock().unwrap() = open;
        self.open.1.notify_all();
    }
}

impl Sink for Gated {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        drop(self.open.1.wait_while(self.open.0.lock().unwrap(), |open| !*open).unwrap());
        self.disk.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self, _sync: bool) -> io::Result<()> {
        Ok(())
    }

    fn name(&self) -> String {
        "gated".to_owned()
    }
}

/// Overflows the queue before a disk that stands still; then goes on, or stops with the drops still undeclared.
fn overflow(goes_on: bool) {
    let disk = Gated::new();
    let options = RecorderOptions { queue: 64, ..RecorderOptions::LIVE };
    let (mut recorder, clock) = start(disk.clone(), streams(), options);
    let mut wrench = recorder.producer(WRENCH, None).unwrap();
    let (mut tick, mut dropped) = (0, 0);
    let mut push = || {
        clock.advance_to(LogTime(host(tick * MS).ns()));
        let pushed = wrench.push(device(tick * MS), host(tick * MS), sample(&streams()[0], tick as u64, &[]));
        assert_ne!(pushed, Pushed::Stopped);
        tick += 1;
        dropped += u64::from(pushed == Pushed::Dropped);
        (pushed, dropped)
    };
    disk.set_open(false);
    while push().1 < 500 {
        std::thread::yield_now();
    }
    if goes_on {
        disk.set_open(true);
        while push().0 != Pushed::Taken {
            std::thread::yield_now();
        }
        let _ = push();
    } else {
        while push().0 != Pushed::Dropped {}
        disk.set_open(true);
    }
    clock.advance_to(LogTime(host(tick * MS).ns()));
    assert_eq!(recorder.gauges()[0].dropped, dropped);
    assert_eq!(recorder.gauges()[0].received + dropped, tick as u64);
    let closed = recorder.stop().unwrap();
    let episode = Episode::from_bytes(disk.disk.contents()).unwrap();
    let count = count(&closed, WRENCH);
    assert_eq!((count.received, count.missing), (tick as u64 - dropped, dropped));
    assert!(closed.is_accounted());
    assert!(closed.gaps.iter().all(|gap| gap.reason == GapReason::QueueOverflow), "{:?}", closed.gaps);
    assert_eq!(events(&episode, "gap").len(), closed.gaps.len());
    let kept = samples(&episode, WRENCH);
    assert_eq!(kept.len() as u64, count.received);
}

#[test]
fn a_full_queue_is_declared_and_the_recording_goes_on() {
    overflow(true);
}

#[test]
fn a_full_queue_at_the_end_is_declared() {
    overflow(false);
}

#[test]
fn streams_of_events_need_not_be_in_the_manifest() {
    let mut bench = Bench::new(vec![wrench_spec("left", 1000.0)], RecorderOptions::LIVE);
    let _wrench = bench.producer(WRENCH);
    let (closed, _) = bench.stop_at(S);
    assert_eq!(count(&closed, WRENCH).missing, 1000);
}

#[test]
fn a_stream_has_one_producer() {
    let mut bench = Bench::new(streams(), RecorderOptions::LIVE);
    let _wrench = bench.producer(WRENCH);
    assert!(bench.recorder.producer(WRENCH, None).is_err());
    assert!(bench.recorder.producer("/nothing", None).is_err());
}
