//! People: `profile`, `user.admin`, `user.current`, `user.get`, `user.search`.

use serde_json::{Value, json};

use super::call::{Answer, Call, Method, Reply, method};
use super::params::{Params, as_id, as_text, items};
use crate::emulator::refusal::{Refusal, no_user};
use crate::emulator::world::user::User;

pub(super) const METHODS: &[Method] = &[
    method("profile", "", profile),
    method("user.admin", "", admin),
    method("user.current", "user", current),
    method("user.get", "user", get),
    method("user.search", "user", search),
];

/// Number of users in an answer.
const PAGE: usize = 50;

fn profile(call: &mut Call<'_, '_>) -> Answer {
    let user = me(call)?;
    Ok(json!({
        "ID": user.id.to_string(),
        "ADMIN": user.is_admin(),
        "NAME": user.first_name,
        "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": user.gender,
        "PERSONAL_PHOTO": "",
        "TIME_ZONE": "",
        "TIME_ZONE_OFFSET": 0,
    })
    .into())
}

fn admin(call: &mut Call<'_, '_>) -> Answer {
    Ok(call.is_admin().into())
}

fn current(call: &mut Call<'_, '_>) -> Answer {
    Ok(described(&me(call)?).into())
}

/// Returns the people of the portal, without bots, filtered by `ID`.
fn get(call: &mut Call<'_, '_>) -> Answer {
    let ids = wanted(&call.params);
    page(call, |user| {
        ids.as_ref().is_none_or(|ids| ids.contains(&user.id))
    })
}

/// Returns the people whose names or positions have words that begin with all words of `FIND`. Page
/// `b24restdocs: api-reference/user/user-search.md`.
fn search(call: &mut Call<'_, '_>) -> Answer {
    let find = call.params.fields("FILTER");
    let find = find.get("FIND").and_then(as_text).unwrap_or_default();
    let find: Vec<String> = words(&find).collect();
    page(call, |user| {
        let text = format!("{} {} {}", user.first_name, user.last_name, user.position);
        let own: Vec<String> = words(&text).collect();
        find.iter()
            .all(|word| own.iter().any(|it| it.starts_with(word.as_str())))
    })
}

/// Returns the words of a text in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(str::to_lowercase)
}

/// Returns a page of the people for whom a condition is true.
fn page(call: &Call<'_, '_>, fits: impl Fn(&User) -> bool) -> Answer {
    let fits = |user: &&User| user.is_person() && fits(user);
    let found: Vec<&User> = call.tx.world.users.values().filter(fits).collect();
    let start = call
        .params
        .id("START")
        .and_then(|start| usize::try_from(start).ok())
        .unwrap_or(0);
    let page: Vec<Value> = found
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|user| described(user))
        .collect();
    let end = start + page.len();
    let next = (end < found.len()).then_some(end);
    Ok(Reply {
        total: Some(found.len()),
        next,
        ..Reply::from(page)
    })
}

fn wanted(params: &Params) -> Option<Vec<u64>> {
    let filter = params.fields("FILTER");
    let ids = params.get("ID").or_else(|| filter.get("ID"))?;
    Some(items(ids).iter().filter_map(as_id).collect())
}

fn me(call: &Call<'_, '_>) -> Result<User, Refusal> {
    call.tx
        .world
        .users
        .get(&call.caller.user)
        .cloned()
        .ok_or_else(|| no_user(call.caller.user))
}

fn described(user: &User) -> Value {
    json!({
        "ID": user.id.to_string(),
        "ACTIVE": !user.is_dismissed,
        "NAME": user.first_name,
        "LAST_NAME": user.last_name,
        "EMAIL": "",
        "PERSONAL_GENDER": user.gender,
        "WORK_POSITION": user.position,
        "UF_DEPARTMENT": [1],
        "USER_TYPE": "employee",
    })
}
