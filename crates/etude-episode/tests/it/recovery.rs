//! Files that were cut off: at every byte, in the middle, at the end.

use crate::common::{VIDEO, WRENCH, robot_in_memory};
use etude_episode::recover::recover_bytes;
use etude_episode::{Episode, RawMessage, RecoverError, check, recover};
use etude_model::GapReason;
use std::fs;

fn messages(bytes: &[u8]) -> Vec<RawMessage> {
    let episode = Episode::from_bytes(bytes.to_vec()).expect("a closed file");
    episode.raw_messages(&[], ..).expect("all streams").map(|message| message.expect("whole")).collect()
}

/// Where each chunk ends, and how many messages of each channel it has.
fn chunks(bytes: &[u8]) -> Vec<(usize, Vec<(u16, usize)>)> {
    let summary = mcap::Summary::read(bytes).expect("a summary").expect("it has one");
    let mut chunks: Vec<_> = summary
        .chunk_indexes
        .iter()
        .map(|chunk| {
            let end = (chunk.chunk_start_offset + chunk.chunk_length) as usize;
            let indexes = summary.read_message_indexes(bytes, chunk).expect("indexes");
            (end, indexes.iter().map(|(channel, entries)| (channel.id, entries.len())).collect())
        })
        .collect();
    chunks.sort();
    chunks
}

#[test]
fn a_file_cut_at_any_byte_gives_every_whole_chunk() {
    let (bytes, _) = robot_in_memory(130);
    let chunks = chunks(&bytes);
    let original = messages(&bytes);
    let mut recovered_files = 0;
    for cut in 0..bytes.len() {
        let (recovered, out) = match recover_bytes(&bytes[..cut]) {
            Ok(recovered) => recovered,
            Err(RecoverError::Nothing { .. }) => {
                assert!(
                    chunks.iter().all(|(end, _)| *end > cut),
                    "nothing of a chunk that is whole at {cut}"
                );
                continue;
            }
            Err(error) => panic!("cut at {cut}: {error}"),
        };
        recovered_files += 1;
        let gap_channel = recovered.streams.len() as u16;
        for (index, stream) in recovered.streams.iter().enumerate() {
            let channel = index as u16 + 1;
            let whole: usize = chunks
                .iter()
                .filter(|(end, _)| *end <= cut)
                .flat_map(|(_, counts)| {
                    counts.iter().filter(|(id, _)| *id == channel).map(|(_, count)| count)
                })
                .sum();
            let kept = stream.received as usize;
            if index == VIDEO.index() {
                assert!(kept >= whole, "cut at {cut}: {kept} of {whole} frames");
            } else if channel == gap_channel {
                assert!(kept >= whole, "cut at {cut}: {kept} of {whole} gaps");
            } else {
                assert_eq!(kept, whole, "cut at {cut}: {}", stream.topic);
            }
        }
        // Reading everything back for each cut would take minutes; around each chunk's end it is done.
        if chunks.iter().any(|(end, _)| cut.abs_diff(*end) <= 1) || cut % 997 == 0 {
            let kept = messages(&out);
            let of = |messages: &[RawMessage], stream| {
                messages.iter().filter(|message| message.stream.0 == stream).cloned().collect::<Vec<_>>()
            };
            for stream in 0..gap_channel - 1 {
                assert!(
                    of(&original, stream).starts_with(&of(&kept, stream)),
                    "cut at {cut}, stream {stream}"
                );
            }
            let (again, copy) = recover_bytes(&out).expect("a closed file");
            assert!(again.was_complete && copy == out, "recovering twice changes nothing");
        }
    }
    assert!(recovered_files > bytes.len() / 2);
}

#[test]
fn what_was_lost_is_said() {
    let (bytes, closed) = robot_in_memory(1000);
    let cut = bytes.len() * 6 / 10;
    let (recovered, out) = recover_bytes(&bytes[..cut]).expect("a head and chunks");
    assert!(!recovered.is_whole());
    let interrupted: Vec<_> =
        recovered.closed.gaps.iter().filter(|gap| gap.reason == GapReason::Interrupted).collect();
    assert_eq!(interrupted.len(), 4, "one per stream but /gap");
    assert!(interrupted.iter().all(|gap| Some(gap.to) == recovered.last_log && gap.missing == 0));
    assert!(!recovered.closed.is_accounted(), "nobody knows what was to come");
    assert!(recovered.streams[WRENCH.index()].received < closed.streams[WRENCH.index()].received);
    let conformance = etude_episode::check::check_source(&out).expect("memory");
    assert!(conformance.is_conformant(), "{:?}", conformance.problems);
    let unknown: Vec<_> = recovered.streams.iter().filter(|stream| !stream.accounted).collect();
    assert!(!unknown.is_empty() && unknown.iter().all(|stream| stream.expected.is_none()));
    assert_eq!(conformance.remarks.len(), unknown.len(), "{:?}", conformance.remarks);
    for stream in unknown {
        let begins = format!("{}: interrupted, {} received", stream.topic, stream.received);
        assert!(
            conformance.remarks.iter().any(|remark| remark.starts_with(&begins)),
            "{:?}",
            conformance.remarks
        );
    }
    let episode = Episode::from_bytes(out).expect("a closed file");
    assert!(!episode.is_accounted(), "it conforms, and it is no whole take");
}

#[test]
fn a_file_that_lost_its_indexes_lost_nothing() {
    let (bytes, closed) = robot_in_memory(500);
    let (recovered, out) = recover_bytes(&bytes[..bytes.len() - 9]).expect("all but the end");
    assert!(recovered.is_whole() && recovered.lost_only_indexes);
    assert_eq!(recovered.streams, closed.streams);
    assert_eq!(messages(&out), messages(&bytes));
}

#[test]
fn a_damaged_chunk_is_counted_out_of_its_index() {
    let (mut bytes, closed) = robot_in_memory(400);
    let summary = mcap::Summary::read(&bytes).expect("a summary").expect("it has one");
    let channel = WRENCH.0 + 1;
    let chunk = summary
        .chunk_indexes
        .iter()
        .find(|chunk| chunk.message_index_offsets.contains_key(&channel))
        .expect("a chunk of wrenches");
    let lost = summary.read_message_indexes(&bytes, chunk).expect("indexes");
    let lost: usize = lost.values().map(Vec::len).sum();
    let middle = (chunk.chunk_start_offset + chunk.chunk_length / 2) as usize;
    bytes[middle] ^= 0xff;
    let (recovered, out) = recover_bytes(&bytes).expect("the rest");
    let [damage] = &recovered.damaged[..] else { panic!("{:?}", recovered.damaged) };
    assert_eq!(damage.lost, [("/robot/wrench/left".into(), lost as u64)]);
    let (was, is) = (&closed.streams[WRENCH.index()], &recovered.streams[WRENCH.index()]);
    assert_eq!((is.received, is.missing), (was.received - lost as u64, was.missing + lost as u64));
    let conformance = etude_episode::check::check_source(&out).expect("memory");
    assert!(conformance.is_conformant(), "{:?}", conformance.problems);
}

#[test]
fn files_on_disk_are_recovered_beside_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let (partial, out) = (folder.path().join("take.mcap.partial"), folder.path().join("take.mcap"));
    let (bytes, _) = robot_in_memory(400);
    fs::write(&partial, &bytes[..bytes.len() / 2]).expect("room");
    let recovered = recover(&partial, &out).expect("half a take");
    assert_eq!(fs::read(&partial).expect("still there").len(), bytes.len() / 2);
    assert_eq!(Episode::open(&out).expect("closed").digest().expect("readable"), recovered.closed.digest);
    assert!(check(&out).expect("readable").messages > 0);
    assert!(recover(&partial, &out).is_err(), "an episode is never overwritten");
}

#[test]
fn what_is_no_episode_is_said_to_be_none() {
    for bytes in [&b""[..], b"\x89MCAP0\r\n", b"something else entirely"] {
        assert!(matches!(recover_bytes(bytes), Err(RecoverError::Nothing { .. })));
    }
}
