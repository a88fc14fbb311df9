//! Pools and handlers: creates, opens, drains and closes them.

use std::time::Duration;

use engine::engine::EngineError;
use engine::pool::opening::Progress;
use notification::{HandlerId, PoolId};
use rustler::{Encoder, Env, Error, NifResult, Term};
use transport::{Remedy, url};

use crate::held::held;
use crate::ids::Id;
use crate::{ENGINE, atoms, handler_options, options, policy};

fn reply<T: Encoder>(env: Env<'_>, result: Result<T, EngineError>) -> Term<'_> {
    match result {
        Ok(value) => (atoms::ok(), value).encode(env),
        Err(error) => (atoms::error(), describe(env, &error)).encode(env),
    }
}

fn plain(env: Env<'_>, result: Result<(), EngineError>) -> Term<'_> {
    match result {
        Ok(()) => atoms::ok().encode(env),
        Err(error) => (atoms::error(), describe(env, &error)).encode(env),
    }
}

fn describe<'a>(env: Env<'a>, error: &EngineError) -> Term<'a> {
    let word = match error {
        EngineError::Down | EngineError::Threads(_) => "engine_down",
        EngineError::NoPool(_) => "pool_not_started",
        EngineError::Config(error) => not_opened(error.remedy),
        EngineError::WrongPhase(_) => "wrong_phase",
    };
    (atoms::word(env, word), error.to_string()).encode(env)
}

/// The error of a pool that is not open, named after what has to change.
pub fn not_opened(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::OtherSetting => "pool_config",
        Remedy::OtherContent => "file_refused",
        Remedy::Retry => "not_yet",
    }
}

fn progress(env: Env<'_>, id: PoolId, progress: Result<Progress, EngineError>) -> Term<'_> {
    match progress {
        Ok(Progress::Ended) => {
            (atoms::error(), describe(env, &EngineError::NoPool(id))).encode(env)
        }
        Ok(Progress::Reading) => atoms::opening().encode(env),
        Ok(Progress::Open(warnings)) => (atoms::ok(), warnings).encode(env),
        Ok(Progress::Failed(error)) => {
            (atoms::error(), describe(env, &EngineError::Config(error))).encode(env)
        }
        Err(error) => (atoms::error(), describe(env, &error)).encode(env),
    }
}

#[rustler::nif]
fn create_pool<'a>(env: Env<'a>, name: &str) -> Term<'a> {
    let _held = held!("create_pool");
    reply(env, ENGINE.create_pool(name).map(Id))
}

#[rustler::nif]
fn configure_pool<'a>(env: Env<'a>, id: Id<PoolId>, map: Term<'a>) -> NifResult<Term<'a>> {
    let _held = held!("configure_pool");
    let options = options::pool(map)?;
    Ok(plain(env, ENGINE.configure_pool(id.0, options)))
}

/// Never waits: an engine thread reads the files. If dirty schedulers read them, files on a mount that
/// hangs would block one after another of the few that the whole node has.
#[rustler::nif]
fn open_pool(env: Env<'_>, id: Id<PoolId>) -> Term<'_> {
    let _held = held!("open_pool");
    progress(env, id.0, ENGINE.begin_opening(id.0))
}

#[rustler::nif]
fn opening(env: Env<'_>, id: Id<PoolId>) -> Term<'_> {
    let _held = held!("opening");
    progress(env, id.0, ENGINE.progress(id.0))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn hand_over(env: Env<'_>, from: Id<PoolId>, to: Id<PoolId>) -> Term<'_> {
    plain(env, ENGINE.hand_over(from.0, to.0))
}

#[rustler::nif]
fn drain_pool(env: Env<'_>, id: Id<PoolId>) -> Term<'_> {
    let _held = held!("drain_pool");
    plain(env, ENGINE.drain_pool(id.0))
}

#[rustler::nif]
fn resume_pool(env: Env<'_>, id: Id<PoolId>) -> Term<'_> {
    let _held = held!("resume_pool");
    reply(env, ENGINE.resume_pool(id.0))
}

#[rustler::nif]
fn close_pool(env: Env<'_>, id: Id<PoolId>, allowed_ms: u64) -> Term<'_> {
    let _held = held!("close_pool");
    plain(
        env,
        ENGINE.close_pool(id.0, Duration::from_millis(allowed_ms)),
    )
}

#[rustler::nif]
fn handler(
    host_type: &str,
    pool_name: &str,
    path: &str,
    plan: Term<'_>,
) -> NifResult<Id<HandlerId>> {
    let _held = held!("handler");
    let policy = policy::policy(plan)?;
    let options = handler_options::plan(plan, path)?;
    let handler = ENGINE.planned_handler(host_type, pool_name, path, policy, options);
    Ok(Id(handler.id))
}

#[rustler::nif]
fn handler_info(env: Env<'_>, id: Id<HandlerId>) -> NifResult<Term<'_>> {
    let _held = held!("handler_info");
    let handler = ENGINE.handler_by_id(id.0).ok_or(Error::BadArg)?;
    Ok((
        &*handler.host_type.name,
        &*handler.pool_name,
        &*handler.path,
    )
        .encode(env))
}

/// The URL path that a handler's path becomes in a pool, and the one that the stock module would use.
#[rustler::nif]
fn describe_url<'a>(env: Env<'a>, path_prefix: &str, path: &str) -> Term<'a> {
    let _held = held!("describe_url");
    match url::join(path_prefix, path) {
        Ok(target) => {
            let both = (target.as_str(), url::stock_join(path_prefix, path));
            (atoms::ok(), both).encode(env)
        }
        Err(error) => (atoms::error(), error.to_string()).encode(env),
    }
}
