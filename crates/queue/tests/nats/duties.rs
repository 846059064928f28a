//! What any queue must do, on one server and on three.

mod one {
    use crate::rig::Rigged;
    use crate::server::How;

    queue::conformance!(Rigged::start(1, &How::safe()));
}

mod three {
    use crate::rig::Rigged;
    use crate::server::How;

    // Those in which it matters how many servers there are; the others cannot tell.
    queue::conformance!(Rigged::start(3, &How::safe()) =>
        what_was_published_is_there_after_a_restart
        what_was_published_is_there_after_a_kill
        an_id_counts_once_for_each_tenant
        a_full_tenant_is_told_so_and_the_others_are_not
        a_publisher_that_gives_up_midway_loses_nothing
        what_is_acknowledged_late_is_done_all_the_same
        what_kills_its_consumer_is_given_up_across_restarts
        what_was_acknowledged_is_replayed_in_order
        purging_takes_one_tenant_whole_and_no_other
        depth_tells_how_messages_stand
    );
}
