use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use task_core::{StatusCounts, TaskStatus};

use crate::streams::Streams;

/// What is counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: Mutex<BTreeMap<u16, u64>>,
    events: AtomicU64,
}

impl Metrics {
    pub(crate) fn answered(&self, status: StatusCode) {
        *self.answers().entry(status.as_u16()).or_default() += 1;
    }

    /// Events of a log that went into a stream.
    pub(crate) fn sent(&self, events: u64) {
        // Relaxed: only the sum matters.
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Everything in the text format of Prometheus.
    pub(crate) fn text(&self, counts: &StatusCounts, streams: &Streams) -> String {
        let mut out = Exposition::default();
        out.family("tasks", "gauge", "Tasks by status.");
        for status in TaskStatus::ALL {
            out.sample("tasks", Some(("status", status.as_str())), counts.of(status));
        }
        out.family("task_streams_open", "gauge", "Streams that are open.");
        out.sample("task_streams_open", None, streams.open() as u64);
        out.family("task_streams_limit", "gauge", "Streams that may be open.");
        out.sample("task_streams_limit", None, streams.limit() as u64);
        out.family("task_stream_events_total", "counter", "Events of logs sent to streams.");
        out.sample("task_stream_events_total", None, self.events.load(Ordering::Relaxed));
        out.family("task_http_responses_total", "counter", "Answers by status code.");
        for (code, count) in self.answers().iter() {
            out.sample("task_http_responses_total", Some(("code", &code.to_string())), *count);
        }
        out.0
    }

    /// A poisoned lock holds plain numbers.
    fn answers(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Text under construction; writing to it cannot fail.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        let _ = match label {
            Some((key, of)) => writeln!(self.0, "{name}{{{key}=\"{of}\"}} {value}"),
            None => writeln!(self.0, "{name} {value}"),
        };
    }
}
