//! What is cleared away when somebody presses Ctrl-C.

use std::io;
use std::path::Path;

/// Removes the file if the process is ended by Ctrl-C, or asked to end. It then ends by that signal, as
/// if nobody had listened. Where there are no such signals, the file stays until somebody clears it.
#[cfg(unix)]
pub(crate) fn remove_when_interrupted(file: &Path) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let file = file.to_owned();
    std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            // It may have its name already.
            let _ = std::fs::remove_file(&file);
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn remove_when_interrupted(_file: &Path) -> io::Result<()> {
    Ok(())
}
