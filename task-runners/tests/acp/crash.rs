//! A server that is killed: what it left is gone when the next one serves, and the session goes on.

use serde_json::json;
use task_core::TaskStatus;
use task_runners::Permissions;

use crate::real_agents::{Role, Server, open, script, written};
use crate::rig::{Kind, Rig, within};
use crate::support::{alive, completed, settled};

crate::for_each_agent!(a_killed_server_leaves_nothing_and_its_session_goes_on);

async fn a_killed_server_leaves_nothing_and_its_session_goes_on(kind: Kind) {
    if let Some(role) = Role::of_this_process() {
        let runner = kind.runner(&role.url, &role.home).permissions(Permissions::AllowAll);
        return role.serve(runner).await;
    }
    within(async {
        let Some(rig) = Rig::new(kind).await else { return };
        let store = rig.home.0.join("tasks.db");
        let message = script(&[
            json!([kind.shell("setsid sleep 63 & echo x > started; sleep 63")]),
            json!([{ "text": "never" }]),
        ]);
        let module = rig.kind.module();
        let test = format!("crash::{module}::a_killed_server_leaves_nothing_and_its_session_goes_on");
        let mut server = Server::start(&test, &rig.role(&store, message));
        let task = server.task();
        written(rig.dir.0.join("started")).await;
        server.kill();
        assert!(alive(task, 1) >= 2, "what the tool started went on");

        let tasks = open(&store, rig.runner()).await;
        assert_eq!(alive(task, 1), 0);
        let interrupted = tasks.get(task).await.unwrap();
        assert_eq!(interrupted.status, TaskStatus::Interrupted);

        tasks.send(task, "Go on").await.unwrap();
        let (task, _) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!(task.session_id, interrupted.session_id);
        let conversation = rig.last_conversation();
        assert!(conversation.contains("sleep 63") && conversation.contains("Go on"), "{conversation}");
    })
    .await;
}
