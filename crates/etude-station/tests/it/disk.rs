//! A disk that fills up while a take is recorded.

use crate::common::{
    Bench, Disk, MS, camera_spec, group_of_frames, head, host, joints_spec, manifest, sample, take_spec,
    wrench_spec,
};
use etude_episode::recover::recover_bytes;
use etude_episode::{Episode, EpisodeWriter, WriteError, WriterOptions};
use etude_model::StreamSpec;
use etude_station::recorder::{Overflow, Pushed, Recorder, RecorderError, RecorderOptions};

fn streams() -> Vec<StreamSpec> {
    vec![joints_spec(1000.0, 7), wrench_spec("left", 1000.0), camera_spec("head", 50.0), take_spec()]
}

fn head_bytes() -> usize {
    let disk = Disk::with_room(usize::MAX);
    let manifest = manifest(streams());
    drop(EpisodeWriter::with_sink(disk.clone(), &head(&manifest), WriterOptions::default()).unwrap());
    disk.contents().len()
}

/// Records until the disk is full; what was taken per stream is checked against what is recovered.
fn fill(room: usize, options: RecorderOptions) {
    let group = group_of_frames(64, 48);
    let mut bench = Bench::on(Disk::with_room(room), streams(), options);
    let specs = streams();
    let mut producers: Vec<_> = specs.iter().map(|spec| bench.producer(spec.topic.as_str())).collect();
    let mut pushed = vec![0_u64; specs.len()];
    let mut stopped = false;
    for tick in 0..200_000 {
        bench.at(tick * MS);
        for (place, producer) in producers.iter_mut().enumerate().take(if tick % 20 == 0 { 4 } else { 2 }) {
            match producer.push(None, host(tick * MS), sample(&specs[place], pushed[place], &group)) {
                Pushed::Taken => pushed[place] += 1,
                // Its number comes again; nothing is asserted of what follows a drop.
                Pushed::Dropped => std::thread::yield_now(),
                Pushed::Stopped => stopped = true,
            }
        }
        if stopped {
            break;
        }
    }
    assert!(stopped, "room for {room}: producers are told");
    assert!(bench.recorder.has_failed(), "room for {room}: the recorder says so");
    let error = bench.recorder.stop().unwrap_err();
    let full = matches!(&error, RecorderError::Write(WriteError::DiskFull { .. }));
    assert!(full, "room for {room}: {error:?}");

    let (recovered, whole) = recover_bytes(&bench.disk.contents()).unwrap();
    let episode = Episode::from_bytes(whole).unwrap();
    for (place, spec) in specs.iter().enumerate().take(3) {
        let kept = crate::common::samples(&episode, spec.topic.as_str());
        assert_eq!(kept.len() as u64, recovered.streams[place].received);
        assert!(kept.len() as u64 <= pushed[place]);
        for (number, found) in kept.iter().enumerate() {
            assert_eq!(*found, sample(spec, number as u64, &group), "{} {number}", spec.topic);
        }
    }
}

#[test]
fn what_was_written_before_the_disk_was_full_recovers() {
    let head = head_bytes();
    for step in 0..12 {
        fill(head + step * step * 3_001, RecorderOptions::LIVE);
    }
}

#[test]
fn a_push_that_waits_is_told_that_the_disk_is_full() {
    let head = head_bytes();
    for (step, queue) in [(0, 1), (1, 1), (3, 4), (9, 16_384)] {
        fill(
            head + step * 20_011,
            RecorderOptions { queue, overflow: Overflow::Wait, ..RecorderOptions::SIMULATED },
        );
    }
}

#[test]
fn a_disk_that_is_full_from_the_start_is_refused() {
    let manifest = manifest(streams());
    for room in [0, 100, head_bytes() - 1] {
        let writer =
            EpisodeWriter::with_sink(Disk::with_room(room), &head(&manifest), WriterOptions::default());
        assert!(matches!(writer.err(), Some(WriteError::DiskFull { .. })), "room for {room}");
    }
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mcap");
    std::fs::write(&path, "a take").unwrap();
    let manifest = manifest(streams());
    let clock = std::sync::Arc::new(etude_station::recorder::SystemClock::new());
    let started = Recorder::start(&path, &head(&manifest), clock, RecorderOptions::LIVE);
    assert!(matches!(started.err(), Some(RecorderError::Write(WriteError::Io { .. }))));
    assert_eq!(std::fs::read(&path).unwrap(), b"a take");
}
