//! The numbers by which pools, handlers and host types are found. Each kind is a type of its own, so
//! that one cannot be passed for another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u32);

        impl $name {
            /// The id of the element at this place of a list.
            #[must_use]
            pub fn from_place(place: usize) -> Self {
                Self(u32::try_from(place).unwrap_or(u32::MAX))
            }

            /// The place in the list.
            #[must_use]
            pub const fn place(self) -> usize {
                self.0 as usize
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(number)
            }
        }

        impl From<$name> for u32 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// The number of a pool: unique in the engine and never reused.
    PoolId
}

id! {
    /// The number of a handler: its place in the engine's list of handlers.
    HandlerId
}

id! {
    /// The number of a host type: its place in the engine's list of host types.
    HostTypeId
}
