//! Which requests a page of a list looks at, and what their rows mean: alike for both databases.
//!
//! A page walks down one index, at most [`PAGE_LOOK_MAX`] entries, and leaves out what the rest of the filter does not want.
//! So its cost depends neither on how many requests there are nor on how rare the wanted ones are.

use plantain_queue::history::{
    COUNT_MAX, Counts, Cursor, Ending, Filter, Origin, PAGE_LOOK_MAX, PAGE_MAX, Page, Stage, Summary,
};
use plantain_queue::model::Caller;
use plantain_wire::options::RequestOptions;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time::to_micros;

/// What of the columns a page shows, in the order of [`SummaryRow`].
const COLUMNS: &str =
    "seq, id, endpoint, user_id, key_id, state, ending, origin, attempt, failures, options, created_at,
    started_at, finished_at, retry_of";

/// How far the times of two processes' requests may be out of order, in microseconds.
const SKEW: i64 = 60_000_000;

/// How many of those that ended are counted.
pub(crate) fn count_max() -> i64 {
    i64::try_from(COUNT_MAX).unwrap_or(i64::MAX)
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
}

/// How the two databases write the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn parameter(self, number: usize) -> String {
        match self {
            Dialect::Sqlite => format!("?{number}"),
            Dialect::Postgres => format!("${number}"),
        }
    }

    /// A label's value, of the key that is the parameter.
    fn label(self, key: &str) -> String {
        match self {
            Dialect::Sqlite => format!("json_extract(options, '$.labels.\"' || {key} || '\"')"),
            Dialect::Postgres => format!("options::jsonb -> 'labels' ->> {key}"),
        }
    }
}

/// A page's statements: one for its rows, one for where the next page begins.
pub(crate) struct Question {
    pub page: String,
    /// How many were looked at, and the last one of them.
    pub looked: String,
    pub values: Vec<Value>,
    /// Of `values`, how many `looked` takes.
    pub narrow: usize,
    pub limit: usize,
}

struct Conditions {
    dialect: Dialect,
    values: Vec<Value>,
    parts: Vec<String>,
}

impl Conditions {
    fn add(&mut self, value: Value) -> String {
        self.values.push(value);
        self.dialect.parameter(self.values.len())
    }

    fn equal(&mut self, column: &str, text: &str) {
        let parameter = self.add(Value::Text(text.to_owned()));
        self.parts.push(format!("{column} = {parameter}"));
    }

    fn compare(&mut self, left: &str, number: i64) {
        let parameter = self.add(Value::Number(number));
        self.parts.push(format!("{left} {parameter}"));
    }

    fn take(&mut self) -> String {
        let parts = std::mem::take(&mut self.parts);
        if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
    }
}

/// The index that a page walks down.
fn walk(filter: &Filter, conditions: &mut Conditions) {
    match (filter.stage, &filter.key_id, &filter.endpoint) {
        // No more than run at once: they are sorted.
        (Some(Stage::Running), ..) => conditions.parts.push("state = 'running' AND due_at IS NOT NULL".to_owned()),
        (Some(Stage::Waiting), ..) => conditions.parts.push("finished_at IS NULL".to_owned()),
        (Some(Stage::Ended(ending)), ..) if ending != Ending::Succeeded => {
            // Said as it is, so that the partial index is seen to fit.
            conditions.parts.push("ending <> 'succeeded'".to_owned());
            conditions.parts.push(format!("ending = '{}'", ending.as_str()));
        }
        (_, Some(key), _) => conditions.equal("key_id", key),
        (_, None, Some(endpoint)) => conditions.equal("app", endpoint.app()),
        (_, None, None) => {}
    }
}

/// What must hold besides. What the walk holds already is said twice; that costs nothing.
fn rest(filter: &Filter, conditions: &mut Conditions) {
    match filter.stage {
        Some(Stage::Waiting) => conditions.parts.push("state IN ('ready', 'delayed')".to_owned()),
        Some(Stage::Running) => conditions.parts.push("state = 'running'".to_owned()),
        Some(Stage::Ended(ending)) => conditions.equal("ending", ending.as_str()),
        None => {}
    }
    if let Some(user) = &filter.user_id {
        conditions.equal("user_id", user.as_str());
    }
    if let Some(key) = &filter.key_id {
        conditions.equal("key_id", key);
    }
    if let Some(endpoint) = &filter.endpoint {
        conditions.equal("app", endpoint.app());
        if endpoint.as_str() != endpoint.app() {
            conditions.equal("endpoint", endpoint.as_str());
        }
    }
    if let Some((key, value)) = &filter.label {
        let key = conditions.add(Value::Text(key.clone()));
        let label = conditions.dialect.label(&key);
        conditions.equal(&label, value);
    }
    if let Some(from) = filter.from {
        conditions.compare("created_at >=", to_micros(from));
    }
    if let Some(to) = filter.to {
        conditions.compare("created_at <", to_micros(to));
    }
}

impl Question {
    pub fn new(filter: &Filter, dialect: Dialect) -> Question {
        let mut conditions = Conditions { dialect, values: Vec::new(), parts: Vec::new() };
        walk(filter, &mut conditions);
        conditions.compare("seq <", filter.before.map_or(i64::MAX, |cursor| cursor.0));
        // Times lead to row numbers by their own index, with some room for clocks that differ.
        if let Some(from) = filter.from {
            let at = to_micros(from).saturating_sub(SKEW);
            conditions.compare("seq >= (SELECT coalesce(min(seq), 9223372036854775807) FROM (SELECT seq FROM queue_requests WHERE created_at >=", at);
            close(&mut conditions, "ORDER BY created_at, seq LIMIT 1) earliest)");
        }
        if let Some(to) = filter.to {
            let at = to_micros(to).saturating_add(SKEW);
            conditions.compare(
                "seq <= (SELECT coalesce(max(seq), 0) FROM (SELECT seq FROM queue_requests WHERE created_at <",
                at,
            );
            close(&mut conditions, "ORDER BY created_at DESC, seq DESC LIMIT 1) latest)");
        }
        let walked = format!(
            "SELECT {COLUMNS}, app FROM queue_requests WHERE {} ORDER BY seq DESC LIMIT {PAGE_LOOK_MAX}",
            conditions.take()
        );
        let narrow = conditions.values.len();
        rest(filter, &mut conditions);
        let limit = filter.limit.clamp(1, PAGE_MAX);
        let rest = conditions.take();
        Question {
            page: format!("SELECT {COLUMNS} FROM ({walked}) walked WHERE {rest} ORDER BY seq DESC LIMIT {limit}"),
            looked: format!("SELECT count(*), min(seq) FROM ({walked}) walked"),
            values: conditions.values,
            narrow,
            limit,
        }
    }
}

fn close(conditions: &mut Conditions, end: &str) {
    if let Some(last) = conditions.parts.last_mut() {
        last.push(' ');
        last.push_str(end);
    }
}

/// A page of `rows`; `looked` is asked where they are fewer than wanted.
pub(crate) fn page(rows: Vec<SummaryRow>, looked: Option<(i64, Option<i64>)>) -> Result<Page, DatabaseError> {
    let last = rows.last().map(|row| row.seq);
    let next = match looked {
        None => last,
        Some((count, end)) => end.filter(|_| usize::try_from(count).is_ok_and(|count| count >= PAGE_LOOK_MAX)),
    };
    let requests = rows.into_iter().map(SummaryRow::into_summary).collect::<Result<_, _>>()?;
    Ok(Page { requests, next: next.map(Cursor) })
}

/// A request in a list, as columns.
pub(crate) struct SummaryRow {
    pub seq: i64,
    pub id: String,
    pub endpoint: String,
    pub user_id: String,
    pub key_id: String,
    pub state: String,
    pub ending: Option<String>,
    pub origin: String,
    pub attempt: i64,
    pub failures: i64,
    pub options: String,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub retry_of: Option<String>,
}

impl SummaryRow {
    fn into_summary(self) -> Result<Summary, DatabaseError> {
        let place = Place { table: "queue_requests", row: &self.id };
        // What was ended because it can't be read is listed all the same.
        let options: RequestOptions = serde_json::from_str(&self.options).unwrap_or_default();
        Ok(Summary {
            id: place.parse("id", &self.id)?,
            endpoint: place.parse("endpoint", &self.endpoint)?,
            caller: Caller { user_id: place.parse("user_id", &self.user_id)?, key_id: self.key_id },
            stage: stage(&place, &self.state, self.ending.as_deref())?,
            origin: Origin::parse(&self.origin).ok_or_else(|| place.wrong("origin"))?,
            attempts: place.number("attempt", self.attempt)?,
            failures: place.number("failures", self.failures)?,
            labels: options.labels,
            created_at: place.time("created_at", self.created_at)?,
            started_at: place.maybe_time("started_at", self.started_at)?,
            finished_at: place.maybe_time("finished_at", self.finished_at)?,
            retry_of: self.retry_of.map(|id| place.parse("retry_of", &id)).transpose()?,
        })
    }
}

fn stage(place: &Place<'_>, state: &str, ending: Option<&str>) -> Result<Stage, DatabaseError> {
    let stage = match (state, ending) {
        ("ready" | "delayed", _) => Some(Stage::Waiting),
        ("running", _) => Some(Stage::Running),
        // A program of the version before says no ending.
        ("completed", word) => word.map_or(Some(Ending::Succeeded), Ending::parse).map(Stage::Ended),
        _ => None,
    };
    stage.ok_or_else(|| place.wrong("state"))
}

/// Counts of those that ended, by their words.
pub(crate) fn counts(waiting: i64, running: i64, ended: Vec<(Option<String>, i64)>) -> Counts {
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    let mut counts = Counts { waiting: number(waiting), running: number(running), ..Counts::default() };
    for (word, count) in ended {
        let counted = match word.as_deref().map_or(Some(Ending::Succeeded), Ending::parse) {
            Some(Ending::Succeeded) => &mut counts.succeeded,
            Some(Ending::Refused) => &mut counts.refused,
            Some(Ending::Failed) => &mut counts.failed,
            Some(Ending::Cancelled) => &mut counts.cancelled,
            None => continue,
        };
        *counted += number(count);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_is_one_parameter_and_the_walk_takes_the_first_of_them() {
        let filter = Filter {
            stage: Some(Stage::Ended(Ending::Succeeded)),
            key_id: Some("k'".into()),
            label: Some(("shop".into(), "7".into())),
            limit: 1_000_000,
            ..Filter::default()
        };
        let asked = Question::new(&filter, Dialect::Postgres);
        assert_eq!((asked.narrow, asked.values.len(), asked.limit), (2, 6, PAGE_MAX));
        assert!(!asked.page.contains("k'") && asked.page.contains("$6") && !asked.looked.contains("$3"));
        assert_eq!(asked.values[0], Value::Text("k'".into()));
    }

    #[test]
    fn a_page_has_a_next_one_unless_everything_was_looked_at() {
        let next = |looked| page(Vec::new(), looked).unwrap().next;
        let all = i64::try_from(PAGE_LOOK_MAX).unwrap();
        assert_eq!(next(Some((0, None))), None);
        assert_eq!(next(Some((all - 1, Some(7)))), None);
        assert_eq!(next(Some((all, Some(7)))), Some(Cursor(7)));
    }
}
