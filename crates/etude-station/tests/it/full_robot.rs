//! A full minute of one robot: 1 kHz joints, two wrenches, ten touch sensors, six cameras that send H.264.

use crate::common::{
    MS, START_NS, camera_spec, group_of_frames, head, host, joints_spec, manifest, sample, tactile_spec,
    take_spec, taken, wrench_spec,
};
use etude_episode::{Episode, EpisodeWriter, WriterOptions};
use etude_model::{DeviceTime, LogTime, StreamSpec};
use etude_station::recorder::{Clock, ManualClock, Overflow, Recorder, RecorderOptions};
use std::sync::Arc;

const SECONDS: i64 = 60;
/// Messages that may wait when the next tick is pushed: a source in real time would never get so far ahead.
const AHEAD: u64 = 8_000;

fn streams() -> Vec<StreamSpec> {
    let mut streams =
        vec![joints_spec(1000.0, 30), wrench_spec("left", 1000.0), wrench_spec("right", 1000.0)];
    streams.extend((0..10).map(|pad| tactile_spec(&format!("pad_{pad}"), 500.0)));
    streams.extend((0..6).map(|camera| camera_spec(&format!("view_{camera}"), 30.0)));
    streams.push(take_spec());
    streams
}

/// Records a minute as fast as it goes, the producer kept from running away from the writer.
fn record(options: RecorderOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("minute.mcap");
    let specs = streams();
    let manifest = manifest(specs.clone());
    let group = group_of_frames(640, 480);
    let clock = Arc::new(ManualClock::new(LogTime(START_NS)));
    let unsynced = WriterOptions { sync_on_close: false, ..WriterOptions::default() };
    let writer = EpisodeWriter::create(&path, &head(&manifest), unsynced).unwrap();
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let mut recorder = Recorder::start_with(writer, &head(&manifest), shared, options).unwrap();
    let mut producers: Vec<_> =
        specs.iter().map(|spec| recorder.producer(spec.topic.as_str(), None).unwrap()).collect();
    let mut pushed = vec![0_u64; specs.len()];
    for tick in 0..SECONDS * 1000 {
        clock.advance_to(LogTime(START_NS + tick * MS));
        for (place, spec) in specs.iter().enumerate() {
            let Some(rate_hz) = spec.rate_hz else { continue };
            if tick as f64 * rate_hz < pushed[place] as f64 * 1000.0 {
                continue;
            }
            let at = tick * MS;
            taken(producers[place].push(Some(DeviceTime(at)), host(at), sample(spec, pushed[place], &group)));
            pushed[place] += 1;
        }
        if options.overflow == Overflow::DeclareGap && tick % 50 == 0 {
            while recorder.gauges().iter().map(|gauge| gauge.waiting).sum::<u64>() > AHEAD {
                std::thread::yield_now();
            }
        }
    }
    clock.advance_to(LogTime(START_NS + SECONDS * 1000 * MS));
    let closed = recorder.stop().unwrap();
    assert!(closed.gaps.is_empty(), "{:?}", closed.gaps.first());
    assert!(closed.is_accounted());
    let episode = Episode::open(&path).unwrap();
    for (place, (spec, count)) in specs.iter().zip(&closed.streams).enumerate() {
        let expected = spec.rate_hz.map_or(0, |rate_hz| rate_hz as u64 * SECONDS as u64);
        assert_eq!((count.received, count.missing, pushed[place]), (expected, 0, expected), "{}", spec.topic);
        let info = episode.stream_info(etude_episode::StreamIndex(place as u16));
        assert_eq!(info.count.received, expected, "{}", spec.topic);
    }
    let mut kept = vec![0_u64; closed.streams.len()];
    for message in episode.messages(&[], LogTime(START_NS)..LogTime(START_NS + 2_000 * MS)).unwrap() {
        let message = message.unwrap();
        let place = message.stream.index();
        assert_eq!(message.sample, sample(&specs[place], kept[place], &group));
        kept[place] += 1;
    }
    assert_eq!(
        kept[..specs.len() - 1],
        specs.iter().filter_map(|spec| spec.rate_hz.map(|hz| hz as u64 * 2)).collect::<Vec<_>>()
    );
}

#[test]
fn a_minute_in_real_time_has_no_gap() {
    record(RecorderOptions::LIVE);
}

#[test]
fn a_minute_in_simulated_time_has_no_gap() {
    record(RecorderOptions::SIMULATED);
}
