//! Answers of many forms arrive as what they say, and requests hold what servers want.
#![cfg(feature = "chat")]

mod chat_support;
mod fake_model;

use chat_support::{manager, notices, outputs, runner, say, text, thinking, turns, within};
use fake_model::{
    FakeModel, Step, answer, chunk, delta, document, done, end, event, finish, models, raw, stream,
};
use serde_json::json;
use task_core::{Content, NewTask, Output, TaskStatus, ToolStatus, Usage};
use task_runners::chat::{ChatRunner, Endpoint};

/// What a model that answers like this comes to: text, reasoning, the ends of turns, notices.
async fn answered(steps: Vec<Step>) -> (String, String, Vec<String>, Vec<String>) {
    let model = FakeModel::new(move |_, _| steps.clone());
    let (task, log) = say(&manager(runner(&model)).await, "hello").await;
    assert_eq!((task.status, task.error), (TaskStatus::Completed, None));
    (text(&log), thinking(&log), turns(&log), notices(&log))
}

#[tokio::test]
async fn text_and_reasoning_arrive_as_they_come() {
    within(async {
        let think = |name: &str, text: &str| event(&json!({"choices": [{"delta": {name: text}}]}));
        let steps = vec![
            stream(),
            think("reasoning_content", "let me "),
            think("reasoning", "see"),
            delta("It is "),
            delta("任务 🦀"),
            finish("stop"),
            done(),
            end(),
        ];
        let (text, thinking, turns, notices) = answered(steps).await;
        assert_eq!((text.as_str(), thinking.as_str()), ("It is 任务 🦀", "let me see"));
        assert_eq!((turns, notices), (vec!["done".to_owned()], vec![]));
    })
    .await;
}

#[tokio::test]
async fn servers_that_end_in_their_own_way_are_understood() {
    within(async {
        let empty_usage = json!({"choices": [{"delta": {"content": "hi"}, "finish_reason": ""}], "usage": {}});
        for steps in [
            // The finish reason is empty, and `[DONE]` ends it.
            vec![stream(), event(&empty_usage), done(), end()],
            // No `[DONE]`.
            vec![stream(), delta("hi"), finish("stop"), end()],
            // Neither chunks nor a length, and no line end.
            vec![raw(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}",
            )],
            // One document, though a stream was asked for.
            document(200, "", r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#),
        ] {
            let shown = format!("{steps:?}");
            let (text, _, turns, notices) = answered(steps).await;
            assert_eq!((text.as_str(), turns, notices), ("hi", vec!["done".to_owned()], vec![]), "{shown}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_say_that_it_ended_is_kept_with_a_warning() {
    within(async {
        let (text, _, turns, notices) = answered(vec![stream(), delta("half of"), end()]).await;
        assert_eq!((text.as_str(), turns), ("half of", vec!["done".to_owned()]));
        assert_eq!(notices, ["the answer may not be whole: the server did not say that it ended"]);
    })
    .await;
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_counted_and_the_rest_is_kept() {
    within(async {
        let bad = chunk("data: {\"choices\": oops\n\ndata: \n\n");
        let (text, _, _, notices) =
            answered(vec![stream(), delta("a"), bad, delta("b"), done(), end()]).await;
        assert_eq!(text, "ab");
        assert_eq!(notices, ["2 pieces of the answer could not be read"]);
    })
    .await;
}

#[tokio::test]
async fn a_turn_says_why_the_model_stopped() {
    within(async {
        for (finish_reason, reason) in
            [("length", "max_tokens"), ("content_filter", "refused"), ("stop", "done"), ("eos", "done")]
        {
            let (_, _, turns, _) =
                answered(vec![stream(), delta("a"), finish(finish_reason), done(), end()]).await;
            assert_eq!(turns, [reason], "{finish_reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_newest_usage_counts() {
    within(async {
        let usage = |input: u64, output: u64| {
            event(&json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}}))
        };
        let steps =
            vec![stream(), usage(5, 1), delta("a"), usage(5, 2), finish("stop"), usage(5, 3), done(), end()];
        let model = FakeModel::new(move |_, _| steps.clone());
        let (task, log) = say(&manager(runner(&model)).await, "hello").await;
        assert_eq!(task.usage, Some(Usage::new(5, 3)));
        assert_eq!(outputs(&log).iter().filter(|output| matches!(output, Output::Usage(_))).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_was_not_offered_is_shown_as_failed() {
    within(async {
        let call = |name: &str, arguments: &str| {
            let function = json!({"name": name, "arguments": arguments});
            event(&json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": function}]}}]}))
        };
        let steps = vec![
            stream(),
            call("weather", "{\"city\":"),
            call("", "\"Paris\"}"),
            finish("tool_calls"),
            end(),
        ];
        let model = FakeModel::new(move |_, _| steps.clone());
        let (task, log) = say(&manager(runner(&model)).await, "hello").await;
        assert_eq!(task.status, TaskStatus::Completed);
        let outputs = outputs(&log);
        let [Output::ToolCall(call), Output::ToolUpdate(update), Output::TurnEnded(_)] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(
            (call.name.as_str(), call.input.as_ref().expect("arguments").as_str()),
            ("weather", "{\"city\":\"Paris\"}")
        );
        assert_eq!((&update.call_id, update.status), (&call.call_id, ToolStatus::Failed));
    })
    .await;
}

#[tokio::test]
async fn a_request_holds_the_settings_and_nothing_overrides_what_the_runner_needs() {
    within(async {
        let model = FakeModel::saying("hi");
        let runner = runner(&model)
            .system("Be brief.")
            .parameter("temperature", 0.5)
            .parameter("stream", false)
            .parameter("max_tokens", 10);
        let tasks = manager(runner).await;
        say(&tasks, "hello").await;
        let task = tasks.create(NewTask::new("chat", "again").model("other")).await.expect("created");
        tasks.wait(task.id).await.expect("it settles");

        let asked = model.asked();
        assert_eq!(asked[0].line, "POST /v1/chat/completions");
        let expected = json!({
            "model": "fake",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 0.5,
            "max_tokens": 10,
        });
        assert_eq!(asked[0].body, expected);
        assert!(!asked[0].head.contains("authorization"), "{}", asked[0].head);
        assert_eq!(asked[1].body["model"], "other", "the task chooses");
    })
    .await;
}

#[tokio::test]
async fn without_a_model_it_is_the_first_of_the_server() {
    within(async {
        let model = FakeModel::new(|_, asked| match asked.line.as_str() {
            "GET /v1/models" => models(&["first", "second"]),
            _ => answer("hi"),
        });
        let tasks = manager(ChatRunner::new(Endpoint::new(&model.url()).expect("a URL"))).await;
        let (task, log) = say(&tasks, "hello").await;
        assert_eq!((task.status, text(&log).as_str()), (TaskStatus::Completed, "hi"));
        assert_eq!(model.asked()[1].body["model"], "first");
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_model_is_told() {
    within(async {
        for list in [r#"{"object":"list","data":null}"#, r#"{"object":"list","data":[]}"#] {
            let model = FakeModel::new(move |_, _| document(200, "", list));
            let tasks = manager(ChatRunner::new(Endpoint::new(&model.url()).expect("a URL"))).await;
            let (task, _) = say(&tasks, "hello").await;
            assert_eq!(task.error.as_deref(), Some(&*format!("{} has no model", model.url())));
        }
    })
    .await;
}

#[tokio::test]
async fn pictures_and_files_go_along() {
    within(async {
        let model = FakeModel::saying("a cat");
        let tasks = manager(runner(&model)).await;
        let content = vec![
            Content::text("what is this?"),
            Content::Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() },
        ];
        let task = tasks.create(NewTask::with_content("chat", content)).await.expect("created");
        tasks.wait(task.id).await.expect("it settles");
        let content = &model.asked()[0].body["messages"][0]["content"];
        assert_eq!(content[0], json!({"type": "text", "text": "what is this?"}));
        assert_eq!(content[1]["image_url"]["url"], "data:image/png;base64,AAAA");
    })
    .await;
}
