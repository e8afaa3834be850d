//! What the device side saw confirmed, written down line by line, so that a checker can ask the database for it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One confirmed upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The terminal's serial.
    pub serial: String,
    /// How many readings the terminal had made before, from 0; stands in the point `active_power_a` as well.
    pub sequence: u64,
    /// The device's clock in the upload, ms since 1970 UTC; different for every reading of a terminal.
    pub device_at_ms: i64,
    /// The raw values in the order of the profile's points.
    pub raw: Vec<i64>,
    /// When the confirmation was read, ms since 1970 UTC.
    pub confirmed_at_ms: i64,
}

/// Appends to a file. A line is handed to the operating system before the next upload of its terminal is sent, so
/// that it survives the end of this process; the server is what is killed, not the machine.
#[derive(Debug)]
pub struct Recorder {
    file: Mutex<Result<File, String>>,
}

impl Recorder {
    /// Opens `path` for appending.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn create(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(Ok(file)) })
    }

    /// Writes one line; after a failure nothing more, so that no line can be half and the next one whole.
    pub fn write(&self, recorded: &Recorded) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(open) = file.as_mut() {
            let written = serde_json::to_string(recorded)
                .map_err(std::io::Error::other)
                .and_then(|line| open.write_all(format!("{line}\n").as_bytes()));
            if let Err(error) = written {
                *file = Err(error.to_string());
            }
        }
    }

    /// Why it gave up, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).as_ref().err().cloned()
    }
}
