//! The engine's ids as the integers that Erlang keeps.

use rustler::{Decoder, Encoder, Env, NifResult, Term};

/// An id on its way from or to Erlang.
#[derive(Clone, Copy)]
pub struct Id<T>(pub T);

impl<'a, T: From<u32> + 'a> Decoder<'a> for Id<T> {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        Ok(Self(T::from(term.decode::<u32>()?)))
    }
}

impl<T: Copy + Into<u32>> Encoder for Id<T> {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        let number: u32 = self.0.into();
        number.encode(env)
    }
}
