use serde_json::Value;
use task_core::Usage;

/// What a session costs. Agents tell the tokens of a turn with its end, and in between what the session has cost
/// altogether; the log wants what each turn added.
#[derive(Debug, Default)]
pub(super) struct Costs {
    /// What the session had cost at the end of the turn before.
    before: f64,
    /// What it has cost by now, in US dollars, where the agent tells.
    now: Option<f64>,
}

impl Costs {
    pub(super) fn new(cost: Option<Usage>) -> Self {
        Self { before: cost.and_then(|cost| cost.cost_usd).unwrap_or_default(), now: None }
    }

    /// The agent told what the session has cost.
    pub(super) fn told(&mut self, cost: &Value) {
        if cost["currency"] == "USD"
            && let Some(amount) = cost["amount"].as_f64()
        {
            self.now = Some(amount);
        }
    }

    /// What a turn added with this count of tokens; `None` when that is nothing.
    pub(super) fn take(&mut self, tokens: &Value) -> Option<Usage> {
        let count = |key: &str| tokens[key].as_u64().unwrap_or_default();
        let output = count("outputTokens");
        // Some count what was in a cache with the input, some beside it. The total has it either way.
        let beside = count("totalTokens").saturating_sub(output.saturating_add(count("thoughtTokens")));
        let mut added = Usage::new(count("inputTokens").max(beside), output);
        added.cost_usd = self.now.take().map(|now| {
            // A sum that fell is that of another session, or of another process that counts anew.
            let before = if now < self.before { 0.0 } else { self.before };
            self.before = now;
            now - before
        });
        let is_nothing = added.input_tokens == 0
            && added.output_tokens == 0
            && added.cost_usd.is_none_or(|cost| cost == 0.0);
        (!is_nothing).then_some(added)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sums_become_what_each_turn_added() {
        let usd = |amount: f64| json!({ "amount": amount, "currency": "USD" });
        let mut costs = Costs::new(Some(Usage::new(9, 9).with_cost(0.5)));
        costs.told(&usd(0.625));
        costs.told(&usd(0.75));
        costs.told(&json!({ "amount": 80, "currency": "JPY" }));
        let tokens = json!({ "inputTokens": 3, "outputTokens": 4, "cachedReadTokens": 5, "totalTokens": 12 });
        assert_eq!(costs.take(&tokens), Some(Usage::new(8, 4).with_cost(0.25)));
        costs.told(&usd(0.75));
        assert_eq!(costs.take(&Value::Null), None, "nothing was added");
        costs.told(&usd(0.125));
        assert_eq!(costs.take(&Value::Null), Some(Usage::new(0, 0).with_cost(0.125)), "counted anew");
        let tokens =
            json!({ "inputTokens": 12, "outputTokens": 4, "cachedReadTokens": 5, "totalTokens": 16 });
        assert_eq!(costs.take(&tokens), Some(Usage::new(12, 4)));
    }
}
