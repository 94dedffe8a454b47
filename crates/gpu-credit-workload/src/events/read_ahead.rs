//! Reads on another thread, so that decompressing does not hold up what is done with the text.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

const BLOCK_BYTES: usize = 64 * 1024;
/// Blocks that wait to be taken, at most.
const BLOCKS_AHEAD: usize = 4;

/// What another thread has read, in the same order.
pub(super) struct ReadAhead {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Cursor<Vec<u8>>,
}

impl ReadAhead {
    /// Starts the thread. It ends with the input, after an error, or when nobody listens.
    pub(super) fn new(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, blocks) = mpsc::sync_channel(BLOCKS_AHEAD);
        thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || send_blocks(input, &sender))?;
        let block = Cursor::default();
        Ok(Self { blocks, block })
    }
}

fn send_blocks(mut input: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; BLOCK_BYTES];
        // What there is goes on at once: more may be long in coming.
        let read = input.read(&mut block).map(|count| {
            block.truncate(count);
            block
        });
        let is_last = read.as_ref().map_or(true, Vec::is_empty);
        if sender.send(read).is_err() || is_last {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.block.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        match self.blocks.recv() {
            Ok(block) => self.block = Cursor::new(block?),
            // The thread has sent all there was.
            Err(_) => return Ok(0),
        }
        self.block.read(buffer)
    }
}
