//! Whatever a server does wrong is told in words, and costs no more than it must.
#![cfg(feature = "chat")]

mod chat_support;
mod fake_model;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use chat_support::{is_delivered, manager, notices, runner, say, settled, text, turns, until, within};
use fake_model::{FakeModel, Step, answer, delta, document, done, end, error, event, raw, stream};
use serde_json::json;
use task_core::{Delivery, Event, Message, NewTask, Task, TaskStatus};
use task_runners::chat::{ChatRunner, Endpoint, Key};

/// A task that fails, because the model answers like this.
async fn failed(steps: Vec<Step>) -> (Task, Vec<Event>) {
    let model = FakeModel::new(move |_, _| steps.clone());
    let (task, log) = say(&manager(runner(&model).retries(1)).await, "hello").await;
    assert_eq!(task.status, TaskStatus::Failed, "{log:?}");
    assert_eq!(turns(&log), ["failed"]);
    (task, log)
}

fn words(task: Task) -> String {
    task.error.expect("a failed task says why")
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => error(429, "slow down"),
            1 => document(503, "Retry-After: 1\r\n", "{}"),
            _ => answer("at last"),
        });
        let begun = Instant::now();
        let (task, log) = say(&manager(runner(&model)).await, "hello").await;
        assert_eq!((task.status, text(&log).as_str()), (TaskStatus::Completed, "at last"));
        assert!(begun.elapsed() >= Duration::from_millis(1_500), "{:?}", begun.elapsed());
        let notices = notices(&log);
        assert!(
            notices[0].contains("too much to do (429): slow down; once more in 500ms (1 of 4)"),
            "{notices:?}"
        );
        assert!(notices[1].contains("once more in 1s (2 of 4)"), "{notices:?}");
        assert_eq!((model.asked().len(), turns(&log)), (3, vec!["done".to_owned()]));
        assert_eq!(model.asked()[0].body, model.asked()[2].body);
    })
    .await;
}

#[tokio::test]
async fn repetitions_are_bounded() {
    within(async {
        let model = FakeModel::new(|_, _| error(500, "out of order"));
        let (task, log) = say(&manager(runner(&model).retries(2)).await, "hello").await;
        assert_eq!((model.asked().len(), notices(&log).len()), (3, 2));
        assert!(words(task).contains("has trouble (500): out of order"));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    within(async {
        let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
        let endpoint = Endpoint::new(&format!("http://{nobody}/v1")).expect("a URL");
        let (task, log) = say(&manager(ChatRunner::new(endpoint).model("m").retries(1)).await, "hello").await;
        assert_eq!(notices(&log).len(), 1);
        let words = words(task);
        assert!(
            words.starts_with(&format!("http://{nobody}/v1 cannot be reached: Connection refused")),
            "{words}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_does_not_pass_is_not_repeated() {
    within(async {
        for (status, body, expected) in [
            (404, r#"{"error":{"message":"model 'fake' not found"}}"#, "does not have the model `fake`"),
            (
                400,
                r#"{"error":{"code":"context_length_exceeded","message":"no"}}"#,
                "too long for the model `fake`",
            ),
            (401, r#"{"error":"who are you?"}"#, "refuses the key (no key): who are you?"),
            (400, r#"{"error":{"message":"temperature"}}"#, "refuses the request (400): temperature"),
        ] {
            let (task, log) = failed(document(status, "", body)).await;
            let words = words(task);
            assert!(words.contains(expected), "{words}");
            assert_eq!(notices(&log), [""; 0]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_in_the_middle_of_an_answer_keeps_what_came() {
    within(async {
        let error = event(&json!({"error": {"code": 500, "message": "the GPU fell off"}}));
        let (task, log) = failed(vec![stream(), delta("half"), error, done(), end()]).await;
        assert_eq!((text(&log).as_str(), notices(&log)), ("half", vec![]));
        assert!(words(task).ends_with("has trouble (500): the GPU fell off"));
    })
    .await;
}

#[tokio::test]
async fn an_error_before_an_answer_is_worth_a_repetition() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => vec![stream(), event(&json!({"error": {"code": 503, "message": "loading"}})), end()],
            1 => vec![stream()],
            _ => answer("hi"),
        });
        let (task, log) = say(&manager(runner(&model)).await, "hello").await;
        assert_eq!((task.status, text(&log).as_str(), notices(&log).len()), (TaskStatus::Completed, "hi", 2));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_asked_for_twice() {
    within(async {
        let (task, log) = failed(vec![stream(), delta("half")]).await;
        assert_eq!((text(&log).as_str(), notices(&log)), ("half", vec![]));
        let words = words(task);
        assert!(words.contains("broke the answer off"), "{words}");
    })
    .await;
}

#[tokio::test]
async fn a_page_is_no_answer() {
    within(async {
        let page = raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>welcome</html>");
        assert!(words(failed(vec![page]).await.0).ends_with("answered, but not as a chat does"));
        let no_http = words(failed(vec![raw("SSH-2.0-OpenSSH_9\r\n")]).await.0);
        assert!(no_http.contains("broke the connection off"), "{no_http}");
    })
    .await;
}

#[tokio::test]
async fn what_a_server_may_send_is_limited() {
    within(async {
        let flood = |text: String| vec![stream(), delta(&text), delta(&text), delta(&text), done(), end()];
        let model = FakeModel::new(move |_, _| flood("x".repeat(2_000)));
        for (runner, expected) in [
            (runner(&model).max_line(1_000), "sent a line of more than 1000 bytes"),
            (runner(&model).max_answer(5_000), "sent an answer of more than 5000 bytes"),
        ] {
            let (task, _) = say(&manager(runner).await, "hello").await;
            let words = words(task);
            assert!(words.ends_with(expected), "{words}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    within(async {
        for steps in [
            vec![Step::UntilGone],
            vec![stream(), Step::UntilGone],
            vec![stream(), delta("a"), Step::UntilGone],
        ] {
            let model = FakeModel::new(move |_, _| steps.clone());
            let runner = runner(&model).patience(Duration::from_millis(200));
            let (task, log) = say(&manager(runner).await, "hello").await;
            let words = words(task);
            assert!(words.ends_with("said nothing for 200ms"), "{words}");
            assert_eq!((model.asked().len(), notices(&log).len()), (1, 0), "as long again is not worth it");
            model.wait_for_gone(1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_answer_is_not_a_silent_one() {
    within(async {
        let model = FakeModel::new(|_, _| {
            let mut steps = vec![stream()];
            for word in ["a", "b", "c", "d", "e"] {
                steps.extend([Step::Pause(Duration::from_millis(100)), delta(word)]);
            }
            steps.extend([done(), end()]);
            steps
        });
        let runner = runner(&model).patience(Duration::from_millis(400));
        let (task, log) = say(&manager(runner).await, "hello").await;
        assert_eq!((task.status, text(&log).as_str()), (TaskStatus::Completed, "abcde"));
    })
    .await;
}

/// Before the answer begins, in the middle of it, and while a busy server is given a pause.
#[tokio::test]
async fn a_cancel_closes_the_connection_at_once() {
    within(async {
        for (steps, text_first) in [
            (vec![Step::UntilGone], false),
            (vec![stream(), Step::Endless(Duration::from_millis(2))], true),
            (document(429, "Retry-After: 30\r\n", "{}"), false),
        ] {
            let is_busy = steps.len() == 1 && !matches!(steps[0], Step::UntilGone);
            let model = FakeModel::new(move |_, _| steps.clone());
            let tasks = manager(runner(&model)).await;
            let task = tasks.create(NewTask::new("chat", "hello")).await.expect("created").id;
            let wanted = |event: &Event| match (text_first, is_busy) {
                (true, _) => event.kind() == "text",
                (_, true) => event.kind() == "notice",
                _ => is_delivered(event),
            };
            until(&tasks, task, wanted).await;
            let begun = Instant::now();
            tasks.cancel(task).await.expect("it runs");
            let (task, log) = settled(&tasks, task).await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
            assert_eq!((task.status, turns(&log)), (TaskStatus::Cancelled, vec!["cancelled".to_owned()]));
            if !is_busy && !model.asked().is_empty() {
                model.wait_for_gone(1);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_closes_the_connection_and_its_message_is_next() {
    within(async {
        let model = FakeModel::new(|before, _| match before {
            0 => vec![stream(), Step::Endless(Duration::from_millis(2))],
            _ => answer("of course"),
        });
        let tasks = manager(runner(&model)).await;
        let task = tasks.create(NewTask::new("chat", "talk")).await.expect("created").id;
        until(&tasks, task, |event| event.kind() == "text").await;
        let message = Message::new("shorter").delivery(Delivery::Interrupt);
        tasks.send(task, message).await.expect("accepted");
        let (task, log) = settled(&tasks, task).await;
        assert_eq!((task.status, task.run), (TaskStatus::Completed, 1));
        assert_eq!(turns(&log), ["interrupted", "done"]);
        model.wait_for_gone(1);
        let said = model.asked()[1].said();
        assert_eq!((said[0].1.as_str(), said[2].1.as_str()), ("talk", "shorter"));
        assert!(text(&log).starts_with(&said[1].1), "the model is told what it had said");
    })
    .await;
}

#[tokio::test]
async fn the_key_is_sent_and_never_told() {
    within(async {
        let file = std::env::temp_dir().join(format!("runners-test-key-{}", task_core::TaskId::new()));
        std::fs::write(&file, "sk-verysecret\n").expect("written");
        let model = FakeModel::new(|_, _| error(401, "Incorrect API key provided: sk-verysecret."));
        let endpoint = Endpoint::new(&model.url()).expect("a URL").key(Key::from_file(&file));
        let runner = ChatRunner::new(endpoint).model("m");
        assert!(!format!("{runner:?}").contains("verysecret"));
        let (task, log) = say(&manager(runner).await, "hello").await;
        std::fs::remove_file(&file).expect("removed");
        assert!(
            model.asked()[0].head.contains("authorization: Bearer sk-verysecret\r\n"),
            "{}",
            model.asked()[0].head
        );
        assert!(!format!("{log:?}{task:?}").contains("verysecret"), "{log:?}");
        assert!(words(task).ends_with("Incorrect API key provided: …."));
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_missing_is_told_and_nothing_is_asked() {
    within(async {
        let model = FakeModel::saying("hi");
        for name in ["RUNNERS_TEST_NO_SUCH_KEY", "TASKS_TOKEN"] {
            let endpoint = Endpoint::new(&model.url()).expect("a URL").key(Key::from_env(name));
            let (task, _) = say(&manager(ChatRunner::new(endpoint).model("m")).await, "hello").await;
            assert!(words(task).contains(name));
        }
        assert_eq!(model.asked().len(), 0);
    })
    .await;
}

/// Whatever comes over the wire, and wherever it breaks off, the task settles, in words of ours.
#[tokio::test]
async fn damaged_answers_settle_the_task_in_words() {
    within(async {
        let mut whole = Vec::new();
        for step in answer("It is a long way to Tipperary") {
            if let Step::Send(bytes) = step {
                whole.extend(bytes);
            }
        }
        let length = whole.len();
        let model = FakeModel::new(move |before, _| {
            // Another place and another kind of damage each time, and the same in each run of the test.
            let (at, mut bytes) = (before * 7_919 % length, whole.clone());
            match before % 4 {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 0x55,
                2 => drop(bytes.drain(at..(at + 9).min(length))),
                _ => drop(bytes.splice(at..at, *b"\xff\0{\n")),
            }
            vec![Step::Send(bytes)]
        });
        let tasks = manager(runner(&model).retries(0).patience(Duration::from_secs(2))).await;
        for round in 0..120 {
            let (task, log) = say(&tasks, "hello").await;
            assert_eq!(turns(&log).len(), 1, "round {round}");
            match task.status {
                TaskStatus::Completed => {}
                TaskStatus::Failed => assert!(words(task).contains(&model.url()), "round {round}: {log:?}"),
                other => panic!("round {round}: {other}"),
            }
        }
    })
    .await;
}
