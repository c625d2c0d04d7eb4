//! The Cluster service: members. As in etcd, its headers carry no revision.

use super::context::Context;
use super::proto::etcdserverpb::cluster_server;
use super::proto::etcdserverpb::{
    MemberAddRequest, MemberAddResponse, MemberListRequest, MemberListResponse,
    MemberPromoteRequest, MemberPromoteResponse, MemberRemoveRequest, MemberRemoveResponse,
    MemberUpdateRequest, MemberUpdateResponse, ResponseHeader,
};
use super::{convert, errors};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// URLs of one member: more than any member has, and few enough for the membership entry.
const MEMBER_URLS_MAX: usize = 16;
const URL_BYTES_MAX: usize = 1_024;

pub struct Cluster {
    context: Arc<Context>,
}

impl Cluster {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn header(&self) -> Option<ResponseHeader> {
        Some(self.context.header(0))
    }
}

/// Sorted, as etcd keeps them.
fn checked_urls(mut urls: Vec<String>) -> Result<Vec<String>, Status> {
    let few = (1..=MEMBER_URLS_MAX).contains(&urls.len());
    if !few || !urls.iter().all(|url| is_member_url(url)) {
        return Err(errors::BAD_MEMBER_URLS.into());
    }
    urls.sort_unstable();
    Ok(urls)
}

/// A scheme, a host and a port, and no more.
fn is_member_url(url: &str) -> bool {
    let Ok(uri) = url.trim().parse::<http::Uri>() else { return false };
    let scheme = uri.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let path = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let host = uri.host().is_some_and(|host| !host.is_empty());
    let bare = !url.contains('@') && !url.ends_with('/');
    url.len() <= URL_BYTES_MAX && scheme && path && host && bare && uri.port_u16().is_some()
}

#[tonic::async_trait]
impl cluster_server::Cluster for Cluster {
    async fn member_add(
        &self,
        request: Request<MemberAddRequest>,
    ) -> Result<Response<MemberAddResponse>, Status> {
        let MemberAddRequest { peer_urls, is_learner } = request.into_inner();
        let urls = checked_urls(peer_urls)?;
        // The name is published by the member itself when it starts.
        let added = self.context.replica.add_member(String::new(), urls, is_learner).await;
        let (member, members) = added.map_err(|error| errors::member(&error))?;
        Ok(Response::new(MemberAddResponse {
            header: self.header(),
            member: Some(convert::member(member)),
            members: convert::members(members),
        }))
    }

    async fn member_remove(
        &self,
        request: Request<MemberRemoveRequest>,
    ) -> Result<Response<MemberRemoveResponse>, Status> {
        let MemberRemoveRequest { id } = request.into_inner();
        let members =
            self.context.replica.remove_member(id).await.map_err(|error| errors::member(&error))?;
        let (header, members) = (self.header(), convert::members(members));
        Ok(Response::new(MemberRemoveResponse { header, members }))
    }

    async fn member_update(
        &self,
        request: Request<MemberUpdateRequest>,
    ) -> Result<Response<MemberUpdateResponse>, Status> {
        let MemberUpdateRequest { id, peer_urls } = request.into_inner();
        let urls = checked_urls(peer_urls)?;
        let updated = self.context.replica.update_member(id, urls).await;
        let (header, members) =
            (self.header(), convert::members(updated.map_err(|error| errors::member(&error))?));
        Ok(Response::new(MemberUpdateResponse { header, members }))
    }

    async fn member_list(
        &self,
        request: Request<MemberListRequest>,
    ) -> Result<Response<MemberListResponse>, Status> {
        if request.into_inner().linearizable {
            self.context.read_index().await?;
        }
        let members = convert::members(self.context.replica.members());
        Ok(Response::new(MemberListResponse { header: self.header(), members }))
    }

    async fn member_promote(
        &self,
        request: Request<MemberPromoteRequest>,
    ) -> Result<Response<MemberPromoteResponse>, Status> {
        let MemberPromoteRequest { id } = request.into_inner();
        let members = self
            .context
            .replica
            .promote_member(id)
            .await
            .map_err(|error| errors::member(&error))?;
        let (header, members) = (self.header(), convert::members(members));
        Ok(Response::new(MemberPromoteResponse { header, members }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_url_is_a_scheme_a_host_and_a_port() {
        for good in ["http://127.0.0.1:2380", "https://a.example:1", "http://[::1]:2380"] {
            assert!(is_member_url(good), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:2380",
            "ftp://a:1",
            "http://a",
            "http://:2380",
            "http://a:2380/path",
            "http://a:2380/",
            "http://a:2380?q",
            "http://u@a:2380",
            "http://a:99999",
            "unix://a",
        ] {
            assert!(!is_member_url(bad), "{bad}");
        }
        assert!(checked_urls(vec![]).is_err());
        assert!(checked_urls(vec!["http://a:1".into(); MEMBER_URLS_MAX + 1]).is_err());
        let sorted = checked_urls(vec!["http://b:1".into(), "http://a:1".into()]).unwrap();
        assert_eq!(sorted, ["http://a:1", "http://b:1"]);
    }
}
