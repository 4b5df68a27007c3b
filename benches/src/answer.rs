//! What a question comes to: figures, a value a round, and what was aimed at.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::Load;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What one question came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) question: String,
    pub(crate) figures: Vec<Figure>,
    /// What could not be asked here, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) seconds: f64,
    pub(crate) load: Load,
}

/// One figure, measured once a round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) values: Vec<f64>,
    pub(crate) target: Option<Target>,
}

/// What was aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Answer {
    /// Adds a figure.
    pub(crate) fn figure(
        &mut self,
        name: impl Into<String>,
        unit: &str,
        values: impl IntoIterator<Item = f64>,
    ) -> &mut Figure {
        // What was too small to be measured has no ratio.
        let values = values.into_iter().filter(|value| value.is_finite()).collect();
        self.figures.push(Figure { name: name.into(), unit: unit.to_owned(), values, target: None });
        let last = self.figures.len() - 1;
        &mut self.figures[last]
    }

    /// Adds the ratio of two figures, round by round.
    pub(crate) fn ratio(&mut self, name: impl Into<String>, over: &[f64], under: &[f64]) -> &mut Figure {
        self.figure(name, "x", over.iter().zip(under).map(|(over, under)| over / under))
    }

    pub(crate) fn missing(&mut self, what: impl Into<String>) {
        self.missing.push(what.into());
    }

    /// The targets that were missed.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.is_met() == Some(false))
    }
}

impl Figure {
    pub(crate) fn at_least(&mut self, value: f64) {
        self.target = Some(Target::AtLeast(value));
    }

    pub(crate) fn at_most(&mut self, value: f64) {
        self.target = Some(Target::AtMost(value));
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.values)
    }

    pub(crate) fn min(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether the median is what was aimed at; nothing where nothing was.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtLeast(value) => self.median() >= value,
            Target::AtMost(value) => self.median() <= value,
        })
    }
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Of sorted values, the one below which this share of them lies.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let index = (share * (sorted.len() - 1) as f64).round() as usize;
    sorted[index.min(sorted.len() - 1)]
}

/// An error unless what was measured is what was meant to be measured.
pub(crate) fn verify(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(format!("this measured something else: {}", what()).into()) }
}

/// Waits for `work`, but not for ever.
pub(crate) async fn within<T>(
    patience: Duration,
    what: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("{what} took longer than {patience:?}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_compared_with_the_median() {
        let mut answer = Answer::default();
        answer.figure("a", "x", [3.0, 1.0, 2.0]).at_least(2.0);
        answer.figure("b", "x", [1.0, 2.0]).at_most(1.4);
        answer.ratio("c", &[2.0, 6.0], &[1.0, 2.0]).at_least(2.6);
        let met: Vec<_> = answer.figures.iter().map(Figure::is_met).collect();
        assert_eq!(met, [Some(true), Some(false), Some(false)]);
        assert_eq!(answer.missed().count(), 2);
        let of = &answer.figures[0];
        assert_eq!((of.min(), of.median(), of.max()), (1.0, 2.0, 3.0));
    }
}
