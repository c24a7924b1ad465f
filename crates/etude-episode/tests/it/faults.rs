//! A full disk, damaged bytes, files that lie.

use crate::common::{CARD, JOINTS, joints, manifest, robot_in_memory, stamp, streams, write_robot};
use etude_episode::recover::recover_bytes;
use etude_episode::{Episode, EpisodeWriter, Head, RawMessage, ReadError, Sink, WriteError, WriterOptions};
use std::io;

/// A disk with room for so many bytes.
struct SmallDisk {
    bytes: Vec<u8>,
    room: usize,
}

impl Sink for SmallDisk {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = bytes.len().min(self.room - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self, _sync: bool) -> io::Result<()> {
        Ok(())
    }

    fn name(&self) -> String {
        "small disk".to_owned()
    }
}

#[test]
fn a_full_disk_is_said_and_what_was_flushed_is_recovered() {
    let manifest = manifest(streams());
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let (whole, _) = robot_in_memory(1000);
    for room in [whole.len() / 3, whole.len() / 2, whole.len() - 1000] {
        let mut disk = SmallDisk { bytes: Vec::new(), room };
        let mut writer = EpisodeWriter::with_sink(&mut disk, &head, WriterOptions::default()).expect("room");
        let error = match write_robot(&mut writer, 1000) {
            Err(error) => {
                let again = writer.write(JOINTS, stamp(2_000_000_000), &joints(1)).expect_err("stays shut");
                assert!(matches!(again, WriteError::Failed { .. }), "{again}");
                error
            }
            Ok(()) => writer.finish().expect_err("no room for the indexes"),
        };
        assert!(matches!(error, WriteError::DiskFull { .. }), "{error}");
        assert!(error.to_string().contains("the disk is full: small disk"), "{error}");
        let (recovered, out) = recover_bytes(&disk.bytes).expect("what was flushed");
        assert!(recovered.last_log.is_some());
        assert!(Episode::from_bytes(out).is_ok());
    }
}

#[test]
fn a_disk_too_full_for_the_head_is_said() {
    let manifest = manifest(streams());
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let disk = SmallDisk { bytes: Vec::new(), room: 100 };
    let result = EpisodeWriter::with_sink(disk, &head, WriterOptions::default());
    assert!(matches!(result.err(), Some(WriteError::DiskFull { .. })));
}

fn read(bytes: &[u8]) -> Result<Vec<RawMessage>, ReadError> {
    let episode = Episode::from_bytes(bytes.to_vec())?;
    episode.messages(&[], ..)?.for_each(drop);
    episode.raw_messages(&[], ..)?.collect()
}

#[test]
fn a_damaged_byte_is_noticed_or_harmless() {
    let (bytes, _) = robot_in_memory(60);
    let original = read(&bytes).expect("own file");
    let mut damaged = bytes.clone();
    for at in 0..bytes.len() {
        damaged[at] ^= 0x41;
        if let Ok(messages) = read(&damaged) {
            assert!(messages == original, "other messages with byte {at} damaged");
        }
        let conformance = etude_episode::check::check_source(&damaged).expect("memory");
        assert!(!conformance.is_conformant(), "byte {at} is damaged and the check finds nothing");
        if at % 17 == 0 {
            // Whatever comes out, it comes out.
            let _ = recover_bytes(&damaged);
        }
        damaged[at] = bytes[at];
    }
}

#[test]
fn a_file_that_was_not_closed_says_what_to_do() {
    let (bytes, _) = robot_in_memory(60);
    let error = Episode::from_bytes(bytes[..bytes.len() - 1].to_vec()).err().expect("not closed");
    assert!(error.to_string().contains("`recover` closes a file"), "{error}");
}

#[test]
fn another_profile_is_refused() {
    let mut bytes = Vec::new();
    let mut writer = mcap::Writer::new(io::Cursor::new(&mut bytes)).expect("memory");
    writer.finish().expect("memory");
    drop(writer);
    let error = Episode::from_bytes(bytes).err().expect("no episode");
    assert!(error.to_string().contains("expected the profile etude"), "{error}");
}
