//! Many tasks with nasty commands leave neither processes nor zombies nor open files. Alone in its program, so that
//! nobody else opens files. `NASTY_TASKS` says how many.
#![cfg(feature = "shell")]

mod shell_support;
mod support;

use shell_support::{manager, start};
use support::{alive, settled, within};
use task_core::{MemoryStore, Task, TaskId};
use task_runners::ShellRunner;

const NASTY: [&str; 10] = [
    "sleep 60 & sleep 60 & sleep 60 & echo x",
    "setsid sleep 60 & exit 0",
    "(setsid sh -c 'trap \"\" TERM; sleep 60' &) ; exit 1",
    "trap '' TERM INT HUP; sleep 60",
    "head -c 300000 /dev/zero",
    "exec >&- 2>&-; sleep 0.1",
    "kill -9 $$",
    "sh -c 'exit 5' | cat; cat",
    "yes & yes >&2 & sleep 0.1",
    "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 60 &) ; done; env -i sleep 60 & exec sleep 0.2",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_nasty_tasks_nothing_is_left() {
    let number = std::env::var("NASTY_TASKS").ok().and_then(|number| number.parse().ok());
    let number: usize = number.unwrap_or(60);
    within(async {
        let tasks = manager(MemoryStore::new(), ShellRunner::new()).await;
        // The runtime opens some files of its own the first time.
        let warm_up = start(&tasks, "echo warm").await;
        settled(&tasks, warm_up.id).await;
        let before = open_files();

        let mut started: Vec<Task> = Vec::new();
        for number in 0..number {
            started.push(start(&tasks, NASTY[number % NASTY.len()]).await);
        }
        for (number, task) in started.iter().enumerate() {
            // Some end by themselves; the others are cancelled, some in the middle of starting.
            if number % NASTY.len() == 3 || number > 20 && number % 3 > 0 {
                let _ = tasks.cancel(task.id).await;
            }
        }
        for task in &started {
            tasks.wait(task.id).await.unwrap();
        }
        let left: usize = started.iter().map(|task| alive(task.id, 1)).sum();
        assert_eq!(left, 0);
        assert_eq!(zombies(), 0);
        assert_eq!(open_files(), before);
        assert_eq!(files_of(&started.iter().map(|task| task.id).collect::<Vec<_>>()), 0);
    })
    .await;
}

fn open_files() -> usize {
    // The directory that is being read is one of them, each time.
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn zombies() -> usize {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let is_zombie = |stat: &String| {
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[0] == "Z" && fields[1] == own
    };
    stats.filter(is_zombie).count()
}

fn files_of(tasks: &[TaskId]) -> usize {
    let names = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.file_name());
    names.filter(|name| tasks.iter().any(|task| name.to_string_lossy().contains(&task.to_string()))).count()
}
