//! How are many measurements told in a few numbers?
//!
//! Prometheus' way: for each bound how many were not above it, how many in all, and their sum.

use super::put;

/// Measurements of one kind.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// How many lay in each bucket alone; the last bucket has no bound.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    pub(super) fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Its lines in Prometheus' text form.
    pub(super) fn render(&self, name: &str, labels: &str, text: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut so_far = 0;
        let bounds = self.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&self.counts) {
            so_far += count;
            put(text, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {so_far}"));
        }
        let braced = super::braced(labels);
        put(text, format_args!("{name}_sum{braced} {}", self.sum));
        put(text, format_args!("{name}_count{braced} {so_far}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_within_and_the_buckets_add_up() {
        let mut histogram = Histogram::new(&[0.5, 1.0]);
        for value in [0.25, 0.5, 0.75, 9.0] {
            histogram.observe(value);
        }
        let mut text = String::new();
        histogram.render("m", "a=\"b\"", &mut text);
        assert_eq!(
            text,
            "m_bucket{a=\"b\",le=\"0.5\"} 2\nm_bucket{a=\"b\",le=\"1\"} 3\n\
             m_bucket{a=\"b\",le=\"+Inf\"} 4\nm_sum{a=\"b\"} 10.5\nm_count{a=\"b\"} 4\n"
        );
    }
}
