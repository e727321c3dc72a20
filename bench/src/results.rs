//! What was measured, and what is made of it.

use std::collections::BTreeMap;

/// One watcher in one run of one mode.
#[derive(Debug, Clone)]
pub struct Sample {
    pub mode: &'static str,
    /// Samples of the same run and round were taken side by side.
    pub run: usize,
    pub round: usize,
    pub id: &'static str,
    pub label: &'static str,
    pub values: BTreeMap<&'static str, f64>,
    /// What went wrong, in words.
    pub note: Option<String>,
}

#[derive(Default)]
pub struct Results {
    pub samples: Vec<Sample>,
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// The smallest value that at least this share of all are not above.
pub fn percentile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.saturating_sub(1)).copied()
}

impl Results {
    pub fn has(&self, mode: &str) -> bool {
        self.samples.iter().any(|sample| sample.mode == mode)
    }

    /// The watchers of a mode, ids and labels, in the order of `first` and then
    /// as they came.
    pub fn watchers(&self, mode: &str, first: &[&str]) -> Vec<(&'static str, &'static str)> {
        let mut watchers: Vec<(&str, &str)> = Vec::new();
        for sample in self.samples.iter().filter(|sample| sample.mode == mode) {
            if !watchers.iter().any(|&(id, _)| id == sample.id) {
                watchers.push((sample.id, sample.label));
            }
        }
        let place = |id: &str| first.iter().position(|&other| other == id);
        watchers.sort_by_key(|&(id, _)| place(id).unwrap_or(first.len()));
        watchers
    }

    pub fn of<'a>(&'a self, mode: &'a str, id: &'a str) -> impl Iterator<Item = &'a Sample> {
        let samples = self.samples.iter();
        samples.filter(move |sample| sample.mode == mode && sample.id == id)
    }

    pub fn values(&self, mode: &str, id: &str, measure: &str) -> Vec<f64> {
        let samples = self.of(mode, id);
        samples
            .filter_map(|sample| sample.values.get(measure).copied())
            .collect()
    }

    pub fn median(&self, mode: &str, id: &str, measure: &str) -> Option<f64> {
        median(self.values(mode, id, measure))
    }

    pub fn largest(&self, mode: &str, id: &str, measure: &str) -> Option<f64> {
        self.values(mode, id, measure)
            .into_iter()
            .max_by(f64::total_cmp)
    }

    /// The median of the ratios of one watcher to another, each taken in one
    /// run.
    pub fn ratio(&self, mode: &str, one: &str, other: &str, measure: &str) -> Option<f64> {
        let mut ratios = Vec::new();
        for sample in self.of(mode, one) {
            let beside = |s: &&Sample| (s.run, s.round) == (sample.run, sample.round);
            let other = self.of(mode, other).find(beside);
            let other = other.and_then(|sample| sample.values.get(measure));
            if let (Some(one), Some(&other)) = (sample.values.get(measure), other)
                && other > 0.0
            {
                ratios.push(one / other);
            }
        }
        median(ratios)
    }

    pub fn note(&self, mode: &str, id: &str) -> Option<String> {
        self.of(mode, id).find_map(|sample| sample.note.clone())
    }
}
