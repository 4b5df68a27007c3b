use std::num::NonZero;

use task_core::{Task, TaskPage, TaskQuery};

use super::show::look;
use crate::args::{General, List};
use crate::exit::{Code, Failure};
use crate::look::Look;
use crate::screen::{Piece, Screen};
use crate::session::Session;
use crate::width::{columns, cut};
use crate::{escape, ids, time};

/// Lists tasks.
pub(super) async fn run(general: &General, args: List, screen: &mut Screen) -> Result<Code, Failure> {
    let session = Session::observe(general).await?;
    let outcome = async {
        let page = page(&session, &args).await?;
        if args.json {
            let counts = session.tasks.counts().await?;
            let next = page.next.as_ref().map(ToString::to_string);
            let document = serde_json::json!({ "items": page.items, "next_cursor": next, "counts": counts });
            screen.json(&document.to_string())?;
        } else if args.quiet {
            screen.write(
                &page.items.iter().map(|task| Piece::plain(format!("{}\n", task.id))).collect::<Vec<_>>(),
            )?;
        } else if screen.out_is_terminal() {
            screen.write(&table(&page.items, screen.width()))?;
        } else {
            screen.write(&page.items.iter().map(|task| Piece::plain(row(task))).collect::<Vec<_>>())?;
        }
        // Whoever asked for so many knows that there may be more.
        if !args.json && args.limit.is_none() && page.next.is_some() {
            screen.say(Look::Faint, &format!("there are more than {LIMIT}: -n shows more"));
        }
        Ok(Code::Ok)
    };
    let outcome = outcome.await;
    super::close(session, outcome).await
}

/// As many as were asked for, from as many pages of the store as that takes.
async fn page(session: &Session, args: &List) -> Result<TaskPage, Failure> {
    let limit = args.limit.map_or(LIMIT, NonZero::get);
    let mut query = TaskQuery::default().with_statuses(args.statuses.iter().copied());
    query.agent_id.clone_from(&args.agent);
    query.search.clone_from(&args.search);
    let mut items = Vec::new();
    loop {
        query.limit = (limit - items.len()).min(PAGE);
        let page = session.tasks.list(&query).await?;
        items.extend(page.items);
        match page.next {
            Some(cursor) if items.len() < limit => query = query.with_cursor(cursor),
            next => return Ok(TaskPage::new(items, next)),
        }
    }
}

/// A line for programs: id, state, agent, time of creation and title, separated by tabs.
fn row(task: &Task) -> String {
    let title = escape::line(&task.title, false);
    let agent = escape::line(&task.agent_id, false);
    format!("{}\t{}\t{agent}\t{}\t{title}\n", task.id, task.status, time::stamp(task.created_at))
}

/// A table for people, as wide as their terminal.
fn table(tasks: &[Task], width: usize) -> Vec<Piece> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let short = ids::shortened(&tasks.iter().map(|task| task.id).collect::<Vec<_>>());
    let rows: Vec<[String; 5]> = tasks
        .iter()
        .zip(short)
        .map(|(task, id)| {
            let age = time::age(time::seconds_since(task.created_at));
            let agent = cut(&escape::line(&task.agent_id, true), AGENT);
            [id, task.status.to_string(), agent, age, escape::line(&task.title, true)]
        })
        .collect();
    let head = ["ID", "STATUS", "AGENT", "CREATED", "TITLE"].map(str::to_owned);
    let widths: [usize; 4] =
        std::array::from_fn(|at| rows.iter().chain([&head]).map(|row| columns(&row[at])).max().unwrap_or(0));
    let room = width.saturating_sub(widths.iter().map(|width| width + GAP).sum());
    let line = |row: &[String; 5], looks: [Look; 5]| {
        let mut pieces: Vec<_> = (0..4)
            .map(|at| {
                let padding = " ".repeat(widths[at] - columns(&row[at]) + GAP);
                Piece::new(looks[at], format!("{}{padding}", row[at]))
            })
            .collect();
        // A title on a terminal that is too narrow for it is better broken than gone.
        let title = if room < TITLE { row[4].clone() } else { cut(&row[4], room) };
        pieces.push(Piece::new(looks[4], title));
        pieces.push(Piece::plain("\n"));
        pieces
    };
    let mut pieces = line(&head, [Look::Faint; 5]);
    for (task, row) in tasks.iter().zip(&rows) {
        pieces.extend(line(row, [Look::Plain, look(task.status), Look::Plain, Look::Faint, Look::Plain]));
    }
    pieces
}

/// Columns between columns.
const GAP: usize = 2;

/// The most columns that the name of an agent gets.
const AGENT: usize = 16;

/// The least columns that are worth a title.
const TITLE: usize = 8;

/// Tasks shown unless asked otherwise.
const LIMIT: usize = 50;

/// Tasks read at a time.
const PAGE: usize = 500;
