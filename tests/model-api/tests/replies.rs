//! What a client of the fake model API sees.

use fake_model_api::FakeModelApi;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MESSAGES: &str = "/v1/messages";
const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// A request over a connection of its own: the status, 0 when there was no reply, and what came of the body.
async fn send(api: &FakeModelApi, method: &str, path: &str, body: &Value) -> (u16, String) {
    let address = api.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\nx-api-key: hush\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    let reply = String::from_utf8(reply).unwrap();
    let Some((head, body)) = reply.split_once("\r\n\r\n") else { return (0, reply) };
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn prompt(text: &str, stream: bool) -> Value {
    json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": text }] })
}

async fn ask(api: &FakeModelApi, path: &str, text: &str, stream: bool) -> (u16, String) {
    send(api, "POST", path, &prompt(text, stream)).await
}

async fn whole(api: &FakeModelApi, path: &str, text: &str) -> Value {
    let (status, body) = ask(api, path, text, false).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn events(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn joined(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

fn tool_turns() -> String {
    let turns = json!({ "turns": [
        { "steps": [
            { "thinking": "hm" },
            { "text": "Looking now.", "chunk": 4 },
            { "tool": { "name": "ls", "input": { "path": "." } } },
        ] },
        { "steps": [{ "text": "Done." }] },
    ] });
    format!("@fake {turns}")
}

#[tokio::test]
async fn messages_stream_text_thinking_and_tool() {
    let api = FakeModelApi::start().await.unwrap();
    let events = events(&ask(&api, MESSAGES, &tool_turns(), true).await.1);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("message_start", "message_stop"));
    assert_eq!(joined(&events, "/delta/thinking"), "hm");
    assert_eq!(joined(&events, "/delta/text"), "Looking now.");
    let input: Value = serde_json::from_str(&joined(&events, "/delta/partial_json")).unwrap();
    assert_eq!(input, json!({ "path": "." }));
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
}

#[tokio::test]
async fn the_second_turn_answers_the_result_of_the_tool() {
    let api = FakeModelApi::start().await.unwrap();
    let mut body = prompt(&tool_turns(), false);
    let first = whole(&api, MESSAGES, &tool_turns()).await;
    let call = first["content"].as_array().unwrap().last().unwrap();
    let result = json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "a b" });
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({ "role": "assistant", "content": [call] }));
    messages.push(json!({ "role": "user", "content": [result] }));
    let (_, reply) = send(&api, "POST", MESSAGES, &body).await;
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply["content"], json!([{ "type": "text", "text": "Done." }]));
}

#[tokio::test]
async fn chat_streams_text_tool_and_usage() {
    let api = FakeModelApi::start().await.unwrap();
    let mut body = prompt(&tool_turns(), true);
    body["stream_options"] = json!({ "include_usage": true });
    let (_, reply) = send(&api, "POST", CHAT, &body).await;
    assert!(reply.ends_with("data: [DONE]\n\n"), "{reply}");
    let events = events(&reply);
    assert_eq!(joined(&events, "/choices/0/delta/content"), "Looking now.");
    assert_eq!(joined(&events, "/choices/0/delta/reasoning_content"), "hm");
    let arguments = joined(&events, "/choices/0/delta/tool_calls/0/function/arguments");
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({ "path": "." }));
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
    assert!(events.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn responses_stream_reasoning_text_tool_and_usage() {
    let api = FakeModelApi::start().await.unwrap();
    let body = json!({ "model": "m", "stream": true, "input": tool_turns() });
    let events = events(&send(&api, "POST", RESPONSES, &body).await.1);
    let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let of = |kind: &str| {
        let of_kind: Vec<_> = events.iter().filter(|event| event["type"] == kind).cloned().collect();
        of_kind
    };
    assert_eq!(joined(&of("response.reasoning_summary_text.delta"), "/delta"), "hm");
    let text = of("response.output_text.delta");
    assert_eq!((joined(&text, "/delta").as_str(), text.len()), ("Looking now.", 3));
    let arguments = joined(&of("response.function_call_arguments.delta"), "/delta");
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({ "path": "." }));
    let (added, done) = (of("response.output_item.added"), of("response.output_item.done"));
    assert_eq!((added.len(), done.len()), (3, 3));
    for (index, (added, done)) in added.iter().zip(&done).enumerate() {
        assert_eq!((&added["output_index"], &done["output_index"]), (&json!(index), &json!(index)));
        assert_eq!(added["item"]["id"], done["item"]["id"]);
    }
    assert_eq!(text[0]["item_id"], added[1]["item"]["id"]);
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!((&first["type"], &last["type"]), (&json!("response.created"), &json!("response.completed")));
    let items: Vec<_> = done.iter().map(|event| event["item"].clone()).collect();
    assert_eq!(last["response"]["output"], json!(items));
    assert!(last["response"]["usage"]["total_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn the_second_turn_of_responses_answers_the_output_of_the_tool() {
    let api = FakeModelApi::start().await.unwrap();
    let message = |role: &str, text: &str| json!({ "type": "message", "role": role, "content": [{ "type": "input_text", "text": text }] });
    let mut input = vec![message("developer", "Be brief."), message("user", &tool_turns())];
    let body = json!({ "model": "m", "input": input });
    let (_, first) = send(&api, "POST", RESPONSES, &body).await;
    let first: Value = serde_json::from_str(&first).unwrap();
    let output = first["output"].as_array().unwrap();
    assert_eq!(output[2]["type"], "function_call");
    let result = json!({ "type": "function_call_output", "call_id": output[2]["call_id"], "output": "a b" });
    input.extend(output.iter().cloned());
    input.push(result);
    let body = json!({ "model": "m", "input": input });
    let (_, second) = send(&api, "POST", RESPONSES, &body).await;
    let second: Value = serde_json::from_str(&second).unwrap();
    assert_eq!(second["output"][0]["content"][0]["text"], "Done.");
    assert_eq!(second["status"], "completed");
    // A rule sees the result, too.
    let when = json!({ "api": "responses", "result": "a b" });
    api.set_script(json!({ "rules": [{ "when": when, "reply": { "text": "Two files." } }] }));
    let (_, third) = send(&api, "POST", RESPONSES, &body).await;
    assert!(third.contains("Two files."), "{third}");
}

#[tokio::test]
async fn a_tool_of_responses_may_take_text_as_it_is() {
    let api = FakeModelApi::start().await.unwrap();
    let patch = "*** Begin Patch\n*** End Patch\n";
    let prompt = format!("@fake {}", json!({ "steps": [{ "tool": { "name": "patch", "input": patch } }] }));
    let body = json!({ "model": "m", "stream": true, "input": prompt });
    let events = events(&send(&api, "POST", RESPONSES, &body).await.1);
    let item = &events.iter().find(|event| event["type"] == "response.output_item.done").unwrap()["item"];
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!(patch)));
    assert_eq!(joined(&events, "/delta"), patch);
}

#[tokio::test]
async fn responses_fail_and_are_cut_short_in_their_own_words() {
    let api = FakeModelApi::start().await.unwrap();
    let ask = async |prompt: &str, stream: bool| {
        let body = json!({ "model": "m", "stream": stream, "input": prompt });
        send(&api, "POST", RESPONSES, &body).await
    };
    let (_, body) =
        ask(r#"@fake {"steps": [{"text": "a"}, {"failure": {"type": "server_error"}}]}"#, true).await;
    let last = events(&body).pop().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    assert_eq!(last["response"]["error"]["code"], "server_error");
    let (_, body) = ask(r#"@fake {"text": "a", "stop_reason": "max_tokens"}"#, true).await;
    let last = events(&body).pop().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    let (status, body) = ask(r#"@fake {"error": {"status": 400, "message": "no"}}"#, false).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["error"]["message"]), (400, &json!("no")));
}

#[tokio::test]
async fn without_a_script_the_prompt_is_said_back() {
    let api = FakeModelApi::start().await.unwrap();
    assert_eq!(whole(&api, MESSAGES, "hello").await["content"][0]["text"], "echo: hello");
    assert_eq!(whole(&api, CHAT, "hello").await["choices"][0]["message"]["content"], "echo: hello");
    let body = json!({ "model": "m", "input": "hello" });
    let (_, reply) = send(&api, "POST", RESPONSES, &body).await;
    assert!(reply.contains("echo: hello"), "{reply}");
}

#[tokio::test]
async fn it_fails_so_often_and_then_recovers() {
    let api = FakeModelApi::start().await.unwrap();
    let text = r#"@fake {"error": {"status": 529}, "times": 2, "then": {"text": "fine"}}"#;
    for status in [529, 529, 200] {
        let (seen, body) = ask(&api, MESSAGES, text, false).await;
        assert_eq!(seen, status, "{body}");
        assert!(body.contains(if status == 529 { "overloaded_error" } else { "fine" }), "{body}");
    }
}

#[tokio::test]
async fn connections_break_where_the_script_says() {
    let api = FakeModelApi::start().await.unwrap();
    assert_eq!(ask(&api, MESSAGES, r#"@fake {"disconnect": true}"#, true).await, (0, String::new()));
    let text = r#"@fake {"steps": [{"text": "abcdefgh", "chunk": 1, "drop_after": 3}]}"#;
    let (status, body) = ask(&api, MESSAGES, text, true).await;
    assert_eq!((status, joined(&events(&body), "/delta/text")), (200, "abc".to_owned()));
    assert!(!body.contains("message_stop"), "{body}");
    assert!(api.requests().iter().all(|seen| !seen.hung_up), "it was not the reader");
}

#[tokio::test]
async fn a_failure_ends_the_stream() {
    let api = FakeModelApi::start().await.unwrap();
    let text =
        r#"@fake {"steps": [{"text": "a"}, {"failure": {"type": "overloaded_error"}}, {"text": "b"}]}"#;
    let events = events(&ask(&api, MESSAGES, text, true).await.1);
    assert_eq!(events.last().unwrap()["error"]["type"], "overloaded_error");
    assert_eq!(joined(&events, "/delta/text"), "a");
}

#[tokio::test]
async fn rules_come_first_and_in_order() {
    let api = FakeModelApi::start().await.unwrap();
    api.set_script(json!({ "rules": [
        { "when": { "prompt": "ab", "api": "messages" }, "times": 1, "reply": { "text": "once" } },
        { "when": { "prompt": "ab" }, "replies": [{ "text": "1" }, { "text": "2" }] },
        { "when": { "has_tools": true }, "reply": { "text": "never" } },
    ], "default": { "text": "else" } }));
    let mut said = Vec::new();
    for text in ["abc", "abc", "abc", "abc", "xyz"] {
        said.push(whole(&api, MESSAGES, text).await["content"][0]["text"].as_str().unwrap().to_owned());
    }
    assert_eq!(said, ["once", "1", "2", "2", "else"]);
}

#[tokio::test]
async fn a_schema_that_is_wanted_is_filled() {
    let api = FakeModelApi::start().await.unwrap();
    let schema = json!({
        "type": "object", "required": ["title", "n", "tags"],
        "properties": { "title": { "type": "string" }, "n": { "type": "integer" }, "tags": { "type": "array" } },
    });
    let mut body = prompt("name this", false);
    body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema.clone() } });
    let reply: Value = serde_json::from_str(&send(&api, "POST", MESSAGES, &body).await.1).unwrap();
    let sample = json!({ "title": "fake", "n": 1, "tags": [] });
    let value: Value = serde_json::from_str(reply["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(value, sample);
    // Where Responses wants it.
    let format = json!({ "type": "json_schema", "name": "title", "schema": schema });
    let body = json!({ "model": "m", "input": "name this", "text": { "format": format } });
    let reply: Value = serde_json::from_str(&send(&api, "POST", RESPONSES, &body).await.1).unwrap();
    let text = reply["output"][0]["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), sample);
}

#[tokio::test]
async fn notes_of_the_agent_are_not_the_prompt() {
    let api = FakeModelApi::start().await.unwrap();
    let mut body = prompt("", false);
    body["messages"][0]["content"] = json!([
        { "type": "text", "text": "hi" },
        { "type": "text", "text": "<system-reminder>\nnote\n</system-reminder>" },
    ]);
    let (_, reply) = send(&api, "POST", MESSAGES, &body).await;
    assert!(reply.contains("echo: hi"), "{reply}");
}

#[tokio::test]
async fn requests_are_kept_without_their_keys() {
    let api = FakeModelApi::start().await.unwrap();
    whole(&api, MESSAGES, "x").await;
    let [seen] = &api.requests()[..] else { panic!("one request") };
    assert_eq!((seen.path.as_str(), &seen.headers["x-api-key"]), (MESSAGES, &json!("<set>")));
    assert_eq!(api.conversations()[0]["messages"][0]["content"], "x");
    // The same from another process.
    let (_, body) = send(&api, "GET", "/_fake/requests", &Value::Null).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["requests"].as_array().unwrap().len(), 1);
    assert!(!body.to_string().contains("hush"));
}

#[tokio::test]
async fn a_reader_that_hangs_up_is_noted() {
    let api = FakeModelApi::start().await.unwrap();
    let text =
        r#"@fake {"steps": [{"text": "a lot of words", "chunk": 1, "delay_ms": 5}, {"wait_ms": 600000}]}"#;
    let body = prompt(text, true).to_string();
    let address = api.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {MESSAGES} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 20]).await.unwrap();
    assert!(!api.requests()[0].hung_up);
    drop(stream);
    let noted = async {
        while !api.requests()[0].hung_up {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), noted).await.expect("noted");
}

#[tokio::test]
async fn token_counts_can_be_set() {
    let api = FakeModelApi::start().await.unwrap();
    let text = r#"@fake {"text": "a", "usage": {"input": 1200, "output": 34}}"#;
    let usage = &whole(&api, MESSAGES, text).await["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(1200), &json!(34)));
    let (_, counted) = send(&api, "POST", "/v1/messages/count_tokens", &prompt("some words", false)).await;
    assert!(counted.contains("input_tokens"), "{counted}");
}
