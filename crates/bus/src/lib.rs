//! What runs between the parts of one process: intake, live stream, directory of terminals, sessions,
//! telegram log. Every queue here is bounded and says what happens when it is full (invariant 7).

pub mod answers;
pub mod counters;
pub mod directory;
pub mod forward;
pub mod intake;
pub mod live;
pub mod sessions;
pub mod telegrams;

pub use answers::{AnswerBook, BookUnavailable};
pub use counters::Counters;
pub use directory::Directory;
pub use forward::{Forward, ForwardReceiver, ForwardSender, Forwarded};
pub use intake::{Confirm, Intake, IntakeReceiver, IntakeSender, Outcome};
pub use live::{LiveEvent, LiveHub, LiveKind, StorageState};
pub use sessions::{LineAnswer, LineCommand, LineError, SessionInfo, Sessions};
pub use telegrams::{TelegramReceiver, TelegramSink};
