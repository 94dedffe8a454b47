//! Any bytes as an events file: an error or events, and what was read survives being written.
#![no_main]

use gpu_credit_workload::{EventReader, EventWriter, OptionalColumns};
use libfuzzer_sys::fuzz_target;

const ALL: OptionalColumns = OptionalColumns {
    id: true,
    until: true,
    priority: true,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = EventReader::new(bytes) else {
        return;
    };
    let mut writer = EventWriter::with_columns(Vec::new(), ALL).unwrap();
    let mut count = 0_u64;
    while let Some(event) = reader.read() {
        match event {
            Ok(event) => {
                writer.write(&event).unwrap();
                count += 1;
            }
            Err(error) => {
                assert!(
                    !error.to_string().contains('\n'),
                    "an error is one line: {error}"
                );
                break;
            }
        }
    }
    let written = writer.finish().unwrap();
    let mut again = EventReader::new(&written[..]).unwrap();
    let mut rewritten = EventWriter::with_columns(Vec::new(), ALL).unwrap();
    while let Some(event) = again.read() {
        rewritten.write(&event.unwrap()).unwrap();
        count -= 1;
    }
    assert_eq!(count, 0, "every event is read again");
    assert_eq!(rewritten.finish().unwrap(), written);
});
