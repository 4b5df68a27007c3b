//! A shorter history that fails, too.

use std::time::{Duration, Instant};

use crate::step::Step;
use crate::weather::Wrong;
use crate::{On, play};

/// Takes steps out, many at a time and then one by one, as long as what is left fails. Gives what the last one said.
pub(crate) fn shrink(history: Vec<Step>, on: On, wrong: Option<Wrong>, what: String) -> (Vec<Step>, String) {
    let (mut short, mut what, give_up) = (history, what, Instant::now() + PATIENCE);
    let mut size = short.len() / 2;
    while size > 0 {
        let (mut at, before) = (0, short.len());
        while at < short.len() && Instant::now() < give_up {
            let mut shorter = short.clone();
            shorter.drain(at..(at + size).min(short.len()));
            // Twice, as what is ready at once does not happen in the same order each time.
            match play(&shorter, on, wrong).and_then(|_| play(&shorter, on, wrong)) {
                Err(still) => (short, what) = (shorter, still),
                Ok(_) => at += size,
            }
        }
        // Once more, as long as it helps: what was needed may not be any more.
        if size > 1 || short.len() == before {
            size /= 2;
        }
    }
    (short, what)
}

/// A failure is told soon, as short as it is by then.
const PATIENCE: Duration = Duration::from_secs(20);
