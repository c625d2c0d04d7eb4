//! Greetings: what a replica does from time to time so that others know it and it knows them.
//!
//! It publishes its name and client URLs, keeps a warm connection to every peer (an election has
//! no time for handshakes), learns that it was removed while it was away, and, as the leader, ends
//! joint configurations that an earlier leader left behind.

use crate::core::Core;
use crate::limits::{CALL_TIMEOUT, GREETING_INTERVAL};
use crate::membership;
use crate::transport::{Lane, Method, Target};
use crate::wire::{MemberChange, MemberListAnswer, PlainCall, decode, encode};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// A removed member that is told so goes on for a moment, so that a removed leader can still tell
/// the others.
const FAREWELL: Duration = Duration::from_secs(1);

/// Greets until the replica stops.
pub async fn run(core: Arc<Core>) {
    let mut tick = tokio::time::interval(GREETING_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        greet_all(&core).await;
        membership::finish_joint(&core).await;
    }
}

async fn greet_all(core: &Core) {
    let members = membership::list(&core.membership.borrow());
    let others = members.into_iter().filter(|member| member.id != core.id());
    let greetings = others
        .map(|member| greet(core, Target { member_id: member.id, peer_urls: member.peer_urls }));
    join_all(greetings).await;
}

async fn greet(core: &Core, target: Target) {
    join_all([Lane::Append, Lane::Propose].map(|lane| warm(core, &target, lane))).await;
    let call = encode(&PlainCall { header: core.network.header(target.member_id) });
    let answer = core.call(&target, Method::MemberList, call, CALL_TIMEOUT).await;
    let Ok(answer) = answer.and_then(decode::<MemberListAnswer>) else { return };
    let own_index = core.membership.borrow().log_id().as_ref().map_or(0, |id| id.index);
    let is_newer = answer.membership_index > own_index;
    if is_newer && !answer.members.iter().any(|member| member.id == core.id()) {
        leave(core).await;
    }
}

/// Keeps the connection of a lane: the next leader will need it.
async fn warm(core: &Core, target: &Target, lane: Lane) {
    let call = encode(&PlainCall { header: core.network.header(target.member_id) });
    let transport = &core.network.transport;
    // Only the connection matters.
    let _ = transport.call(target, lane, Method::MemberList, call, CALL_TIMEOUT).await;
}

/// Ends this replica when the membership that it applies does not have it any more.
pub async fn watch_removal(core: Arc<Core>) {
    let mut membership = core.membership.clone();
    let mut was_member = false;
    loop {
        let is_member = {
            let stored = membership.borrow_and_update();
            stored.membership().get_node(&core.id()).is_some()
        };
        if was_member && !is_member {
            leave(&core).await;
            return;
        }
        was_member |= is_member;
        if membership.changed().await.is_err() {
            return;
        }
    }
}

async fn leave(core: &Core) {
    tokio::time::sleep(FAREWELL).await;
    core.health.fail("this member has been removed from the cluster");
}

/// Publishes this member's name and client URLs, until the membership has them.
pub async fn publish(core: Arc<Core>) {
    let mut membership = core.membership.clone();
    loop {
        let own = core.options.member.clone();
        let is_due = {
            let stored = membership.borrow_and_update();
            stored.membership().get_node(&core.id()).is_some_and(|known| {
                (&known.name, &known.client_urls) != (&own.name, &own.client_urls)
            })
        };
        if is_due {
            let own = crate::member::Member { id: core.id(), ..own };
            if let Err(error) = membership::change(&core, MemberChange::Publish(own)).await {
                tracing::debug!(%error, "not published yet");
                tokio::time::sleep(CALL_TIMEOUT).await;
                continue;
            }
        }
        if membership.changed().await.is_err() {
            return;
        }
    }
}
