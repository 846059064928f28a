//! One route: what it is asked with, what it asks for, and what it answers with.
//!
//! A room (one module below `operator`) has its routes in a function `routes()`, and [`super::table`] names the rooms. A handler answers with one of the
//! types of [`super::answers`], never with a bare response: what a route takes and gives is read off its handler's own signature, so that what is said of
//! it cannot drift from what it does.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post, put};
use contract::people::Right;

use super::answers::Answer;
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
}

/// A route that only looks.
pub(super) fn reads<T: 'static>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: impl Described<T>,
) -> Route {
    Route { method: "GET", path, access: Access::Right(right), summary, handler: get(handler) }
}

/// A route that does something.
pub(super) fn changes<T: 'static>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: impl Described<T>,
) -> Route {
    Route { method: "POST", path, access: Access::Right(right), summary, handler: post(handler) }
}

/// A route that puts something in the place of what was there.
#[expect(dead_code, reason = "for what is replaced as a whole")]
pub(super) fn replaces<T: 'static>(
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: impl Described<T>,
) -> Route {
    Route { method: "PUT", path, access: Access::Right(right), summary, handler: put(handler) }
}

/// A route that anybody may ask who reaches the plane.
pub(super) fn comes_in<T: 'static>(
    path: &'static str,
    summary: &'static str,
    handler: impl Described<T>,
) -> Route {
    Route { method: "POST", path, access: Access::Open, summary, handler: post(handler) }
}

/// A handler whose answer says what it holds.
pub(super) trait Described<T>: Handler<T, Arc<Hub>> {}

macro_rules! described {
    ($($part:ident),*) => {
        impl<F, Future, A, M, $($part),*> Described<(M, $($part,)*)> for F
        where
            F: FnOnce($($part),*) -> Future + Handler<(M, $($part,)*), Arc<Hub>>,
            Future: std::future::Future<Output = A>,
            A: Answer,
        {
        }
    };
}

described!(A1);
described!(A1, A2);
described!(A1, A2, A3);
described!(A1, A2, A3, A4);
described!(A1, A2, A3, A4, A5);
described!(A1, A2, A3, A4, A5, A6);
