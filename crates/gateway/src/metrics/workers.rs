//! How busy are the workers beside the packet path?

use std::sync::PoisonError;

use super::Metrics;

impl Metrics {
    /// The workers of this trade spent such shares of the last second in their turns.
    pub(crate) fn workers(&self, trade: &'static str, busy: &[f32]) {
        let mut measures = self.measures.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, share) in busy.iter().enumerate() {
            let labels = format!("trade=\"{trade}\",worker=\"{number}\"");
            measures.insert(("offhook_gateway_worker_busy_ratio", labels), f64::from(*share));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_is_told_as_it_stands_now() {
        let metrics = Metrics::default();
        let told = |busy: &[f32]| {
            metrics.workers("bots", busy);
            let text = metrics.render();
            let series = |line: &&str| line.starts_with("offhook_gateway_worker_busy_ratio");
            text.lines().filter(series).map(str::to_owned).collect::<Vec<_>>()
        };
        let line = |worker, share| {
            format!(
                r#"offhook_gateway_worker_busy_ratio{{trade="bots",worker="{worker}"}} {share}"#
            )
        };
        assert_eq!(told(&[0.75, 0.0]), [line(0, "0.75"), line(1, "0")]);
        assert_eq!(told(&[0.0, 0.5]), [line(0, "0"), line(1, "0.5")]);
    }
}
