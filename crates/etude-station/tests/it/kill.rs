//! A recording whose process is killed: what was pushed more than 100 ms before is in the file, whole and unchanged.
//!
//! The child records in real time and tells, after each push that was taken, what it pushed and when. The parent kills
//! it after a random number of bytes of that tale. The last push told of is the latest that the parent can know of, so
//! asserted is: of each stream, everything pushed more than 100 ms before the last push told of is recovered; what is
//! recovered is the stream's first messages without a hole, each equal to what was pushed; and the report counts what
//! the file holds.
//!
//! The promise is the recorder's, not the machine's: the child also tells how long a thread that does nothing but rest
//! for 4 ms was kept from running, and how long the disk held each write. Where either exceeds [`HELD_BACK`] shortly
//! before the kill, no recorder could have kept the promise; a run that then lost more proves nothing and is done again.

use crate::common::{
    MS, camera_spec, group_of_frames, head, joints_spec, manifest, sample, tactile_spec, wrench_spec,
};
use etude_episode::{Episode, EpisodeWriter, FileSink, Sink, WriterOptions, recover};
use etude_model::gap::GapReason;
use etude_model::sample::VideoFrame;
use etude_model::{HostTime, StreamKind, StreamSpec};
use etude_station::recorder::{Clock, Pushed, Recorder, RecorderOptions, SystemClock};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CHILD: &str = "ETUDE_TEST_RECORDING_CHILD";
const RUNS: usize = 200;
/// Runs that may be done again.
const REPEATS: usize = 400;
/// What a crash may cost.
const LOSS: i64 = 100 * MS;
/// The recorder closes chunks 50 ms old and looks every 10 ms: so much later may its thread run.
const HELD_BACK: i64 = 25 * MS;
/// One line of the tale: stream or what else is told of, number or ns, log time.
const LINE: usize = 17;
const RESTING: u8 = 255;
/// A write began, or ended after so many ns.
const WRITING: u8 = 254;
const WRITTEN: u8 = 253;

fn streams() -> Vec<StreamSpec> {
    vec![
        joints_spec(1000.0, 30),
        wrench_spec("left", 1000.0),
        tactile_spec("thumb", 500.0),
        tactile_spec("index", 500.0),
        camera_spec("head", 50.0),
        // Events of its own: on `/take` the recorder tells of gaps.
        StreamSpec::new("/notes", StreamKind::Take, None),
    ]
}

fn line(stream: u8, number: u64, log_ns: i64) -> [u8; LINE] {
    let mut line = [stream; LINE];
    line[1..9].copy_from_slice(&number.to_le_bytes());
    line[9..].copy_from_slice(&log_ns.to_le_bytes());
    line
}

/// Not a test of its own: what the child process does.
#[test]
fn recording_child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let tale = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let manifest = manifest(streams());
    let group = group_of_frames(64, 48);
    let file = FileSink::create(Path::new(&path)).unwrap();
    let sink = Telling { file, clock: Arc::clone(&clock), tale: tale.try_clone().unwrap() };
    let writer = EpisodeWriter::with_sink(sink, &head(&manifest), WriterOptions::default()).unwrap();
    let shared = Arc::clone(&clock);
    let mut recorder = Recorder::start_with(writer, &head(&manifest), shared, RecorderOptions::LIVE).unwrap();
    watch(Arc::clone(&clock), tale.try_clone().unwrap());
    let mut producers: Vec<_> =
        manifest.streams.iter().map(|spec| recorder.producer(spec.topic.as_str(), None).unwrap()).collect();
    let every = [1, 1, 2, 2, 20, 100];
    let mut numbers = [0_u64; 6];
    let started = Instant::now();
    for tick in 0_u64.. {
        let mut lines = Vec::new();
        for (place, spec) in
            manifest.streams.iter().enumerate().filter(|(place, _)| tick % every[*place] == 0)
        {
            let number = numbers[place];
            let log_ns = clock.now().ns();
            match producers[place].push(None, HostTime(log_ns), sample(spec, number, &group)) {
                Pushed::Taken => lines.extend(line(place as u8, number, log_ns)),
                refused => panic!("{}: {refused:?}", spec.topic),
            }
            numbers[place] += 1;
        }
        (&tale).write_all(&lines).unwrap();
        let next = Duration::from_millis(tick + 1);
        std::thread::sleep(next.saturating_sub(started.elapsed()));
    }
}

/// A file that tells how long the disk holds each write.
struct Telling {
    file: FileSink,
    clock: Arc<dyn Clock>,
    tale: UnixStream,
}

impl Sink for Telling {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let began_ns = self.clock.now().ns();
        self.tale.write_all(&line(WRITING, 0, began_ns))?;
        self.file.write_all(bytes)?;
        let ended_ns = self.clock.now().ns();
        self.tale.write_all(&line(WRITTEN, (ended_ns - began_ns) as u64, ended_ns))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    fn commit(&mut self, sync: bool) -> io::Result<()> {
        self.file.commit(sync)
    }

    fn name(&self) -> String {
        self.file.name()
    }
}

/// Tells how long a thread that rests is kept from running.
fn watch(clock: Arc<dyn Clock>, tale: UnixStream) {
    std::thread::spawn(move || {
        let mut last_ns = clock.now().ns();
        loop {
            std::thread::park_timeout(Duration::from_millis(4));
            let now_ns = clock.now().ns();
            let late_ns = (now_ns - last_ns - 4 * MS).max(0);
            (&tale).write_all(&line(RESTING, late_ns as u64, now_ns)).unwrap();
            last_ns = now_ns;
        }
    });
}

/// What the child told before it was killed.
struct Tale {
    /// Log times per stream, by number.
    pushed: Vec<Vec<i64>>,
    last_ns: i64,
    /// How long the resting thread and the disk were held back shortly before the end, ns; the longer of the two.
    held_back_ns: i64,
}

fn read(bytes: &[u8]) -> Tale {
    let mut pushed = vec![Vec::new(); streams().len()];
    let (mut last_ns, mut rests, mut writes, mut writing) = (0, Vec::new(), Vec::new(), None);
    for line in bytes.chunks_exact(LINE) {
        let number = u64::from_le_bytes(line[1..9].try_into().unwrap());
        let log_ns = i64::from_le_bytes(line[9..].try_into().unwrap());
        match line[0] {
            RESTING => rests.push((log_ns, number as i64)),
            WRITING => writing = Some(log_ns),
            WRITTEN => {
                writing = None;
                writes.push((log_ns, number as i64));
            }
            stream => {
                let stream = &mut pushed[usize::from(stream)];
                assert_eq!(stream.len() as u64, number, "the child tells of every push in order");
                stream.push(log_ns);
                last_ns = last_ns.max(log_ns);
            }
        }
    }
    let recent = |told: &(i64, i64)| told.0 > last_ns - 2 * LOSS;
    // A thread or a write that has not come back at all was held back too.
    let silent = rests.last().map_or(last_ns, |(at, _)| last_ns - at - 4 * MS);
    let resting = rests.iter().filter(|told| recent(told)).map(|(_, late)| *late).chain([silent]).max();
    let disk: i64 = writes.iter().filter(|told| recent(told)).map(|(_, held)| *held).sum();
    let disk = disk + writing.map_or(0, |began_ns| last_ns - began_ns);
    Tale { pushed, last_ns, held_back_ns: resting.unwrap_or(0).max(disk) }
}

/// Records in a child, kills it after `bytes` of its tale, and gives the tale to its end.
fn record_and_kill(path: &Path, bytes: usize) -> Tale {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::recording_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    ours.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut told = vec![0; bytes];
    ours.read_exact(&mut told).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    ours.read_to_end(&mut told).unwrap();
    read(&told)
}

/// The longest that was lost of any stream, ns before the last push.
fn verify(tale: &Tale, cut: &Path, whole: &Path, group: &[VideoFrame]) -> i64 {
    let recovered = recover(cut, whole).unwrap();
    let episode = Episode::open(whole).unwrap();
    let mut longest_ns = 0;
    for (place, spec) in streams().iter().enumerate() {
        let topic = spec.topic.as_str();
        let pushed = &tale.pushed[place];
        let kept = crate::common::samples(&episode, topic);
        assert_eq!(
            recovered.streams[place].received,
            kept.len() as u64,
            "{topic}: the report counts what is there"
        );
        for (number, found) in kept.iter().enumerate() {
            assert_eq!(
                *found,
                sample(spec, number as u64, group),
                "{topic}: message {number} is as it was pushed"
            );
        }
        if let Some(first_lost) = pushed.get(kept.len()) {
            longest_ns = longest_ns.max(tale.last_ns - first_lost);
        }
    }
    // A file that holds no message yet has no time to declare anything at.
    if recovered.last_log.is_some() && !recovered.is_whole() {
        let interrupted = |gap: &etude_model::Gap| gap.reason == GapReason::Interrupted;
        assert!(episode.gaps().unwrap().iter().any(interrupted), "the file itself says that it was cut off");
    }
    longest_ns
}

#[test]
fn two_hundred_kills_cost_at_most_the_last_100_ms() {
    let folder = tempfile::tempdir().unwrap();
    let group = group_of_frames(64, 48);
    let (next, repeats) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let losses = Mutex::new(Vec::new());
    let one = |run: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(run as u64);
        loop {
            // Between about 10 and 400 ms of recording.
            let bytes = random.random_range(600..24_000);
            let path = folder.path().join(format!("{run}-{bytes}.mcap"));
            let cut = etude_episode::sink::partial_path(&path);
            let tale = record_and_kill(&path, bytes);
            let loss_ns = verify(&tale, &cut, &path, &group);
            std::fs::remove_file(&cut).unwrap();
            std::fs::remove_file(&path).unwrap();
            if loss_ns <= LOSS {
                return losses.lock().unwrap().push(loss_ns);
            }
            assert!(
                tale.held_back_ns > HELD_BACK && repeats.fetch_add(1, Ordering::Relaxed) < REPEATS,
                "run {run}: lost {loss_ns} ns, and the machine held back {} ns",
                tale.held_back_ns
            );
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let run @ 0..RUNS = next.fetch_add(1, Ordering::Relaxed) {
                    one(run);
                }
            });
        }
    });
    let mut losses = losses.into_inner().unwrap();
    losses.sort_unstable();
    assert_eq!(losses.len(), RUNS);
    let ms = |share: usize| losses[(RUNS - 1) * share / 100] / MS;
    eprintln!(
        "lost: median {} ms, p95 {} ms, most {} ms; {} runs done again",
        ms(50),
        ms(95),
        ms(100),
        repeats.into_inner()
    );
}
