//! What a directory can make the agent do, and what the agent gets to see.

use serde_json::json;
use task_runners::Permissions;

use crate::real_agents::script;
use crate::rig::{Rig, bash, within};
use crate::support::{completed, settled};

/// A project whose servers and hooks leave traces when they run.
fn trap(rig: &Rig) {
    let touch = |name: &str| format!("touch {}/{name}", rig.dir.path());
    let server =
        json!({ "mcpServers": { "trap": { "command": "sh", "args": ["-c", touch("server-ran")] } } });
    std::fs::write(rig.dir.0.join(".mcp.json"), server.to_string()).unwrap();
    let hook = json!({ "type": "command", "command": touch("hook-ran") });
    let hooks = json!({ "hooks": { "UserPromptSubmit": [{ "hooks": [hook] }] } });
    std::fs::create_dir(rig.dir.0.join(".claude")).unwrap();
    std::fs::write(rig.dir.0.join(".claude/settings.json"), hooks.to_string()).unwrap();
}

fn traces(rig: &Rig) -> [bool; 2] {
    ["server-ran", "hook-ran"].map(|name| rig.dir.0.join(name).exists())
}

#[tokio::test]
async fn a_directory_starts_nothing_of_its_own_unless_asked() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        trap(&rig);
        let tasks = rig.tasks(rig.runner()).await;
        let task = tasks.create(rig.task("hello")).await.unwrap();
        completed(&settled(&tasks, task.id).await.0);
        assert_eq!(traces(&rig), [false, false], "server, hook");

        let task = tasks.create(rig.task("hello").enable_mcp(true)).await.unwrap();
        completed(&settled(&tasks, task.id).await.0);
        assert_eq!(traces(&rig), [true, false], "server, hook");

        let task = tasks.create(rig.task("hello").enable_skills(true)).await.unwrap();
        completed(&settled(&tasks, task.id).await.0);
        assert_eq!(traces(&rig), [true, true], "server, hook");
    })
    .await;
}

#[tokio::test]
async fn the_agent_has_the_environment_that_is_named_and_no_more() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner().permissions(Permissions::AllowAll)).await;
        let task = tasks
            .create(rig.task(&script(&[json!([bash("env > env.txt")]), json!([{ "text": "." }])])))
            .await;
        completed(&settled(&tasks, task.unwrap().id).await.0);
        let environment = rig.file("env.txt").unwrap();
        let has = |name: &str| environment.lines().any(|line| line.split('=').next() == Some(name));
        assert!(has("PATH") && has("TASKS_RUN_MARK"), "{environment}");
        // What cargo sets for this test is what a server has and an agent has not.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        assert!(!has("CARGO_MANIFEST_DIR"), "{environment}");
    })
    .await;
}

#[tokio::test]
async fn a_model_and_directories_of_the_task_reach_the_agent() {
    within(async {
        let Some(rig) = Rig::new().await else { return };
        let tasks = rig.tasks(rig.runner().model("claude-haiku-4-5")).await;
        let mut task = rig.task("hello").model("claude-opus-4-5");
        task.add_dirs = Some(vec![rig.home.path().to_owned()]);
        let task = tasks.create(task).await.unwrap();
        completed(&settled(&tasks, task.id).await.0);
        let asked = rig.api.conversations();
        assert!(asked.iter().any(|body| body["model"] == "claude-opus-4-5"), "another model was asked");
        assert!(
            asked.iter().any(|body| body.to_string().contains(rig.home.path())),
            "the directory is not known"
        );
    })
    .await;
}
