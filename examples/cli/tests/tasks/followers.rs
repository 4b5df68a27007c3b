//! Followers that come at any moment: nothing is lost, nothing comes twice.

use std::process::Stdio;

use crate::place::{Place, Running};

#[test]
fn whoever_comes_at_any_cursor_sees_the_rest_once() {
    let place = Place::new();
    let _owner = place.owner();
    let id = place.ok(&["run", "-a", "demo", "-d", "/count 400 400\n/text 20000 4000"]);
    let id = id.trim();
    let followers: Vec<_> = (0..12)
        .map(|n| {
            // Some ask for what is there already, and the others for what has just come.
            let seq = if n % 3 == 0 {
                0
            } else {
                place.json(&["show", id, "--json"])["seq"].as_u64().expect("a number")
            };
            let mut command = place.command(&["logs", "-f", "--json", "--after", &seq.to_string(), id]);
            let running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
            (seq, running)
        })
        .collect();
    let said: Vec<_> = followers.into_iter().map(|(seq, running)| (seq, running.finish())).collect();
    let log = place.ok(&["logs", "--json", id]);
    for (seq, said) in said {
        let expected: String = log.split_inclusive('\n').skip(usize::try_from(seq).expect("small")).collect();
        assert_eq!(said.code, Some(0), "after {seq}: {}", said.err);
        assert_eq!(said.out, expected, "after {seq}");
    }
}
