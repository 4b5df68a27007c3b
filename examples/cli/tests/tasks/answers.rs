//! Questions of agents, and their answers from the command line.

use serde_json::Value;

use crate::place::{Place, eventually};

/// A task that asks, and the name of its question.
fn asking(place: &Place, message: &str) -> (String, String) {
    let id = place.ok(&["run", "-a", "demo", "-d", message]).trim().to_owned();
    let request = eventually("it asks", || {
        let task = place.json(&["show", &id, "--json"]);
        Some(task["requests"][0]["request_id"].as_str()?.to_owned())
    });
    (id, request)
}

#[test]
fn the_first_answer_holds() {
    let place = Place::new();
    let _owner = place.owner();
    let (id, request) = asking(&place, "/ask Which colour?");
    assert!(place.ok(&["show", &id]).contains(&format!("tasks answer {id} {request} ANSWER")));
    let task: Value = place.json(&["answer", &id, &request, "blue", "--json"]);
    assert_eq!(task["id"], *id);
    let second = place.tasks(&["answer", &id, &request, "red"]);
    assert_eq!(second.code, Some(4), "{second:?}");
    assert!(second.err.contains("was already answered, with \"blue\" by user"), "{second:?}");
    assert_eq!(place.tasks(&["wait", &id]).code, Some(0));
    assert_eq!(place.ok(&["logs", &id]), "> /ask Which colour?\n? Which colour?\n= blue\nblue\n");
}

#[test]
fn leave_is_given_by_the_id_or_the_words_of_an_option() {
    let place = Place::new();
    let _owner = place.owner();
    let (id, request) = asking(&place, "/permit deploy");
    let wrong = place.tasks(&["answer", &id, &request, "perhaps"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("\"perhaps\" is none of the options: allow, deny"), "{wrong:?}");
    let followed = place.tasks(&["answer", "-f", &id, &request[..6], "Deny"]);
    assert_eq!((followed.code, &*followed.out), (Some(0), "denied\n"), "{followed:?}");
}

/// A question outlives the process that asked it; its answer starts the next run, here where nobody else is.
#[test]
fn an_answer_after_the_end_of_the_owner_goes_on_with_the_task() {
    let place = Place::new();
    let mut owner = place.owner();
    let (id, request) = asking(&place, "/ask Which colour?\nthanks");
    owner.kill();
    let said = place.tasks(&["answer", "-f", &id, &request, "blue"]);
    assert_eq!((said.code, &*said.out), (Some(0), "run 2 (answer)\nblue\nthanks\n"), "{said:?}");
}
