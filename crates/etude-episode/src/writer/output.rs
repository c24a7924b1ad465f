//! The bytes on their way to the sink: counted, digested, and stopped for good at the first failure.

use super::error::WriteError;
use crate::sink::Sink;
use etude_model::Digest;
use std::io;

pub(super) struct Output<S: Sink> {
    sink: S,
    offset: u64,
    digest: blake3::Hasher,
    data_crc: crc32fast::Hasher,
    failed: bool,
}

impl<S: Sink> Output<S> {
    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            offset: 0,
            digest: blake3::Hasher::new(),
            data_crc: crc32fast::Hasher::new(),
            failed: false,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// CRC of everything so far.
    pub(super) fn data_crc(&self) -> u32 {
        self.data_crc.clone().finalize()
    }

    pub(super) fn check(&self) -> Result<(), WriteError> {
        if self.failed { Err(WriteError::Failed { name: self.sink.name() }) } else { Ok(()) }
    }

    /// Writes bytes that the data section's CRC covers.
    pub(super) fn write_data(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.data_crc.update(bytes);
        self.write(bytes)
    }

    /// The same where the CRC of the `length` bytes from `at` is known already: it is not computed again.
    pub(super) fn write_data_knowing(
        &mut self,
        bytes: &[u8],
        at: usize,
        (crc, length): (&crc32fast::Hasher, usize),
    ) -> Result<(), WriteError> {
        self.data_crc.update(&bytes[..at]);
        self.data_crc.combine(crc);
        self.data_crc.update(&bytes[at + length..]);
        self.write(bytes)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.check()?;
        self.sink.write_all(bytes).map_err(|source| self.fail("write", source))?;
        self.digest.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), WriteError> {
        self.check()?;
        self.sink.sync().map_err(|source| self.fail("sync", source))
    }

    pub(super) fn commit(mut self, sync: bool) -> Result<(Digest, u64), WriteError> {
        self.check()?;
        self.sink.commit(sync).map_err(|source| self.fail("close", source))?;
        Ok((self.digest.finalize().into(), self.offset))
    }

    fn fail(&mut self, doing: &'static str, source: io::Error) -> WriteError {
        self.failed = true;
        let name = self.sink.name();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            WriteError::DiskFull { name, written: self.offset, source }
        } else {
            WriteError::Io { name, doing, source }
        }
    }
}
