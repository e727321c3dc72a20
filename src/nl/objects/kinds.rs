//! What the kinds of objects that have types of their own share.

use super::{Object, ObjectRef};
use crate::nl::Message;

/// A kind of object that the kernel lists and libnl parses:
/// [`Link`](super::Link), [`Address`](super::Address),
/// [`Route`](super::Route), [`Neighbour`](super::Neighbour) and
/// [`Rule`](super::Rule).
///
/// It cannot be implemented elsewhere.
pub trait Dumpable: Sized + sealed::Kind {
    /// The borrowed form.
    type Ref<'a>;

    /// libnl's name for it: `route/link`, …
    const NAME: &'static str;

    /// The type of the message that tells of a new one, `RTM_NEW…`. The next
    /// number is that of `RTM_DEL…`, the one after it that of `RTM_GET…`.
    const NEW: u16;
}

pub(in crate::nl) mod sealed {
    use super::*;

    pub trait Kind: Sized {
        /// The object is of this kind.
        fn build(object: Object, message: &Message<'_>) -> Self;

        /// The object is of this kind.
        fn view<'a>(object: ObjectRef<'a>) -> Self::Ref<'a>
        where
            Self: super::Dumpable;
    }
}

/// Defines the owned and the borrowed type of a kind of objects.
macro_rules! kind {
    (
        $(#[$owned_doc:meta])* $owned:ident,
        $(#[$ref_doc:meta])* $borrowed:ident,
        $raw:ident, $name:literal, $new:ident
        $(, $extra:ident: $extra_type:ty = $extra_value:path)?
    ) => {
        $(#[$ref_doc])*
        pub struct $borrowed<'a> {
            object: $crate::nl::objects::ObjectRef<'a>,
        }

        impl $borrowed<'_> {
            /// The raw object, for functions of libnl that are not wrapped. It
            /// is valid as long as this borrow.
            pub fn as_ptr(&self) -> *mut libnl3_sys::$raw {
                self.object.as_ptr().cast()
            }
        }

        impl<'a> std::ops::Deref for $borrowed<'a> {
            type Target = $crate::nl::objects::ObjectRef<'a>;

            fn deref(&self) -> &$crate::nl::objects::ObjectRef<'a> {
                &self.object
            }
        }

        $(#[$owned_doc])*
        pub struct $owned {
            borrowed: $borrowed<'static>,
            // Frees the object.
            #[allow(dead_code)]
            object: $crate::nl::objects::Object,
            $($extra: $extra_type,)?
        }

        // SAFETY: it is an `Object`, which is `Send`, and a view of the same.
        unsafe impl Send for $owned {}

        impl std::ops::Deref for $owned {
            type Target = $borrowed<'static>;

            fn deref(&self) -> &$borrowed<'static> {
                &self.borrowed
            }
        }

        impl From<$owned> for $crate::nl::objects::Object {
            fn from(owned: $owned) -> $crate::nl::objects::Object {
                owned.object
            }
        }

        $crate::nl::objects::kinds::shown!($owned, $borrowed<'_>);

        impl $crate::nl::objects::Dumpable for $owned {
            type Ref<'a> = $borrowed<'a>;
            const NAME: &'static str = $name;
            const NEW: u16 = libnl3_sys::$new as u16;
        }

        impl $crate::nl::objects::kinds::sealed::Kind for $owned {
            fn build(
                object: $crate::nl::objects::Object,
                _message: &$crate::nl::Message<'_>,
            ) -> $owned {
                $owned {
                    $($extra: $extra_value(_message),)?
                    borrowed: $borrowed { object: object.again() },
                    object,
                }
            }

            fn view<'a>(object: $crate::nl::objects::ObjectRef<'a>) -> $borrowed<'a> {
                $borrowed { object }
            }
        }
    };
}

/// Shown as the object is.
macro_rules! shown {
    ($($type:ty),*) => {
        $(
            impl std::fmt::Display for $type {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    let object: &$crate::nl::objects::ObjectRef<'_> = self;
                    std::fmt::Display::fmt(object, f)
                }
            }

            impl std::fmt::Debug for $type {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    let object: &$crate::nl::objects::ObjectRef<'_> = self;
                    std::fmt::Debug::fmt(object, f)
                }
            }
        )*
    };
}

pub(in crate::nl::objects) use {kind, shown};
