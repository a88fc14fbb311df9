//! A function that Erlang can call in two ways: for content that is copied in a few microseconds, and,
//! with `_dirty` behind its name, for longer content on a dirty scheduler.
//! `http_pusher_push` knows which of the two to call.

/// Defines both functions of a pair; `$env` is the name that the body has for the environment. The one on a normal scheduler is measured ([`crate::held`]).
macro_rules! pair {
    (fn $name:ident, $dirty:ident($env:ident, $($parameters:tt)*) $body:block) => {
        #[rustler::nif]
        fn $name<'a>(env: Env<'a>, $($parameters)*) -> NifResult<Term<'a>> {
            let _held = $crate::held::held!(stringify!($name));
            let $env = env;
            $body
        }

        #[rustler::nif(schedule = "DirtyCpu")]
        fn $dirty<'a>(env: Env<'a>, $($parameters)*) -> NifResult<Term<'a>> {
            let $env = env;
            $body
        }
    };
}
pub(crate) use pair;
