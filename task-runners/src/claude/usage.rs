use serde_json::Value;
use task_core::Usage;

/// What the session has cost so far. The agent tells sums over the whole session, earlier processes included; the log
/// wants what each turn added.
#[derive(Debug, Default)]
pub(super) struct Totals(Usage);

impl Totals {
    pub(super) fn new(cost: Option<Usage>) -> Self {
        Self(cost.unwrap_or_default())
    }

    /// What the turn with this result added; `None` when that is nothing.
    pub(super) fn advance(&mut self, result: &Value) -> Option<Usage> {
        let models = result["modelUsage"].as_object()?;
        let sum = |keys: &[&str]| {
            let counts = models.values().flat_map(|model| keys.iter().map(|key| model[*key].as_u64()));
            counts.flatten().fold(0, u64::saturating_add)
        };
        let mut now = Usage::new(
            sum(&["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]),
            sum(&["outputTokens"]),
        );
        now.cost_usd = result["total_cost_usd"].as_f64();
        let before = std::mem::replace(&mut self.0, now);
        // Sums that fell are those of another session.
        let is_same = now.input_tokens >= before.input_tokens && now.output_tokens >= before.output_tokens;
        let before = if is_same { before } else { Usage::default() };
        let mut added =
            Usage::new(now.input_tokens - before.input_tokens, now.output_tokens - before.output_tokens);
        let cost = now.cost_usd.map(|cost| (cost - before.cost_usd.unwrap_or_default()).max(0.0));
        if added.input_tokens == 0 && added.output_tokens == 0 && cost.is_none_or(|cost| cost == 0.0) {
            return None;
        }
        added.cost_usd = cost;
        Some(added)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(input: u64, output: u64, cost: f64) -> Value {
        let half = json!({ "inputTokens": input, "cacheReadInputTokens": 5, "outputTokens": output });
        json!({ "total_cost_usd": cost, "modelUsage": { "a": half, "b": { "inputTokens": 1 } } })
    }

    #[test]
    fn sums_become_differences() {
        let mut totals = Totals::new(Some(Usage::new(6, 1).with_cost(0.5)));
        assert_eq!(totals.advance(&result(10, 4, 0.75)), Some(Usage::new(10, 3).with_cost(0.25)));
        assert_eq!(totals.advance(&result(10, 4, 0.75)), None);
        assert_eq!(totals.advance(&json!({ "total_cost_usd": 3 })), None);
        assert_eq!(totals.advance(&result(2, 1, 0.125)), Some(Usage::new(8, 1).with_cost(0.125)));
    }
}
