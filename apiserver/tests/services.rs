//! Leases, locks, elections, members, maintenance and auth through gRPC, and etcd's errors with
//! their codes and texts.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use futures::StreamExt;
use support::{Client, Cluster, eventually, patiently};
use tonic::{Code, Status};
use xebec_apiserver::etcd::proto::etcdserverpb as pb;
use xebec_apiserver::etcd::proto::grpc::health::v1 as health;
use xebec_apiserver::etcd::proto::v3electionpb as election;
use xebec_apiserver::etcd::proto::v3lockpb::{LockRequest, UnlockRequest};

/// What a call failed with.
async fn error<T>(call: impl Future<Output = Result<T, Status>>) -> (Code, String) {
    match patiently(call).await {
        Ok(_) => panic!("succeeds"),
        Err(status) => (status.code(), status.message().to_owned()),
    }
}

fn says(code: Code, text: &str) -> (Code, String) {
    (code, text.to_owned())
}

#[tokio::test]
async fn leases_live_and_die() {
    let cluster = Cluster::start(3).await;
    let node = cluster.follower().await;
    let mut client = cluster.client(node).await;
    let grant = |id, ttl| pb::LeaseGrantRequest { id, ttl };
    let granted = patiently(client.lease.lease_grant(grant(7, 60))).await.unwrap().into_inner();
    assert_eq!((granted.id, granted.ttl, granted.error.as_str()), (7, 60, ""));
    let chosen = patiently(client.lease.lease_grant(grant(0, 60))).await.unwrap().into_inner();
    assert!(chosen.id > 0);
    assert_eq!(
        error(client.lease.lease_grant(grant(7, 60))).await,
        says(Code::FailedPrecondition, "etcdserver: lease already exists")
    );
    assert_eq!(
        error(client.lease.lease_grant(grant(8, 9_000_000_001))).await,
        says(Code::OutOfRange, "etcdserver: too large lease TTL")
    );
    let put = pb::PutRequest { key: "k".into(), lease: 7, ..Default::default() };
    patiently(client.kv.put(put)).await.unwrap();
    let ask = |id| pb::LeaseTimeToLiveRequest { id, keys: true };
    let left = patiently(client.lease.lease_time_to_live(ask(7))).await.unwrap().into_inner();
    assert!((1..=60).contains(&left.ttl) && left.granted_ttl == 60);
    assert_eq!(left.keys, ["k"]);
    let none = patiently(client.lease.lease_time_to_live(ask(99))).await.unwrap().into_inner();
    assert_eq!((none.id, none.ttl, none.granted_ttl), (99, -1, 0));

    let requests = futures::stream::iter([7, 99, 7].map(|id| pb::LeaseKeepAliveRequest { id }));
    let answers = patiently(client.lease.lease_keep_alive(requests)).await.unwrap().into_inner();
    let answers: Vec<(i64, i64)> =
        patiently(answers.map(|answer| answer.unwrap()).map(|a| (a.id, a.ttl)).collect()).await;
    assert_eq!(answers, [(7, 60), (99, 0), (7, 60)]);

    let list = pb::LeaseLeasesRequest {};
    let list = patiently(client.lease.lease_leases(list)).await.unwrap().into_inner().leases;
    let mut ids: Vec<i64> = list.into_iter().map(|lease| lease.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [7, chosen.id]);
    let revoke = |id| pb::LeaseRevokeRequest { id };
    patiently(client.lease.lease_revoke(revoke(7))).await.unwrap();
    assert_eq!(
        error(client.lease.lease_revoke(revoke(7))).await,
        says(Code::NotFound, "etcdserver: requested lease not found")
    );
    let range = pb::RangeRequest { key: "k".into(), ..Default::default() };
    assert_eq!(patiently(client.kv.range(range)).await.unwrap().into_inner().count, 0);
    cluster.stop().await;
}

async fn lease(client: &mut Client) -> i64 {
    let request = pb::LeaseGrantRequest { id: 0, ttl: 60 };
    patiently(client.lease.lease_grant(request)).await.unwrap().into_inner().id
}

#[tokio::test]
async fn a_lock_is_held_by_one_at_a_time_in_order() {
    let cluster = Cluster::start(3).await;
    let mut client = cluster.client(0).await;
    let mut other = cluster.client(1).await;
    let lock = |lease| LockRequest { name: "l".into(), lease };
    let (first, second, third) =
        (lease(&mut client).await, lease(&mut client).await, lease(&mut client).await);
    let held = patiently(client.lock.lock(lock(first))).await.unwrap().into_inner();
    assert_eq!(held.key, format!("l/{first:x}"));
    let again = patiently(client.lock.lock(lock(first))).await.unwrap().into_inner();
    assert_eq!(again.key, held.key, "the same session holds it already");

    let waiting = |mut client: Client, lease| {
        tokio::spawn(async move { client.lock.lock(lock(lease)).await.map(|r| r.into_inner().key) })
    };
    let waiters = async |client: &mut Client, count| {
        let range = pb::RangeRequest {
            key: "l/".into(),
            range_end: "l0".into(),
            count_only: true,
            ..Default::default()
        };
        let mut kv = client.kv.clone();
        eventually(async || {
            let found = kv.range(range.clone()).await.unwrap().into_inner().count;
            (found == count).then_some(())
        })
        .await;
    };
    let next = waiting(other.clone(), second);
    waiters(&mut client, 2).await;
    let last = waiting(client.clone(), third);
    waiters(&mut client, 3).await;
    let unlock = |key| UnlockRequest { key };
    patiently(client.lock.unlock(unlock(held.key))).await.unwrap();
    let key = patiently(next).await.unwrap().unwrap();
    assert_eq!(key, format!("l/{second:x}"));
    assert!(!last.is_finished());
    // Whoever gives up leaves the queue.
    last.abort();
    waiters(&mut client, 1).await;
    // A session that ends lets the lock go, and a waiter whose own session ended is told.
    let lost = waiting(other.clone(), third);
    waiters(&mut client, 2).await;
    patiently(other.lease.lease_revoke(pb::LeaseRevokeRequest { id: third })).await.unwrap();
    patiently(other.lease.lease_revoke(pb::LeaseRevokeRequest { id: second })).await.unwrap();
    let status = patiently(lost).await.unwrap().unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unknown, "mutex: session is expired"));
    assert_eq!(
        error(client.lock.lock(lock(424_242))).await,
        says(Code::NotFound, "etcdserver: requested lease not found")
    );
    assert_eq!(
        error(client.lock.unlock(UnlockRequest::default())).await,
        says(Code::InvalidArgument, "etcdserver: key is not provided")
    );
    cluster.stop().await;
}

#[tokio::test]
async fn an_election_has_one_leader_and_many_observers() {
    let cluster = Cluster::start(3).await;
    let mut client = cluster.client(0).await;
    let mut other = cluster.client(1).await;
    let name = || election::LeaderRequest { name: "e".into() };
    assert_eq!(
        error(client.election.leader(name())).await,
        says(Code::Unknown, "election: no leader")
    );
    let mut observed = patiently(other.election.observe(name())).await.unwrap().into_inner();
    let (first, second) = (lease(&mut client).await, lease(&mut client).await);
    let campaign = |lease, value: &'static str| election::CampaignRequest {
        name: "e".into(),
        lease,
        value: value.into(),
    };
    let won = patiently(client.election.campaign(campaign(first, "one"))).await.unwrap();
    let leader = won.into_inner().leader.unwrap();
    assert_eq!((leader.key.clone(), leader.lease), (format!("e/{first:x}").into(), first));
    let proclaim = |leader: &election::LeaderKey, value: &'static str| election::ProclaimRequest {
        leader: Some(leader.clone()),
        value: value.into(),
    };
    patiently(client.election.proclaim(proclaim(&leader, "two"))).await.unwrap();
    let again = patiently(client.election.campaign(campaign(first, "three"))).await.unwrap();
    assert_eq!(again.into_inner().leader.unwrap().rev, leader.rev, "the same candidacy");
    let found = patiently(other.election.leader(name())).await.unwrap().into_inner();
    assert_eq!(found.kv.unwrap().value, "three");

    let rival = tokio::spawn({
        let mut other = other.clone();
        async move { other.election.campaign(campaign(second, "four")).await }
    });
    for value in ["one", "two", "three"] {
        let told = patiently(observed.message()).await.unwrap().unwrap();
        assert_eq!(told.kv.unwrap().value, value);
    }
    let resign = election::ResignRequest { leader: Some(leader.clone()) };
    patiently(client.election.resign(resign)).await.unwrap();
    let successor = patiently(rival).await.unwrap().unwrap().into_inner().leader.unwrap();
    assert_eq!(successor.lease, second);
    let told = patiently(observed.message()).await.unwrap().unwrap();
    assert_eq!(told.kv.unwrap().value, "four");
    assert_eq!(
        error(client.election.proclaim(proclaim(&leader, "late"))).await,
        says(Code::Unknown, "election: not leader")
    );
    assert_eq!(
        error(client.election.resign(election::ResignRequest { leader: None })).await,
        says(Code::Unknown, "\"leader\" field must be provided")
    );
    cluster.stop().await;
}

#[tokio::test]
async fn members_are_checked_and_listed() {
    let cluster = Cluster::start(3).await;
    let mut client = cluster.client(0).await;
    let list = pb::MemberListRequest { linearizable: true };
    let listed = patiently(client.cluster.member_list(list)).await.unwrap().into_inner();
    assert_eq!(listed.members.len(), 3);
    let header = listed.header.unwrap();
    assert!(header.cluster_id != 0 && header.member_id != 0 && header.raft_term > 0);
    assert_eq!(header.revision, 0, "as etcd's");
    let add =
        |url: &str| pb::MemberAddRequest { peer_urls: vec![url.to_owned()], is_learner: true };
    assert_eq!(
        error(client.cluster.member_add(add("nonsense"))).await,
        says(Code::InvalidArgument, "etcdserver: given member URLs are invalid")
    );
    assert_eq!(
        error(client.cluster.member_add(add("http://replica-1:2380"))).await,
        says(Code::FailedPrecondition, "etcdserver: Peer URLs already exists")
    );
    let voter = listed.members[0].id;
    assert_eq!(
        error(client.cluster.member_promote(pb::MemberPromoteRequest { id: voter })).await,
        says(Code::FailedPrecondition, "etcdserver: can only promote a learner member")
    );
    for id in [0, 42] {
        assert_eq!(
            error(client.cluster.member_remove(pb::MemberRemoveRequest { id })).await,
            says(Code::NotFound, "etcdserver: member not found")
        );
    }
    let update = pb::MemberUpdateRequest { id: 42, peer_urls: vec!["http://a:1".into()] };
    assert_eq!(
        error(client.cluster.member_update(update)).await,
        says(Code::NotFound, "etcdserver: member not found")
    );
    cluster.stop().await;
}

#[tokio::test]
async fn maintenance_tells_and_refuses() {
    let cluster = Cluster::start(3).await;
    let leader = cluster.leader().await;
    let mut client = cluster.client(leader).await;
    client.put("k", "v").await;
    let status = patiently(client.maintenance.status(pb::StatusRequest {})).await.unwrap();
    let status = status.into_inner();
    let header = status.header.unwrap();
    assert_eq!((status.version.as_str(), status.leader), ("3.6.0", header.member_id));
    assert!(status.raft_term > 0 && status.raft_applied_index > 0 && status.db_size > 0);
    assert_eq!((status.errors, status.is_learner), (vec![], false));

    let alarm = |action, kind| pb::AlarmRequest { action, member_id: 5, alarm: kind };
    let raised = patiently(client.maintenance.alarm(alarm(1, 2))).await.unwrap().into_inner();
    assert_eq!(raised.alarms, [pb::AlarmMember { member_id: 5, alarm: 2 }]);
    let standing = patiently(client.maintenance.alarm(alarm(0, 0))).await.unwrap().into_inner();
    assert_eq!(standing.alarms, raised.alarms);
    let status = patiently(client.maintenance.status(pb::StatusRequest {})).await.unwrap();
    assert_eq!(status.into_inner().errors, ["memberID:5 alarm:CORRUPT "]);
    let put = pb::PutRequest { key: "k".into(), ..Default::default() };
    assert_eq!(
        error(client.kv.put(put.clone())).await,
        says(Code::DataLoss, "etcdserver: corrupt cluster")
    );
    patiently(client.maintenance.alarm(alarm(2, 2))).await.unwrap();
    let raised = patiently(client.maintenance.alarm(alarm(1, 1))).await.unwrap().into_inner();
    assert_eq!(raised.alarms, [pb::AlarmMember { member_id: 5, alarm: 1 }]);
    assert_eq!(
        error(client.kv.put(put)).await,
        says(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded")
    );
    client.delete("k", "").await;
    patiently(client.maintenance.alarm(alarm(2, 1))).await.unwrap();
    client.put("k", "v").await;
    assert_eq!(error(client.maintenance.alarm(alarm(7, 1))).await.0, Code::InvalidArgument);
    assert_eq!(error(client.maintenance.alarm(alarm(1, 7))).await.0, Code::InvalidArgument);

    let to = |target_id| pb::MoveLeaderRequest { target_id };
    let mut follower = cluster.client((leader + 1) % 3).await;
    assert_eq!(
        error(follower.maintenance.move_leader(to(1))).await,
        says(Code::FailedPrecondition, "etcdserver: not leader")
    );
    assert_eq!(
        error(client.maintenance.move_leader(to(1))).await,
        says(Code::FailedPrecondition, "etcdserver: bad leader transferee")
    );
    let downgrade =
        |action, version: &str| pb::DowngradeRequest { action, version: version.into() };
    for (request, code, text) in [
        (downgrade(0, "x"), Code::InvalidArgument, "wrong downgrade target version format"),
        (downgrade(1, "3.5"), Code::InvalidArgument, "invalid downgrade target version"),
        (downgrade(2, ""), Code::FailedPrecondition, "no inflight downgrade job"),
    ] {
        let expected = says(code, &format!("etcdserver: {text}"));
        assert_eq!(error(client.maintenance.downgrade(request)).await, expected);
    }
    let hash = |revision| pb::HashKvRequest { revision };
    let now = patiently(client.maintenance.hash_kv(hash(0))).await.unwrap().into_inner();
    let same = patiently(client.maintenance.hash_kv(hash(now.hash_revision))).await.unwrap();
    assert_eq!(same.into_inner().hash, now.hash);
    assert_eq!(
        error(client.maintenance.hash_kv(hash(999))).await,
        says(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision")
    );
    client.compact(3).await;
    assert_eq!(
        error(client.maintenance.hash_kv(hash(2))).await,
        says(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted")
    );
    cluster.stop().await;
}

#[tokio::test]
async fn there_are_no_users() {
    let cluster = Cluster::start(1).await;
    let mut client = cluster.client(0).await;
    let status = patiently(client.auth.auth_status(pb::AuthStatusRequest {})).await.unwrap();
    assert!(!status.into_inner().enabled);
    assert_eq!(
        error(client.auth.authenticate(pb::AuthenticateRequest::default())).await,
        says(Code::FailedPrecondition, "etcdserver: authentication is not enabled")
    );
    assert_eq!(
        error(client.auth.auth_enable(pb::AuthEnableRequest {})).await.0,
        Code::Unimplemented
    );
    assert_eq!(
        error(client.auth.user_add(pb::AuthUserAddRequest::default())).await.0,
        Code::Unimplemented
    );
    let mut probe = health::health_client::HealthClient::new(client.channel.clone());
    let check = |service: &str| health::HealthCheckRequest { service: service.into() };
    let serving = patiently(probe.check(check(""))).await.unwrap().into_inner();
    assert_eq!(serving.status(), health::health_check_response::ServingStatus::Serving);
    assert_eq!(error(probe.check(check("nobody"))).await.0, Code::NotFound);
    cluster.stop().await;
}
