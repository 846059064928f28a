//! One route: what it is asked with, what it asks for, and what it answers with.
//!
//! A room (one module below `operator`) has its routes in a function `routes()`, and [`super::table`] names the rooms. A handler answers with one of the
//! types of [`super::answers`], never with a bare response: what a route takes and gives is read off its handler's own signature, so that what is said of
//! it cannot drift from what it does.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use contract::people::Right;

use super::answers::Answer;
use super::describe::{Part, Sketch};
use crate::hub::Hub;

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: coming in.
    Open,
    /// A right; for the tenant in the path, where it is about one.
    Right(Right),
}

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// What it does, in a few words.
    pub(super) summary: &'static str,
    /// The path of its handler in the source.
    pub(super) name: &'static str,
    refuses: &'static [StatusCode],
    sketch: fn(&mut Sketch),
    pub(super) handler: MethodRouter<Arc<Hub>>,
}

/// One route, to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteView {
    /// Its method.
    pub method: &'static str,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// What it asks for; none where it is the way in.
    pub right: Option<Right>,
    /// What it does.
    pub summary: &'static str,
}

impl Route {
    pub(super) const fn view(&self) -> RouteView {
        let right = match self.access {
            Access::Open => None,
            Access::Right(right) => Some(right),
        };
        RouteView { method: self.method, path: self.path, right, summary: self.summary }
    }

    /// With which statuses its handler refuses, beside those that its parts refuse with.
    pub(super) fn refuses(self, statuses: &'static [StatusCode]) -> Self {
        Self { refuses: statuses, ..self }
    }

    /// All that is known of it.
    pub(super) fn sketch(&self) -> Sketch {
        let mut sketch = Sketch::default();
        (self.sketch)(&mut sketch);
        sketch.refuses.extend(self.refuses.iter().map(StatusCode::as_u16));
        // A query where none is taken; a page of somebody else's; our own.
        sketch.refuses([StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR]);
        match self.access {
            Access::Open => {}
            Access::Right(_) => sketch.refuses([StatusCode::UNAUTHORIZED]),
        }
        if self.method == "GET" {
            sketch.answers(
                StatusCode::NOT_MODIFIED,
                "It is still what the named entity tag stands for.",
                None,
            );
        }
        sketch
    }

    fn new<H: Described<T>, T: 'static>(
        method: &'static str,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: MethodRouter<Arc<Hub>>,
    ) -> Self {
        let name = std::any::type_name::<H>();
        Self { method, path, access, summary, name, refuses: &[], sketch: H::sketch, handler }
    }
}

/// A route that only looks.
pub(super) fn reads<H: Described<T>, T: 'static>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: H,
) -> Route {
    Route::new::<H, T>("GET", path, Access::Right(right), summary, get(handler))
}

/// A route that does something.
pub(super) fn changes<H: Described<T>, T: 'static>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: H,
) -> Route {
    Route::new::<H, T>("POST", path, Access::Right(right), summary, post(handler))
}

/// A route that anybody may ask who reaches the plane.
pub(super) fn comes_in<H: Described<T>, T: 'static>(
    path: &'static str,
    summary: &'static str,
    handler: H,
) -> Route {
    Route::new::<H, T>("POST", path, Access::Open, summary, post(handler))
}

/// A handler that is described by its own signature.
pub(super) trait Described<T>: Handler<T, Arc<Hub>> {
    /// What it takes and gives.
    fn sketch(sketch: &mut Sketch);
}

macro_rules! described {
    ($($part:ident),*) => {
        impl<F, Future, A, M, $($part),*> Described<(M, $($part,)*)> for F
        where
            F: FnOnce($($part),*) -> Future + Handler<(M, $($part,)*), Arc<Hub>>,
            Future: std::future::Future<Output = A>,
            A: Answer,
            $($part: Part,)*
        {
            fn sketch(sketch: &mut Sketch) {
                $($part::sketch(sketch);)*
                A::sketch(sketch);
            }
        }
    };
}

described!(A1);
described!(A1, A2);
described!(A1, A2, A3);
described!(A1, A2, A3, A4);
described!(A1, A2, A3, A4, A5);
described!(A1, A2, A3, A4, A5, A6);
