use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use subtle::ConstantTimeEq;

use super::token::random_hex;

/// The sessions that are open: random values of cookies, in memory alone, so that none outlives the process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<VecDeque<String>>);

impl Sessions {
    /// Opens a session and gives the value of its cookie. The oldest one ends when there are too many.
    pub(crate) fn open(&self) -> io::Result<String> {
        let value = random_hex()?;
        let mut sessions = self.lock();
        if sessions.len() == MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(value.clone());
        Ok(value)
    }

    /// Ends the sessions of these cookies.
    pub(crate) fn close(&self, cookies: &[&str]) {
        self.lock().retain(|session| !cookies.iter().any(|cookie| is_same(session, cookie)));
    }

    pub(super) fn has_any_of(&self, cookies: &[&str]) -> bool {
        let sessions = self.lock();
        cookies.iter().any(|cookie| sessions.iter().any(|session| is_same(session, cookie)))
    }

    /// A poisoned lock holds plain text that is whole at any time.
    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of all cookies of that name.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let headers = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

fn is_same(session: &str, cookie: &str) -> bool {
    session.as_bytes().ct_eq(cookie.as_bytes()).into()
}

/// Browsers that may be logged in at a time.
const MAX_SESSIONS: usize = 64;
