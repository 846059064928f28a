//! The frame around each page: head, navigation, way back, heading, and who is signed in.

use contract::people::{Right, Role};
use maud::{DOCTYPE, Markup, html};

use super::Page;
use super::assets::{EVIDENCE, ICON, SCRIPT, STYLE};
use super::enter::Frame;

/// One step of the way back: where it leads, and its name.
#[derive(Debug, Clone)]
pub(crate) struct Crumb {
    path: String,
    name: String,
}

/// A step of the way back.
pub(crate) fn crumb(path: impl Into<String>, name: impl Into<String>) -> Crumb {
    Crumb { path: path.into(), name: name.into() }
}

/// Where the navigation leads, and the right that the page asks for.
const NAVIGATION: &[(&str, &str, Right)] = &[
    ("/", "Fleet", Right::StatusRead),
    ("/packets", "Packets", Right::StatusRead),
    ("/approvals", "Approvals", Right::ApprovalsRead),
    ("/calls", "Calls", Right::AlertsRead),
    ("/alerts", "Alerts", Right::AlertsRead),
    ("/enrolment", "Enrolment", Right::EnrolmentsRead),
    ("/runbooks", "Runbooks", Right::LibraryRead),
    ("/baseline", "Baseline", Right::LibraryRead),
    ("/people", "People", Right::PeopleRead),
    ("/audit", "Audit", Right::AuditRead),
];

/// A page in its frame.
pub(crate) fn framed(frame: &Frame, title: &str, crumbs: &[Crumb], body: &Markup) -> Page {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, Some(&frame.csrf)))
            body {
                a .skip href="#main" { "Skip to content" }
                header .top {
                    a .brand href="/" aria-label="Suture, to the fleet" { (mark()) span { "Suture" } }
                    nav aria-label="Main" {
                        button .menu type="button" aria-expanded="false" aria-controls="places" data-menu { "Menu" }
                        ul #places {
                            @for (path, name, right) in NAVIGATION {
                                @if frame.may(*right) { li { (place(path, name, frame)) } }
                            }
                        }
                    }
                    div .who {
                        span .live data-live-state role="status" { "" }
                        a href="/me" aria-current=[(frame.path == "/me").then_some("page")] {
                            (frame.person) span .role { (role_words(frame.role)) }
                        }
                        button .quiet type="button" data-post="/api/v1/logout" data-then="/login" { "Sign out" }
                    }
                }
                main #main tabindex="-1" {
                    @if !crumbs.is_empty() {
                        nav .crumbs aria-label="Way back" {
                            ol { @for Crumb { path, name } in crumbs { li { a href=(path) { (name) } } } }
                        }
                    }
                    h1 { (title) }
                    (of_tenant(&frame.path, frame.role))
                    div #told role="alert" aria-live="assertive" {}
                    (body)
                }
                (foot())
            }
        }
    };
    Page { status: axum::http::StatusCode::OK, markup }
}

/// The pages of one tenant, on each of them: those that whoever looks may see.
fn of_tenant(here: &str, role: Role) -> Markup {
    let Some(tenant) = here.strip_prefix("/tenants/").and_then(|rest| rest.split('/').next()) else {
        return html! {};
    };
    let keeps_evidence = match role {
        Role::MspAdmin | Role::Technician | Role::Auditor => true,
        Role::ClinicViewer => false,
    };
    let rooms = [
        ("incidents", "Incidents", true),
        ("evidence", "Evidence", keeps_evidence),
        ("exceptions", "Exceptions", true),
        ("packets", "Packets", true),
        ("clinic", "For the clinic", true),
    ];
    html! {
        nav .rooms aria-label=(format!("Pages of {tenant}")) {
            @for (room, name, _) in rooms.iter().filter(|(.., may)| *may) {
                @let path = format!("/tenants/{tenant}/{room}");
                a href=(path) aria-current=[(path == here).then_some("page")] { (name) }
            }
        }
    }
}

/// A page without navigation: for whoever is not signed in.
pub(crate) fn bare(title: &str, body: &Markup) -> Page {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, None))
            body .bare {
                a .skip href="#main" { "Skip to content" }
                header .top { a .brand href="/" aria-label="Suture, to the fleet" { (mark()) span { "Suture" } } }
                main #main tabindex="-1" {
                    h1 { (title) }
                    div #told role="alert" aria-live="assertive" {}
                    (body)
                }
                (foot())
            }
        }
    };
    Page { status: axum::http::StatusCode::OK, markup }
}

fn head(title: &str, csrf: Option<&str>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title { (title) " · Suture" }
            @if let Some(csrf) = csrf { meta name="csrf" content=(csrf); }
            link rel="icon" type="image/svg+xml" href=(ICON.path());
            link rel="stylesheet" href=(STYLE.path());
            script src=(SCRIPT.path()) defer {}
            script src=(EVIDENCE.path()) defer {}
        }
    }
}

/// A link of the navigation, which says where one is.
fn place(path: &str, name: &str, frame: &Frame) -> Markup {
    let here = frame.path.as_str();
    let is_here = if path == "/" {
        here == "/" || here.starts_with("/tenants/")
    } else {
        here == path || here.starts_with(&format!("{path}/"))
    };
    html! {
        a href=(path) aria-current=[is_here.then_some("page")] {
            (name)
            // The place is there also while it is empty, so that a number can come.
            @if path == "/alerts" { span #alerts-count data-live="alert" { @if let Some(count) = frame.alerts.filter(|count| *count > 0) { " " span .count { (count) span .visually-hidden { " that nobody looks after" } } } } }
        }
    }
}

/// A wound that is closed, and the line that stays.
fn mark() -> Markup {
    html! {
        svg .mark viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false" {
            path d="M3 12h18" {}
            path d="M6 8v8M10.5 8v8M15 8v8M19.5 8v8" {}
        }
    }
}

fn foot() -> Markup {
    html! {
        footer .foot {
            p { "Suture monitors and helps detect. It does not certify compliance." }
            noscript { p { "Without its script this console shows pages and changes nothing." } }
        }
    }
}

/// A role, for people.
pub(crate) const fn role_words(role: Role) -> &'static str {
    match role {
        Role::MspAdmin => "MSP admin",
        Role::Technician => "Technician",
        Role::ClinicViewer => "Clinic viewer",
        Role::Auditor => "Auditor",
    }
}
