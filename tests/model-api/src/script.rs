use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use crate::request::{Request, Turn};
use crate::schema;

/// Chooses the reply to a request: a rule, a directive in the prompt, or an echo.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Value>,
    default: Option<Value>,
    /// How often each rule and each failing reply was used.
    used: HashMap<String, u64>,
}

impl Script {
    pub(crate) fn new(script: &Value) -> Self {
        let rules = script["rules"].as_array().cloned().unwrap_or_default();
        Self { rules, default: script.get("default").cloned(), used: HashMap::new() }
    }

    pub(crate) fn choose(&mut self, request: &Request) -> Value {
        let reply = self.by_rule(request).or_else(|| {
            let schema = request.schema.as_ref()?;
            Some(json!({ "text": schema::sample(schema).to_string() }))
        });
        let reply = reply.or_else(|| self.by_directive(request)).or_else(|| self.default.clone());
        match reply {
            Some(reply) if reply["echo"] != true => reply,
            _ => json!({ "text": format!("echo: {}", request.prompt) }),
        }
    }

    fn by_rule(&mut self, request: &Request) -> Option<Value> {
        for number in 0..self.rules.len() {
            let rule = self.rules[number].clone();
            if !fits(&rule["when"], request) {
                continue;
            }
            let used = self.count(format!("rule {number}"));
            if rule["times"].as_u64().is_some_and(|times| used >= times) {
                continue;
            }
            let replies = match rule["replies"].as_array() {
                Some(replies) => replies.clone(),
                None => vec![rule.get("reply").cloned().unwrap_or(json!({ "echo": true }))],
            };
            let which = usize::try_from(used).unwrap_or(usize::MAX).min(replies.len().checked_sub(1)?);
            return Some(self.spend(replies[which].clone(), format!("reply {number} {which}")));
        }
        None
    }

    /// `@fake {"turns": […]}` in the newest user message that says something.
    fn by_directive(&mut self, request: &Request) -> Option<Value> {
        let is_prompt = |turn: &Turn| turn.role == "user" && !turn.texts.is_empty();
        let at = request.turns.iter().rposition(is_prompt)?;
        let text = request.turns[at].texts.last()?;
        let directive = text[text.find(DIRECTIVE)? + DIRECTIVE.len()..].trim_start();
        // Whatever stands behind it is not part of it.
        let plan = match serde_json::Deserializer::from_str(directive).into_iter::<Value>().next()? {
            Ok(plan) => plan,
            Err(error) => {
                let message = format!("bad @fake directive: {error}");
                return Some(json!({ "error": { "status": 400, "message": message } }));
            }
        };
        // Which turn it is: how often the model has answered since that message.
        let roles: Vec<_> = request.turns[at + 1..].iter().map(|turn| turn.role == "assistant").collect();
        let answered = (0..roles.len()).filter(|at| roles[*at] && (*at == 0 || !roles[*at - 1])).count();
        let turns = plan["turns"].as_array().cloned().unwrap_or_else(|| vec![plan.clone()]);
        let reply = turns[answered.min(turns.len().checked_sub(1)?)].clone();
        let mut hasher = DefaultHasher::new();
        (text, at, answered).hash(&mut hasher);
        Some(self.spend(reply, format!("prompt {}", hasher.finish())))
    }

    /// An error with `times` fails so often, then `then` is the reply.
    fn spend(&mut self, mut reply: Value, mut key: String) -> Value {
        while reply["error"].is_object()
            && let Some(times) = reply["times"].as_u64()
        {
            if self.count(key.clone()) < times {
                break;
            }
            reply = reply.get("then").cloned().unwrap_or(json!({ "text": "recovered" }));
            key.push_str(" then");
        }
        reply
    }

    fn count(&mut self, key: String) -> u64 {
        let used = self.used.entry(key).or_default();
        *used += 1;
        *used - 1
    }
}

fn fits(when: &Value, request: &Request) -> bool {
    let texts = [("model", &request.model), ("prompt", &request.prompt), ("result", &request.result)];
    let flags = [("has_result", !request.result.is_empty()), ("has_tools", request.has_tools)];
    when["api"].as_str().is_none_or(|api| api == request.api.name())
        && texts.iter().all(|(key, text)| when[key].as_str().is_none_or(|part| text.contains(part)))
        && flags.iter().all(|(key, flag)| when[key].as_bool().is_none_or(|wanted| wanted == *flag))
}

const DIRECTIVE: &str = "@fake";
