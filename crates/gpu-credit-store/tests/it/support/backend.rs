//! Storage in memory that remembers what was written to it, and storage that fails.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gpu_credit_workload::random::Random;
use redb::StorageBackend;

/// What a disk is asked to do.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Write { offset: u64, data: Vec<u8> },
    SetLength(u64),
    Sync,
}

/// A disk: what it holds, and how that came about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    log: Vec<Operation>,
    /// Operations that still succeed.
    left: Option<u64>,
}

impl Disk {
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        let disk = Disk::default();
        disk.0.lock().unwrap().bytes = bytes;
        disk
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    pub(crate) fn log(&self) -> Vec<Operation> {
        self.0.lock().unwrap().log.clone()
    }

    pub(crate) fn operations(&self) -> usize {
        self.0.lock().unwrap().log.len()
    }

    /// After so many more operations it is full.
    pub(crate) fn fill_up_after(&self, operations: u64) {
        self.0.lock().unwrap().left = Some(operations);
    }

    fn operate(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if let Some(left) = &mut state.left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        }
        apply(&mut state.bytes, &operation);
        state.log.push(operation);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let start = offset as usize;
        let read = state.bytes.get(start..start + out.len());
        out.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operate(Operation::SetLength(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operate(Operation::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let data = data.to_vec();
        self.operate(Operation::Write { offset, data })
    }
}

/// Carries an operation out.
pub(crate) fn apply(bytes: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write { offset, data } => put(bytes, *offset as usize, data),
        Operation::SetLength(length) => bytes.resize(*length as usize, 0),
        Operation::Sync => {}
    }
}

fn put(bytes: &mut Vec<u8>, start: usize, data: &[u8]) {
    let end = start + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
}

const SECTOR_BYTES: usize = 512;

/// Carries out what may have reached the disk of operations that were never synced: any of their
/// sectors, and none of the others.
pub(crate) fn tear(bytes: &mut Vec<u8>, operations: &[Operation], random: &mut Random) {
    // From nothing at all to everything.
    let reached = random.below(9);
    for operation in operations {
        match operation {
            Operation::Write { offset, data } => {
                for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    if random.chance(reached, 8) {
                        put(bytes, *offset as usize + index * SECTOR_BYTES, sector);
                    }
                }
            }
            Operation::SetLength(length) => {
                if random.chance(reached, 8) {
                    bytes.resize(*length as usize, 0);
                }
            }
            Operation::Sync => {}
        }
    }
}

/// Counts, so that no two places have one name.
pub(crate) fn place() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("disk {}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
